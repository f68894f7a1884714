"""Runs whose process is gone: ended, and their places in the pools given back.

Belongs here: telling a dead run from one that is still at work, and closing it.
Does not belong here: starting runs (commands/run.py), what is due after one broke off (staleness.py).
"""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import dagster as dg

PROCESS_TAG = "ticket-assets/process"


def process_tag() -> dict[str, str]:
    """Tag that names the process which carries a run: host, process id, when it began."""
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}:{_began(os.getpid())}"}


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
        host, number, began = (*run.tags.get(PROCESS_TAG, "").split(":"), "", "")[:3]
        if host != socket.gethostname() or _is_alive(int(number), began):
            continue
        if first:
            first(run.run_id)
        instance.report_run_failed(run, "its process is gone")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed


def _began(process: int) -> str:
    """When a process began, with the boot it began after; empty where the system does not tell (it is Linux that does).

    After a restart, and in a container always, another process has the number of one that died.
    """
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    return f"{boot}-{told.rpartition(')')[2].split()[19]}"  # field 22; the name before it may hold blanks


def _is_alive(process: int, began: str) -> bool:
    if began and _began(process) not in ("", began):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
