"""Runs whose process is gone: ended, and their places in the pools given back.

Belongs here: telling a dead run from one that is still at work, and closing it.
Does not belong here: starting runs (commands/run.py), what is due after one broke off (staleness.py).
"""

import os
import socket
from collections.abc import Callable

import dagster as dg

PROCESS_TAG = "ticket-assets/process"


def process_tag() -> dict[str, str]:
    """Tag that names the process which carries a run: host and process id."""
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"}


def close_interrupted(instance: dg.DagsterInstance, first: Callable[[str], object] | None = None) -> list[str]:
    """Fail the runs of this host whose process is gone; return their ids.

    A killed run says nothing: it stays started for ever, and so does its step in its pool, for which every later run
    then waits.

    Args:
        instance: that knows the runs.
        first: what else is to be ended with a run, given its id: before it, for an ended run is not found again.
    """
    at_work = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=at_work)):
        host, _, number = run.tags.get(PROCESS_TAG, "").partition(":")
        if host != socket.gethostname() or _is_alive(int(number)):
            continue
        if first:
            first(run.run_id)
        instance.report_run_failed(run, "its process is gone")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
