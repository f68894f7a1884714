"""Telling Dagster what happened to the champion outside a materialisation: a rollback, a pin, its end.

Belongs here: the data versions of `models/pin` and, after a rollback, of `models/champion`.
Does not belong here: the pin and the rollback themselves (serving/), what is due (staleness.py).
"""

from datetime import datetime

import dagster as dg

from ticket_assets.automation.source import DATA_VERSION
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.throne import throne

CHAMPION = dg.AssetKey(["models", "champion"])
PIN = dg.AssetKey(["models", "pin"])
NO_PIN = "none"


def observe_champion(desk: Desk, instance: dg.DagsterInstance, now: datetime) -> None:
    """Bring what Dagster knows to what the pointer and the pin are; a move that was broken off is mended first.

    A pin, and its end, make `models/champion` due: the challenger that it held back is judged again.
    """
    folders = desk.folders
    standing = Chronicle.read(folders.records, folders.bundles)
    if standing.broken_off:
        with throne(desk.court()) as mended:
            standing = mended
    pin = standing.pin(now)
    version = pin.until.isoformat() if pin else NO_PIN
    if _tags(instance, PIN).get(DATA_VERSION, NO_PIN) != version:
        _report(instance, PIN, {DATA_VERSION: version}, pin=str(pin or NO_PIN))
    made, champion = _tags(instance, CHAMPION), standing.champion
    if made and champion and made[DATA_VERSION] != champion.bundle:
        # What it was made from has not changed: without those tags it would look due for that alone.
        told = {"champion": f"v{champion.version}", "decision": standing.reigns[-1].why}
        _report(instance, CHAMPION, {**made, DATA_VERSION: champion.bundle}, **told)


def _tags(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, str]:
    event = instance.get_latest_materialization_event(key)
    made = event.asset_materialization if event else None
    return dict((made.tags or {}) if made else {})


def _report(instance: dg.DagsterInstance, key: dg.AssetKey, tags: dict[str, str], **metadata: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=metadata, tags=tags))
