"""`monitor`: read the prediction log, judge the windows that are complete, say what was found.

Belongs here: the command; the same that the schedule starts in the daemon.
Does not belong here: which days and windows (automation/schedules.py, monitoring/), what is said of one (trend.py).
"""

import argparse
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ticket_assets.commands.instance import end_broken_off, prepare_home
from ticket_assets.settings import Settings

if TYPE_CHECKING:
    from ticket_assets.resources.watch import Watch

HELP = "judge what was answered since the last time: drift, performance, answers left to people"
EXAMPLE = "monitor --profile it_service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Materialise the group monitoring once; 0: done or nothing to do, 1: a run failed, 2: the log cannot be read."""
    import dagster as dg

    from ticket_assets.automation.interrupted import process_tag
    from ticket_assets.automation.schedules import days_to_read, range_tags, runs_in_progress
    from ticket_assets.definitions import monitoring_job
    from ticket_assets.monitoring.history import read_history
    from ticket_assets.resources.desk import Desk
    from ticket_assets.resources.watch import Watch
    from ticket_assets.serving.endpoint.settings import ServiceSettingsError
    from ticket_assets.serving.prediction_log.engine import StoreDownError

    watch = Watch(Desk(profile=settings.profile))
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        end_broken_off(settings, instance)
        if at_work := runs_in_progress(instance):
            print(f"run {at_work[0]} of the daemon is at it: wait until it is done", file=sys.stderr)
            return 1
        try:
            days = days_to_read(watch, datetime.now(UTC))
        except (ServiceSettingsError, StoreDownError) as error:
            print(error, file=sys.stderr)
            return 2
        known = {one.window for one in read_history(watch.folder)}
        if isinstance(days, str):
            print(f"nothing to do: {days}")
        else:
            told: dict[str, Any] = {"loggers": {"console": {}}}
            job = dg.reconstructable(monitoring_job)
            done = dg.execute_job(job, instance, run_config=told, tags={**process_tag(), **range_tags(days)})
            if not done.success:
                print(f"\nrun {done.run_id} failed; what was judged is kept", file=sys.stderr)
                return 1
    _say(watch, known)
    return 0


def _say(watch: "Watch", known: set[str]) -> None:
    from ticket_assets.monitoring.history import read_history
    from ticket_assets.monitoring.trend import window_sentences

    records = read_history(watch.folder)
    new = [one for one in records if one.window not in known]
    print(f"\n{len(new)} new windows, {len(records)} in all")
    for one in new or records[-1:]:
        print(*window_sentences(one), sep="\n")
    if not records:
        size = watch.settings.window
        print(f"a window is complete with {size.predictions:,} live predictions, or after {size.max_days:g} days")
    else:
        print(f"\nreports lie in {watch.folder / 'windows'}; the trend is metadata of monitoring/history (make ui)")
