"""Group serving: what ships.

Belongs here: declarations. The arithmetic is in ticket_assets/serving/ under the same words.
"""

import dagster as dg

from ticket_assets.assets.declaration import SYSTEM_RETRY, asset
from ticket_assets.resources import Desk
from ticket_assets.serving.bento import bento_folder, build_bento
from ticket_assets.serving.store import require_champion


@asset(
    "serving",
    "bento",
    code_version="1",
    kinds={"bentoml"},
    deps=[["models", "champion"]],
    retry_policy=SYSTEM_RETRY,
)
def bento(desk: Desk) -> dg.MaterializeResult:
    """The champion's bento: service, bundle and encoder, ready for `bentoml serve` and `bentoml containerize`."""
    champion = require_champion(desk.folders.bundles)
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
