"""Watching the source: its fingerprint is the data version of `tickets/source`.

Belongs here: reporting the fingerprint when the files changed.
Does not belong here: reading the files (tickets/).
"""

import dagster as dg

from ticket_assets.settings import Settings, resolve
from ticket_assets.tickets.sources import fingerprint, source_files

SOURCE = dg.AssetKey(["tickets", "source"])
DATA_VERSION = "dagster/data_version"


def observe_source(settings: Settings, instance: dg.DagsterInstance) -> str | None:
    """Report the source's fingerprint if it is a new one; None for a generated source.

    Raises:
        SourceError: the source names no file.
    """
    source = settings.active.source
    if source.kind == "sample":
        return None
    files = source_files(resolve(source.path or ""))
    found = fingerprint(files)
    before = instance.get_latest_data_version_record(SOURCE)
    known = before.event_log_entry.dagster_event if before else None
    if known is None or _version(known) != found:
        # A materialisation, though others make the files: staleness reads no observation of an asset it cannot run.
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                SOURCE,
                metadata={"files": len(files), "first": dg.MetadataValue.path(files[0])},
                tags={DATA_VERSION: found},
            )
        )
    return found


def _version(event: dg.DagsterEvent) -> str | None:
    reported = getattr(event.event_specific_data, "materialization", None)
    return reported.tags.get(DATA_VERSION) if reported else None
