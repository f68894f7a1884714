"""`challenger`: who is in the champion's shadow, what live tickets say of it; taking it out.

Belongs here: the command. Does not belong here: the judgement (serving/probation.py), which `monitor` and the daemon's
schedule make.
"""

import argparse
import sys
from datetime import UTC, datetime

from ticket_assets.settings import Settings
from ticket_assets.state import StateError
from ticket_assets.storage import IdentityError

HELP = "who answers in the champion's shadow, and what live tickets say of it; --withdraw takes it out"
EXAMPLE = "challenger --profile it_service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to take it out, and why."""
    parser.add_argument("--withdraw", action="store_true", help="take it out of the shadow; the champion serves on")
    parser.add_argument("--reason", default="by hand", help="goes into the record; default: %(default)s")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print it, or take it out; 2 where the log cannot be read."""
    from ticket_assets.models.probation import rule
    from ticket_assets.resources.beside import Beside
    from ticket_assets.resources.desk import Desk
    from ticket_assets.serving.endpoint.settings import ServiceSettingsError
    from ticket_assets.serving.prediction_log.engine import StoreDownError
    from ticket_assets.serving.probation import days_in_shadow, withdraw

    desk, now = Desk(profile=settings.profile), datetime.now(UTC)
    try:
        beside = Beside(desk)
        challenger = beside.challenger
        if challenger is None:
            print("nobody is in the shadow")
            return 0
        if arguments.withdraw:
            gone = withdraw(desk.court(), arguments.reason, now)
            print(f"v{gone.version} is out of the shadow" if gone else "nobody is in the shadow")
            return 0
        seen = beside.seen(challenger)
    except (IdentityError, StateError) as error:
        print(error, file=sys.stderr)
        return 1
    except (ServiceSettingsError, StoreDownError) as error:
        print(error, file=sys.stderr)
        return 2
    ruling = rule(seen.targets, seen.answered, days_in_shadow(challenger, now), desk.active.promotion)
    print(f"challenger v{challenger.version}, bundle {challenger.bundle}, beside {challenger.against}")
    print(f"since      {challenger.since}; {seen.answered:,} tickets were answered by the champion")
    print(f"now        {ruling.verdict.value}: {ruling.reason.removeprefix('shadow: ')}")
    return 0
