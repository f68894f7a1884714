"""Telling Dagster what happened to the champion outside a materialisation: a rollback, a pin, its end.

Belongs here: the data versions of `models/pin` and, after a rollback, of `models/champion`.
Does not belong here: the pin and the rollback themselves (serving/), what is due (staleness.py).
"""

from datetime import datetime

import dagster as dg

from ticket_assets.automation.told import DATA_VERSION, known_tags, tell
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
    if known_tags(instance, PIN).get(DATA_VERSION, NO_PIN) != version:
        tell(instance, PIN, version, {"pin": str(pin or NO_PIN)})
    if standing.champion and known_tags(instance, CHAMPION):
        told = {"champion": f"v{standing.champion.version}", "decision": standing.reigns[-1].why}
        tell(instance, CHAMPION, standing.champion.bundle, told)
