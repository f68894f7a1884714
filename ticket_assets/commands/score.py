"""`score`: the champion's answers to a file of tickets.

Belongs here: the command. Does not belong here: the scoring (serving/scoring.py), the answers (serving/endpoint/).
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from ticket_assets.serving.endpoint.messages import MOST_REASONS
from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "answer a file of tickets with the champion, a line each; goes on where it was stopped"
EXAMPLE = "score --profile it_service --file backlog.csv --out answers.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The two files."""
    parser.add_argument(
        "--file", type=Path, required=True, help="CSV, JSON lines, JSON or Parquet; columns as in training"
    )
    parser.add_argument("--out", type=Path, help="JSON lines; default: beside the file, NAME.answers.jsonl")
    most = range(MOST_REASONS + 1)
    parser.add_argument(
        "--reasons",
        type=int,
        default=0,
        choices=most,
        metavar="N",
        help=f"how many for each label, 0 to {MOST_REASONS} (0)",
    )


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Score, with a line of progress every few seconds; 2 for what cannot be scored."""
    from ticket_assets.serving.endpoint.backlog import open_backlog
    from ticket_assets.serving.endpoint.settings import ServiceSettingsError, variables_of
    from ticket_assets.serving.manifest import BundleError
    from ticket_assets.serving.prediction_log.schema import SchemaError
    from ticket_assets.serving.scoring import UNREADABLE, Job, ScoringError, file_of, score
    from ticket_assets.tickets.arriving import arriving_tickets
    from ticket_assets.tickets.sources import SourceError
    from ticket_assets.tickets.sources.files import FileSource
    from ticket_assets.tickets.sources.places import LocalPlace

    file, profile = arguments.file.resolve(), settings.active
    out = (arguments.out or file.with_name(f"{file.name}.answers.jsonl")).resolve()
    if not file.is_file():
        print(f"there is no file {file}", file=sys.stderr)
        return 2
    source = FileSource(LocalPlace(file), profile.source.encoding, profile.source.delimiter, profile.source.unpacked_mb)
    try:
        with open_backlog(variables_of(ProfileFolders(settings.profile_root))) as backlog:
            rows = arriving_tickets(source, profile.columns, backlog.context, UNREADABLE, settings.profile_root)

            def ask(tickets: list[Any]) -> list[dict[str, Any]]:
                return backlog.ask([{**one, "reasons": arguments.reasons} for one in tickets])

            done = score(rows, out, Job(file_of(file), backlog.bundle, arguments.reasons), ask, _Progress())
    except (ScoringError, SourceError, BundleError, SchemaError, ServiceSettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{done.rows} tickets, {done.before} answered before, {done.failed} without an answer: {out}")
    if done.unlogged:
        print(f"  {done.unlogged} answers could not be logged, and take no feedback", file=sys.stderr)
    for target, bands in done.bands.items():
        print(f"  {target}: " + ", ".join(f"{count} {band}" for band, count in sorted(bands.items())))
    return 0


class _Progress:
    """Prints how far it is, every few seconds."""

    def __init__(self) -> None:
        self._said = self._begun = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._said > 5:
            print(f"{done} tickets, {done / (now - self._begun):.0f} a second", file=sys.stderr, flush=True)
            self._said = now
