"""`rollback`: an earlier champion serves again, and stays until its pin ends.

Belongs here: the command, the order of its parts: rehearse, build the bento, move, tell Dagster.
Does not belong here: each of them (serving/rollback.py, serving/bento.py, automation/champion.py).
"""

import argparse
import math
import re
import sys
from datetime import UTC, datetime, timedelta

from ticket_assets.commands.instance import prepare_home
from ticket_assets.settings import Settings
from ticket_assets.state import StateError
from ticket_assets.storage import IdentityError

HELP = "make an earlier champion serve again, and pin it so that no run promotes over it for a while"
EXAMPLE = 'rollback --profile it_service --to v3 --reason "wrong queues since Monday" --hours 24'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, why, for how long."""
    parser.add_argument("--to", type=_version, metavar="v3", help="registered version; default: the champion before")
    parser.add_argument("--reason", default="by hand", help="goes into the record and the pin; default: %(default)s")
    parser.add_argument(
        "--hours", type=_hours, default=72.0, help="how long the pin holds; 0 for no pin; default: %(default)g"
    )


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Move the champion back; 1 where that cannot be, and then nothing was changed."""
    import dagster as dg

    from ticket_assets.automation.champion import observe_champion
    from ticket_assets.resources.desk import Desk
    from ticket_assets.serving.bento import BentoError, build_bento
    from ticket_assets.serving.rollback import RollbackError, plan, roll_back
    from ticket_assets.serving.throne import ThroneError

    desk = Desk(profile=settings.profile)
    try:
        folders, court = desk.folders, desk.court()
        planned = plan(court, arguments.to, datetime.now(UTC))
        tag = build_bento(settings.profile, planned.to, folders.bundles, folders.encoders, folders.bentos)
        pin = roll_back(court, planned, arguments.reason, timedelta(hours=arguments.hours))
    except (IdentityError, StateError, RollbackError, BentoError, ThroneError) as error:
        print(error, file=sys.stderr)
        return 1
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        observe_champion(desk, instance, datetime.now(UTC))
    print(f"champion   v{planned.to.version}, bundle {planned.to.bundle} (was v{planned.before.version})")
    print(f"bento      {tag}")
    print(f"pin        {pin or 'none: the next run may promote again'}")
    print(f"\nmake serve PROFILE={settings.profile}   serves it; a service that runs already: start it again")
    return 0


def _version(given: str) -> int:
    found = re.fullmatch(r"v?(\d+)", given)
    if not found:
        raise argparse.ArgumentTypeError(f"{given!r} is no version: write v3 or 3")
    return int(found[1])


def _hours(given: str) -> float:
    try:
        hours = float(given)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is no number of hours: write 72, or 0 for no pin") from None
    if not math.isfinite(hours) or not 0 <= hours <= 24 * 3650:
        raise argparse.ArgumentTypeError(f"{given} hours: name 0 for no pin, or more, and ten years at most")
    return hours
