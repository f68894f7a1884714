"""Group tickets: from the source to clean rows and quarantined rows.

Belongs here: declarations. The arithmetic is in ticket_assets/tickets/ under the same words.
"""

import json
from dataclasses import asdict

import dagster as dg
import pandas as pd

from ticket_assets.assets.declaration import OWNERS, asset, columns_metadata, settings_tags
from ticket_assets.assets.feedback_reporting import fed_metadata, feedback_metadata
from ticket_assets.assets.ticket_reporting import date_order_metadata, quality_metadata, quarantine_metadata
from ticket_assets.code_version import PROJECT, code_digest
from ticket_assets.resources.desk import Desk
from ticket_assets.settings import resolve
from ticket_assets.storage import digest
from ticket_assets.tables import frame_digest, write_parquet
from ticket_assets.tickets.clean_tickets import clean_tickets
from ticket_assets.tickets.curation import DROPPED_ON_PURPOSE
from ticket_assets.tickets.data_summary import summary_frame, write_summary
from ticket_assets.tickets.feedback import feedback_table
from ticket_assets.tickets.ledger import read_ledger
from ticket_assets.tickets.masking import count_masked
from ticket_assets.tickets.quality import assess
from ticket_assets.tickets.sample import generate
from ticket_assets.tickets.sample_spec import sample_spec
from ticket_assets.tickets.schema import SOURCE as SOURCE_COLUMN
from ticket_assets.tickets.schema import clean_columns
from ticket_assets.tickets.snapshot import ingest, read_snapshot
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets.tickets.sources.places import fingerprint

Rows = dg.MaterializeResult[pd.DataFrame]
PHRASES = tuple((PROJECT / "ticket_assets" / "tickets" / "sample_phrases").glob("*.toml"))
SAMPLE = dg.AssetKey(["tickets", "sample"])
SOURCE = dg.AssetKey(["tickets", "source"])
MENDED = dg.AssetKey(["tickets", "mended"])
CORRECTIONS = dg.AssetKey(["tickets", "corrections"])
OVERRULED_NAMED = 20  # in the log

source = dg.AssetSpec(
    SOURCE,
    group_name="tickets",
    owners=OWNERS,
    kinds={"source"},
    description="The tickets of the profile where others keep them; observed by their fingerprint.",
)

mended = dg.AssetSpec(
    MENDED,
    group_name="tickets",
    owners=OWNERS,
    kinds={"source"},
    description="Quarantined rows that people mended or dropped (`make mend`); observed by their batches.",
)


@asset("tickets", "sample", kinds={"python", "parquet"}, settings=["source"], files=PHRASES)
def sample(desk: Desk) -> dg.MaterializeResult:
    """Generated tickets, written to a file that is read like any other source."""
    tickets = generate(sample_spec(desk.active.source))
    path = desk.folders.source / "tickets.parquet"
    write_parquet(path, tickets)
    return dg.MaterializeResult(
        metadata={"dagster/row_count": len(tickets), "path": dg.MetadataValue.path(path)},
        data_version=dg.DataVersion(fingerprint((path,))),
    )


def raw(upstream: dg.AssetKey) -> dg.AssetsDefinition:
    """`tickets/raw` over the generated file or over the profile's own source."""

    # Which columns are reached into nested ones follows from targets and features.
    @asset(
        "tickets",
        "raw",
        kinds={"duckdb", "parquet"},
        settings=["source", "targets", "features"],
        deps=[upstream, MENDED],
    )
    def raw(desk: Desk) -> dg.MaterializeResult:
        """Source rows as they came: append-only batches, each of what the source says anew."""
        active = desk.active
        source = open_source(active.source, resolve, desk.folders.source / "tickets.parquet")
        done = ingest(
            source,
            desk.folders.raw,
            active.columns,
            wanted=sorted(desk.columns_read),
            unreadable_share=active.source.unreadable_share,
            ledger=read_ledger(desk.folders.records),
        )
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": done.total_rows,
                "source_rows": done.source_rows,
                "new_rows": done.new_rows,
                "unreadable_rows": done.unreadable,
                "erased_rows_skipped": done.erased_rows_skipped,
                "mendings_carried": done.mendings_carried,
                "batches": done.batches,
                "source": source.name,
                **done.told,
                "path": dg.MetadataValue.path(desk.folders.raw),
            },
            data_version=dg.DataVersion(done.version),
        )

    return raw


corrections = dg.AssetSpec(
    CORRECTIONS,
    group_name="tickets",
    owners=OWNERS,
    kinds={"source"},
    description="What people corrected in the service's prediction log; observed by its fingerprint.",
)


