"""Group tickets: from the source to clean rows and quarantined rows.

Belongs here: declarations. The arithmetic is in ticket_assets/tickets/ under the same words.
"""

import dagster as dg
import pandas as pd

from ticket_assets.assets.declaration import OWNERS, asset, columns_metadata, settings_tag, table
from ticket_assets.code_version import PROJECT, code_digest
from ticket_assets.resources import Desk
from ticket_assets.settings import resolve
from ticket_assets.tables import frame_digest, write_parquet
from ticket_assets.tickets.curation import REASONS, curate
from ticket_assets.tickets.families import number_families, require_unchained
from ticket_assets.tickets.language import detect_languages
from ticket_assets.tickets.ledger import read_ledger
from ticket_assets.tickets.masking import count_masked
from ticket_assets.tickets.sample import generate
from ticket_assets.tickets.sample_spec import sample_spec
from ticket_assets.tickets.schema import clean_columns, pandera_schema
from ticket_assets.tickets.snapshot import ingest, read_snapshot
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets.tickets.sources.places import fingerprint

Rows = dg.MaterializeResult[pd.DataFrame]
PHRASES = tuple((PROJECT / "ticket_assets" / "tickets" / "sample_phrases").glob("*.toml"))
SAMPLE = dg.AssetKey(["tickets", "sample"])
SOURCE = dg.AssetKey(["tickets", "source"])

source = dg.AssetSpec(
    SOURCE,
    group_name="tickets",
    owners=OWNERS,
    kinds={"source"},
    description="The tickets of the profile where others keep them; observed by their fingerprint.",
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

    @asset("tickets", "raw", kinds={"duckdb", "parquet"}, settings=["source"], deps=[upstream])
    def raw(desk: Desk) -> dg.MaterializeResult:
        """Source rows as they came: append-only batches, each of what the source says anew."""
        active = desk.active
        source = open_source(active.source, resolve, desk.folders.source / "tickets.parquet")
        done = ingest(
            source,
            desk.folders.raw,
            active.columns,
            wanted=(*(target.column for target in active.targets.values()), *active.features.context),
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
                "batches": done.batches,
                "source": source.name,
                **done.told,
                "path": dg.MetadataValue.path(desk.folders.raw),
            },
            data_version=dg.DataVersion(done.version),
        )

    return raw


def _curated(name: str, description: str) -> dg.AssetOut:
    return dg.AssetOut(
        key=["tickets", name],
        owners=OWNERS,
        code_version=code_digest(f"{__name__}:clean"),
        kinds={"pandas", "parquet"},
        tags=settings_tag(["cleaning", "columns", "targets", "families", "features"]),
        description=description,
    )


@dg.multi_asset(
    name="clean",
    group_name="tickets",
    deps=[["tickets", "raw"]],
    outs={
        "clean": _curated("clean", "Tickets one may learn from: cleaned, labelled, copies folded, families numbered."),
        "quarantine": _curated("quarantine", "Rows no one may learn from yet, as they came, each with its reason."),
    },
)
def clean(context: dg.AssetExecutionContext, desk: Desk) -> tuple[Rows, Rows]:
    """Curate the snapshot; add language and family."""
    active, taxonomies = desk.active, desk.taxonomies
    curation = curate(
        read_snapshot(desk.folders.raw),
        active.columns,
        active.targets,
        active.features.context,
        active.cleaning.mask,
        taxonomies,
    )
    tickets = curation.clean
    tickets["language"] = detect_languages(tickets["text"], active.features.languages)
    families = number_families(list(tickets["text"]), list(tickets["ticket_id"]), active.families.cut)
    require_unchained(families, active.families.largest_share)
    tickets["family_id"] = families.family_ids
    columns = clean_columns(active.features.context, active.targets)
    tickets = pandera_schema(columns).validate(tickets[[column.name for column in columns]])
    counts = {
        "read": curation.read,
        "clean": len(tickets),
        "superseded": curation.superseded,
        "folded": curation.folded,
        "quarantined": len(curation.quarantine),
    }
    return (
        dg.MaterializeResult(
            asset_key=["tickets", "clean"],
            value=tickets,
            data_version=dg.DataVersion(frame_digest(tickets.drop(columns="ingested_at"))),
            metadata={
                **counts,
                "disputed": curation.disputed,
                "unknown_labels": curation.unknown_labels,
                "unreadable_dates": curation.unreadable_dates,
                "masked": count_masked(tickets["text"]),
                "taxonomy": {target: taxonomy.current for target, taxonomy in taxonomies.items()},
                "relabelled": curation.relabelled,
                "undecided_splits": curation.undecided_splits,
                "languages": tickets["language"].value_counts().to_dict(),
                "in_families_share": families.in_families_share,
                "largest_family_share": families.largest_share,
                "dagster/column_schema": columns_metadata(
                    [(one.name, one.dtype, f"{one.description} (known at {one.known_at})") for one in columns]
                ),
            },
        ),
        _quarantined(curation.quarantine, counts),
    )


def _quarantined(rows: pd.DataFrame, counts: dict[str, int]) -> Rows:
    by_reason = rows["reason"].value_counts()
    return dg.MaterializeResult(
        asset_key=["tickets", "quarantine"],
        value=rows,
        data_version=dg.DataVersion(frame_digest(rows.drop(columns="_ingested_at"))),
        metadata={
            **counts,
            "reasons": table(
                [
                    {"reason": name, "meaning": REASONS[name], "rows": int(by_reason.get(name, 0))}
                    for name in sorted(REASONS)
                ]
            ),
        },
    )
