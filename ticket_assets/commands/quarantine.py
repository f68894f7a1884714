"""`quarantine`: print why rows are in quarantine, and write them to a table that people can mend.

Belongs here: the command. Does not belong here: the table (tickets/quarantine.py), what comes back (mend.py).
"""

import argparse
import sys
from pathlib import Path

from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "print why rows are in quarantine, and write them to a CSV or Parquet table to mend"
EXAMPLE = "quarantine --profile it_service --file quarantine.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The table."""
    parser.add_argument(
        "--file", type=Path, help="table to write, .csv or .parquet; default: reports/quarantine.csv of the profile"
    )


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print counts per reason; write the rows."""
    import pandas as pd

    from ticket_assets.tickets.curation import REASONS
    from ticket_assets.tickets.quarantine import count_reasons, write_quarantine
    from ticket_assets.tickets.sources import SourceError

    folders = ProfileFolders(settings.profile_root)
    path = arguments.file or folders.reports / "quarantine.csv"
    table = folders.quarantine
    if not table.exists():
        print(f"profile {settings.profile} has no quarantine yet: make run PROFILE={settings.profile}", file=sys.stderr)
        return 2
    if not path.parent.is_dir() and arguments.file:
        print(f"--file {path}: {path.parent} is no folder; name one that is there", file=sys.stderr)
        return 2
    rows = pd.read_parquet(table)
    for reason, count in count_reasons(rows).items():
        print(f"{count:8,}  {reason}: {REASONS[reason]}")
    try:
        written = write_quarantine(path, rows, folders.raw, settings.active.targets)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"--file {path} cannot be written ({error.strerror}): name a place that you may write to", file=sys.stderr
        )
        return 2
    if written.mended_since:
        print(f"{written.mended_since} of them were mended since: make run PROFILE={settings.profile}")
    print(f"{written.rows} rows, personal data included, in {path}")
    print(f"mend values there, or write drop into _action; then: make mend PROFILE={settings.profile} FILE={path}")
    return 0
