"""`run`: materialise whatever is not up to date, then print the report.

Belongs here: the order of runs, what is printed meanwhile.
Does not belong here: what is due (automation/staleness.py), what a run does (the assets).
"""

import argparse
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ticket_assets.commands import report
from ticket_assets.commands.instance import end_broken_off, prepare_home
from ticket_assets.commands.upgrade import bring_to_date
from ticket_assets.settings import Settings
from ticket_assets.state import StateError, open_root
from ticket_assets.storage import IdentityError, ProfileFolders

if TYPE_CHECKING:
    import dagster as dg


HELP = "materialise whatever is not up to date, then print the report"
EXAMPLE = "run --profile it_service --source path/to/tickets.parquet"

# Each run brings the line at least one step further, so that more are needed only if it never comes to rest.
ROUNDS = 20


class Unfinished(RuntimeError):
    """The line is not up to date; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The source."""
    parser.add_argument("--source", help="file, folder, glob or s3:// URL to read instead of the profile's source.path")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Materialise what is due, in as few runs as data versions allow."""
    begun = time.monotonic()
    try:
        made = _materialise(settings)
    except Unfinished as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except (IdentityError, StateError) as error:
        print(error, file=sys.stderr)
        return 2
    if made is None:
        return 2
    took = time.monotonic() - begun
    if made:
        print(f"\nmade {made} assets in {took:.0f} s")
    else:
        print(f"\nnothing to do: every asset is up to date, no materialisation, data versions kept ({took:.0f} s)")
    return report.execute(settings, arguments)


def _materialise(settings: Settings) -> int | None:
    """Look at the source, then run what is due; return how many assets were made, None where there is no source."""
    import dagster as dg

    from ticket_assets.automation.champion import observe_champion
    from ticket_assets.automation.feedback import observe_corrections
    from ticket_assets.automation.source import (
        how_to_forget,
        is_remembered,
        observe_mended,
        observe_source,
        remember_source,
    )
    from ticket_assets.resources.desk import Desk
    from ticket_assets.serving.endpoint.settings import ServiceSettingsError
    from ticket_assets.serving.prediction_log.engine import StoreDownError
    from ticket_assets.tickets.sources import SourceError

    desk = Desk(profile=settings.profile)
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        for run_id in end_broken_off(settings, instance):
            print(f"run {run_id} was broken off; it goes on here", file=sys.stderr)
        try:
            bring_to_date(settings)
            open_root(ProfileFolders(settings.profile_root), settings.active.identity(), settings.active.frozen())
            observe_source(settings, instance)
            observe_mended(settings, instance)
            observe_corrections(ProfileFolders(settings.profile_root), instance)
            observe_champion(desk, instance, datetime.now(UTC))
            print(f"source: {remember_source(settings)}", file=sys.stderr)
            return _bring_up_to_date(instance)
        except (ServiceSettingsError, StoreDownError) as error:  # of the prediction log, which holds corrections
            print(error, file=sys.stderr)
            return None
        except SourceError as error:
            print(error, file=sys.stderr)
            if is_remembered(settings):
                print(f"this source was given to an earlier run; {how_to_forget(settings)}", file=sys.stderr)
            return None


def _bring_up_to_date(instance: "dg.DagsterInstance") -> int:
    """Run what is due until nothing is; return how many assets were made.

    Raises:
        Unfinished: a run failed, or assets are due however often they are made.
    """
    import dagster as dg

    from ticket_assets.automation.interrupted import process_tag
    from ticket_assets.automation.staleness import due_assets, next_run
    from ticket_assets.definitions import defs, line_job

    made = 0
    for _ in range(ROUNDS):
        due = due_assets(defs, instance)
        selection = next_run(defs, due.values())
        if not selection:
            return made
        for key in selection:
            print(f"due: {key.to_user_string()} ({', '.join(due[key].reasons) or 'never made'})", file=sys.stderr)
        done = dg.execute_job(
            dg.reconstructable(line_job),
            instance,
            run_config={"loggers": {"console": {}}},
            tags=process_tag(),
            asset_selection=selection,
        )
        if not done.success:
            raise Unfinished(
                f"run {done.run_id} failed; mend the cause and run the same command again: what was finished is kept"
            )
        made += len(selection)
    left = sorted(key.to_user_string() for key in due_assets(defs, instance))
    if left:
        raise Unfinished(
            f"still due after {ROUNDS} runs: {', '.join(left)}. Either the source changes faster than it is read, or "
            "one of them has another data version each time it is made: the event log in the UI shows which"
        )
    return made
