"""Group serving: what ships.

Belongs here: declarations. The arithmetic is in ticket_assets/serving/ under the same words.
"""

import dagster as dg

from ticket_assets.assets.declaration import SYSTEM_RETRY, asset
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.bento import PROJECT, SERVICE_FILES, bento_folder, bento_tag, build_bento
from ticket_assets.serving.record import why_no_champion
from ticket_assets.serving.rollout import roll_out
from ticket_assets.serving.store import read_champion

# The data version while nobody is champion: the first promotion gives another one, and a second refusal the same.
NOTHING = "none"


@asset(
    "serving",
    "bento",
    files=[PROJECT / name for name in SERVICE_FILES],
    kinds={"bentoml"},
    deps=[["models", "champion"]],
    retry_policy=SYSTEM_RETRY,
)
def bento(context: dg.AssetExecutionContext, desk: Desk) -> dg.MaterializeResult:
    """The champion's bento: service, bundle and encoder, ready for `bentoml serve` and `bentoml containerize`."""
    champion = read_champion(desk.folders.bundles)
    if champion is None:
        why = why_no_champion(desk.folders.records)
        context.log.warning(f"{why}; serving/bento has nothing to build")
        return dg.MaterializeResult(data_version=dg.DataVersion(NOTHING), metadata={"tag": NOTHING, "reason": why})
    tag = build_bento(desk.profile, champion, desk.folders.bundles, desk.folders.encoders, desk.folders.bentos)
    folder = bento_folder(desk.folders.bentos, tag)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return dg.MaterializeResult(
        data_version=dg.DataVersion(tag),
        metadata={
            "tag": tag,
            "version": champion.version,
            "bundle": champion.bundle,
            "path": dg.MetadataValue.path(folder),
            "megabytes": round(size / 1e6, 1),
        },
    )


@asset("serving", "deployment", kinds={"bentoml"}, deps=[["serving", "bento"]])
def deployment(context: dg.AssetExecutionContext, desk: Desk) -> dg.MaterializeResult:
    """The champion in the running service: rolled out by the configured way, and confirmed where its address is set.

    Before the first time that a service confirmed one, it is no fault that none runs: sensor `deployment` waits for it.
    """
    champion = read_champion(desk.folders.bundles)
    if champion is None:
        why = why_no_champion(desk.folders.records)
        return dg.MaterializeResult(data_version=dg.DataVersion(NOTHING), metadata={"tag": NOTHING, "reason": why})
    tag = bento_tag(desk.profile, champion)
    before = context.instance.get_latest_materialization_event(context.asset_key)
    confirmed = (
        before.asset_materialization.metadata.get("confirmed") if before and before.asset_materialization else None
    )
    known = confirmed is not None and bool(confirmed.value)
    done = roll_out(desk.active.monitoring.rollout, champion, tag, context.log.info, known)
    (context.log.warning if done.waiting else context.log.info)(done.words)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(f"{tag}@{champion.since}"),
        metadata={
            "tag": tag,
            "version": champion.version,
            "bundle": champion.bundle,
            "since": champion.since,
            "way": done.way,
            "confirmed": done.confirmed,
            "waiting": done.waiting,
            "seconds": round(done.seconds, 1),
            "words": done.words,
        },
    )