@asset("tickets", "feedback", kinds={"sqlalchemy", "parquet"}, settings=["targets", "cleaning"], deps=[CORRECTIONS])
def feedback(desk: Desk) -> dg.MaterializeResult[pd.DataFrame]:
    """Every correction with its provenance, which of them hold, and where people contradict each other."""
    told, folders = (vars(one) for one in desk.corrections()), desk.folders
    table = feedback_table(told, desk.active, desk.taxonomies, read_ledger(folders.records), folders.kept / "feedback")
    return dg.MaterializeResult(
        value=table, data_version=dg.DataVersion(frame_digest(table)), metadata=feedback_metadata(table)
    )


def _curated(name: str, description: str) -> dg.AssetOut:
    return dg.AssetOut(
        key=["tickets", name],
        owners=OWNERS,
        code_version=code_digest(f"{__name__}:clean"),
        kinds={"pandas", "parquet"},
        tags=settings_tags(["cleaning", "columns", "targets", "families", "features", "monitoring.feedback.weight"]),
        description=description,
    )


@dg.multi_asset(
    name="clean",
    group_name="tickets",
    deps=[["tickets", "raw"]],
    ins={"feedback": dg.AssetIn(["tickets", "feedback"])},
    outs={
        "clean": _curated("clean", "Tickets one may learn from: cleaned, labelled, copies folded, families numbered."),
        "quarantine": _curated("quarantine", "Rows no one may learn from yet, as they came, each with its reason."),
    },
)
def clean(context: dg.AssetExecutionContext, desk: Desk, feedback: pd.DataFrame) -> tuple[Rows, Rows]:
    """Curate the snapshot, put in what people corrected; add language and family."""
    active, taxonomies = desk.active, desk.taxonomies
    made = clean_tickets(read_snapshot(desk.folders.raw), active, taxonomies, desk.folders.kept, feedback)
    tickets, curation, families = made.tickets, made.curation, made.families
    counts = {
        "read": curation.read,
        "clean": len(tickets),
        "superseded": curation.superseded,
        "folded": curation.folded,
        "quarantined": len(curation.quarantine),
        "mended": curation.mended,
        "mendings_overruled": len(curation.overruled),
        "dropped": int((curation.quarantine["reason"] == DROPPED_ON_PURPOSE).sum()),
    }
    if curation.overruled:
        rows = ", ".join(curation.overruled[:OVERRULED_NAMED])
        context.log.warning(f"{len(curation.overruled)} mendings are overruled, as the source spoke again: {rows}")
    return (
        dg.MaterializeResult(
            asset_key=["tickets", "clean"],
            value=tickets,
            data_version=dg.DataVersion(frame_digest(tickets.drop(columns="ingested_at"))),
            metadata={
                **counts,
                **made.work,
                **fed_metadata(made.fed),
                "disputed": curation.disputed,
                "unknown_labels": curation.unknown_labels,
                "unreadable_dates": curation.unreadable_dates,
                **date_order_metadata(curation.date_order),
                "masked": count_masked(tickets["text"]),
                "taxonomy": {target: taxonomy.current for target, taxonomy in taxonomies.items()},
                "relabelled": curation.relabelled,
                "undecided_splits": curation.undecided_splits,
                "languages": tickets["language"].value_counts().to_dict(),
                "in_families_share": families.in_families_share,
                "largest_family_share": families.largest_share,
                "dagster/column_schema": columns_metadata(
                    [
                        (one.name, one.dtype, f"{one.description} (known at {one.known_at})")
                        for one in clean_columns(active.features.context, active.targets, SOURCE_COLUMN in tickets)
                    ]
                ),
            },
        ),
        dg.MaterializeResult(
            asset_key=["tickets", "quarantine"],
            value=curation.quarantine,
            data_version=dg.DataVersion(frame_digest(curation.quarantine.drop(columns="_ingested_at"))),
            metadata={**counts, **quarantine_metadata(curation.quarantine, desk.profile, active)},
        ),
    )


@asset(
    "tickets",
    "quality",
    kinds={"evidently", "duckdb"},
    settings=["features", "targets"],
    deps=[["tickets", "raw"]],
    ins={"tickets": dg.AssetIn(["tickets", "clean"]), "quarantined": dg.AssetIn(["tickets", "quarantine"])},
)
def quality(desk: Desk, tickets: pd.DataFrame, quarantined: pd.DataFrame) -> dg.MaterializeResult:
    """What is missing, doubled, rare, disputed or late in the tickets; nothing depends on it."""
    active = desk.active
    found = assess(desk.folders.raw, tickets, len(quarantined), active.targets)
    summary = write_summary(summary_frame(tickets, active.targets, active.features.context), desk.folders.reports)
    return dg.MaterializeResult(
        metadata=quality_metadata(found, tickets, summary, desk.profile),
        data_version=dg.DataVersion(digest([json.dumps(asdict(found), sort_keys=True)])),
    )
