"""Group features: what a model may know of a ticket when it arrives.

Belongs here: declarations. The arithmetic is in ticket_assets/features/ under the same words.
"""

import dagster as dg
import pandas as pd

from ticket_assets.assets.declaration import HEAVY_POOL, SYSTEM_RETRY, asset
from ticket_assets.assets.reporting import embedding_metadata
from ticket_assets.features.leakage import require_known_at_arrival, require_no_copy
from ticket_assets.features.pace import Pace
from ticket_assets.features.text import text_features
from ticket_assets.resources.desk import Desk
from ticket_assets.tables import frame_digest
from ticket_assets.tickets.schema import ticket_contexts
from ticket_assets.tickets.snapshot_columns import SnapshotColumns

CLEAN = {"clean": dg.AssetIn(["tickets", "clean"])}


@asset(
    "features",
    "text",
    kinds={"numpy", "parquet"},
    settings=["features", "columns", "words"],
    ins=CLEAN,
)
def text(desk: Desk, clean: pd.DataFrame) -> dg.MaterializeResult[pd.DataFrame]:
    """Document and stateless columns of each ticket; refuses columns that are not known at arrival."""
    columns, wanted = desk.active.columns, desk.active.features.context
    labels = tuple(target.column for target in desk.active.targets.values())
    require_known_at_arrival(wanted, columns.known_at, labels)
    late = tuple(name for name, known in columns.known_at.items() if known == "resolution")
    texts = tuple(column for column in (columns.subject, columns.body) if column)
    source = SnapshotColumns(desk.folders.raw)
    require_no_copy(source, (*wanted, *texts), (*late, *labels), columns.date_order)
    schema = desk.feature_schema
    contexts = ticket_contexts(clean, wanted)
    made = text_features(list(clean["text"]), list(clean["language"]), contexts, schema)
    frame = pd.DataFrame(made.columns, columns=list(schema.columns))
    frame.insert(0, "document", list(made.documents))
    frame.insert(0, "ticket_id", clean["ticket_id"])
    return dg.MaterializeResult(
        value=frame,
        data_version=dg.DataVersion(frame_digest(frame)),
        metadata={"feature_schema": schema.hash, "columns": list(schema.columns), "context": list(wanted)},
    )


@asset(
    "features",
    "embeddings",
    kinds={"lancedb", "onnx"},
    settings=["encoder"],
    ins=CLEAN,
    pool=HEAVY_POOL,
    retry_policy=SYSTEM_RETRY,
)
def embeddings(context: dg.AssetExecutionContext, desk: Desk, clean: pd.DataFrame) -> dg.MaterializeResult:
    """Sentence vectors in LanceDB, keyed by ticket id; only new or changed texts are encoded."""
    texts = list(clean["text"])
    choice = desk.encoder_shelf.settle(texts, context.log.info)
    encoder = desk.encoder()
    vectors = desk.vectors()
    pace = Pace("texts encoded", context.log.info)
    done = vectors.fill(list(clean["ticket_id"]), list(clean["text_hash"]), texts, encoder, pace)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(done.version),
        metadata={
            **embedding_metadata(choice, encoder.dimensions, done, vectors.facts()),
            "path": dg.MetadataValue.path(desk.folders.vectors),
        },
    )
