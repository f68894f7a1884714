"""Runs whose process is gone: ended, and their places in the pools given back.

Belongs here: telling a dead run from one that is still at work, and closing it.
Does not belong here: starting runs (commands/run.py), what is due after one broke off (staleness.py).

A run that was killed says nothing: it is started for ever, and holds up whoever waits for it. A code server ends those
that it started, when their process dies. After it died itself, or the machine, nobody does: Dagster's run monitoring
asks the launcher, and the one for a single machine cannot tell. So sensor `watch` looks, and each command that starts
runs.
"""

import os
import socket
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import dagster as dg

from ticket_assets.settings import Settings

PROCESS_TAG = "ticket-assets/process"
_AT_WORK = [
    *(dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING),
    *(dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING),
]
_LAUNCHED = "Started process for "  # Dagster's event of a worker that a code server started; its metadata has the pid
_FIRST_EVENTS = 10
_ZOMBIE = "Z"


class Process(Enum):
    """Whether the process that carries a run is there."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"  # of another host, or not begun yet


def process_tag() -> dict[str, str]:
    """Tag that names the process which carries a run: host, process id, when it began."""
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}:{_began(os.getpid())}"}


def process_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Process:
    """Whether a run's process is there: of a command by its tag, of the daemon by what Dagster noted.

    An instance is one machine's (its database is a file), so that a process that Dagster noted was one of this host.
    """
    # A run that was started again from the UI has the tags of the one before it, and another process.
    if PROCESS_TAG in run.tags and run.parent_run_id is None:
        host, number, began = (*run.tags[PROCESS_TAG].split(":"), "", "")[:3]
        if host != socket.gethostname():
            return Process.UNKNOWN
        return Process.ALIVE if _is_alive(int(number), began) else Process.GONE
    worker = _noted(instance, run.run_id)
    if worker is None:
        return Process.UNKNOWN
    is_worker = worker != os.getpid() and _is_alive(worker) and _is_of(worker, Path(instance.root_directory))
    return Process.ALIVE if is_worker else Process.GONE


def close_interrupted(instance: dg.DagsterInstance, first: Callable[[str], object] | None = None) -> list[str]:
    """End the runs of this host whose process is gone, failed or, being stopped, stopped; return their ids.

    Args:
        instance: that knows the runs.
        first: what else is to be ended with a run, given its id: before it, for an ended run is not found again.
    """
    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_AT_WORK)):
        if process_of(instance, run) is not Process.GONE or not _is_open(instance, run.run_id):
            continue
        if first:
            first(run.run_id)
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "its process is gone")
        else:
            instance.report_run_failed(run, "its process is gone")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed


def end_broken_off(settings: Settings, instance: dg.DagsterInstance, log: Callable[[str], object]) -> list[str]:
    """End the runs whose process is gone, in MLflow and in Dagster; return their Dagster ids.

    Args:
        settings: of the profile.
        instance: its own.
        log: is told where MLflow cannot be reached: a server that is away must not keep the line from going on.
    """

    def first(run_id: str) -> None:
        from mlflow.exceptions import MlflowException

        from ticket_assets.models.registry import Registry
        from ticket_assets.resources.tracking import mlflow_uri

        try:
            Registry(mlflow_uri(settings), f"ticket-assets-{settings.profile}").end_runs_of(settings.profile, run_id)
        except MlflowException as error:
            log(f"the MLflow run of {run_id} stays open: {error}")

    return close_interrupted(instance, first)


def _is_open(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run has said nothing of its end, asked once its process is gone: it may have ended since the list."""
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in _AT_WORK


def _noted(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """Process id of the worker that a code server started for a run; None before it said so."""
    found = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, limit=_FIRST_EVENTS, ascending=True
    )
    for record in found.records:
        event = record.event_log_entry.dagster_event
        if event and (event.message or "").startswith(_LAUNCHED):
            told = event.engine_event_data.metadata.get("pid")
            return int(str(told.value)) if told else None
    return None


def _began(process: int) -> str:
    """When a process began, with the boot it began after; empty where the system does not tell (it is Linux that does).

    After a restart, and in a container always, another process has the number of one that died.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot}-{_stat(process)[19]}"  # field 22
    except OSError:
        return ""


def _is_alive(process: int, began: str = "") -> bool:
    if began and _began(process) not in ("", began):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return _stat(process)[0] != _ZOMBIE  # killed, and in a container without an init never fetched
    except OSError:
        return True


def _is_of(process: int, home: Path) -> bool:
    """Whether a process works for an instance; True where the system does not tell.

    By its environment, not by the time at which it began: a clock that is set would make living runs dead ones.
    """
    try:
        told = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return True
    return any(one.startswith(b"DAGSTER_HOME=") and Path(os.fsdecode(one[13:])) == home for one in told)


def _stat(process: int) -> list[str]:
    """Fields of /proc/<process>/stat from the third on, its state; the name before it may hold blanks."""
    told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    return told.rpartition(")")[2].split()
