"""`mend`: replay quarantined rows that people mended, so that the next run curates them.

Belongs here: the command. Does not belong here: checking and replaying (tickets/mending.py), the table that is mended
(quarantine.py).
"""

import argparse
import sys
from pathlib import Path

from ticket_assets.commands.instance import prepare_home
from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "replay quarantined rows that people mended in a table of `quarantine`; the next run curates them"
EXAMPLE = "mend --profile it_service --file quarantine.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The table."""
    parser.add_argument("--file", type=Path, required=True, help="the table that `quarantine` wrote, with rows mended")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Replay what changed, and say what did."""
    import dagster as dg
    import pandas as pd

    from ticket_assets.automation.source import observe_mended
    from ticket_assets.tickets.mending import MendingError, mend
    from ticket_assets.tickets.quarantine import row_ids
    from ticket_assets.tickets.sources import SourceError

    folders = ProfileFolders(settings.profile_root)
    if not folders.quarantine.exists():
        print(f"profile {settings.profile} has no quarantine yet: make run PROFILE={settings.profile}", file=sys.stderr)
        return 2
    try:
        done = mend(arguments.file, folders.raw, settings.active.columns, row_ids(pd.read_parquet(folders.quarantine)))
    except (MendingError, SourceError) as error:
        print(error, file=sys.stderr)
        print("nothing was mended", file=sys.stderr)
        return 2
    print(f"{done.mended} mended, {done.dropped} dropped, {done.kept} taken back, {done.left} left as they were")
    for column, count in done.columns.items():
        print(f"  {column} changed in {count}")
    if done.overruled:
        print(f"{done.overruled} of them change nothing: the source has said another row of the ticket since")
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        observe_mended(settings, instance)
    if done.mended or done.dropped or done.kept:
        print(f"the next run curates them: make run PROFILE={settings.profile}")
    return 0
