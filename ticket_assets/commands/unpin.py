"""`unpin`: take the pin of a rollback off before its time.

Belongs here: the command. Does not belong here: the pin (serving/rollback.py).
"""

import argparse
import sys
from datetime import UTC, datetime

from ticket_assets.commands.instance import prepare_home
from ticket_assets.settings import Settings
from ticket_assets.state import StateError
from ticket_assets.storage import IdentityError

HELP = "take the pin of a rollback off, so that the next run may promote again"
EXAMPLE = "unpin --profile it_service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Why."""
    parser.add_argument("--reason", default="by hand", help="goes into the record; default: %(default)s")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Take it off; where there is none, say so."""
    import dagster as dg

    from ticket_assets.automation.champion import observe_champion
    from ticket_assets.resources.desk import Desk
    from ticket_assets.serving.rollback import unpin
    from ticket_assets.serving.throne import ThroneError

    desk = Desk(profile=settings.profile)
    try:
        pin = unpin(desk.court(), arguments.reason, datetime.now(UTC))
    except (IdentityError, StateError, ThroneError) as error:
        print(error, file=sys.stderr)
        return 1
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        observe_champion(desk, instance, datetime.now(UTC))
    print(f"taken off: {pin}" if pin else "nothing is pinned")
    return 0
