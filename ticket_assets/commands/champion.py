"""`champion`: who is champion, who was on a date, the whole history, its model card.

Belongs here: the command. Does not belong here: what it says (serving/history.py,
serving/live_card.py).
"""

import argparse
import sys
from datetime import UTC, datetime

from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "print who is champion, or was on a date, since when and why; all times are UTC"
EXAMPLE = "champion --profile it_service --on 2026-05-01T12:00+02:00"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The moment, or all of it."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--on", metavar="2026-05-01[T12:00]", help="a day or a moment, UTC unless it has an offset")
    which.add_argument("--card", action="store_true", help="its model card, with what live tickets said of it")
    which.add_argument("--history", action="store_true", help="every promotion, refusal, rollback and pin")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print it; 2 for what is no date."""
    from ticket_assets.serving.chronicle import Chronicle
    from ticket_assets.serving.history import EMPTY, MomentError, history_lines, now_lines, on_lines
    from ticket_assets.serving.live_card import champion_card
    from ticket_assets.serving.store import read_challenger

    folders, now = ProfileFolders(settings.profile_root), datetime.now(UTC)
    chronicle = Chronicle.read(folders.records, folders.bundles)
    if arguments.card:
        lines = iter([champion_card(folders.bundles, chronicle) or EMPTY])
    elif arguments.history:
        lines = history_lines(chronicle)
    elif arguments.on is not None:
        lines = on_lines(chronicle, arguments.on, now)
    else:
        lines = now_lines(chronicle, now, read_challenger(folders.bundles))
    try:
        for line in lines:
            print(line)
    except MomentError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
