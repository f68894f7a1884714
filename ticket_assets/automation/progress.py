"""What a run says on the console: steps, their time and memory, what assets log, failures; nothing else.

Belongs here: the logger and the hook that jobs of the code location use. Dagster's own event log keeps everything.
"""

import logging
import os
import resource
import sys

import dagster as dg

_BLOCKED = "Step blocked by limit for pool"  # once for each step; then it is "Step still blocked"
_TOLD = {"STEP_START": "started", "STEP_SUCCESS": "done", "ASSET_CHECK_EVALUATION": "checked"}
_FAILED = {"STEP_FAILURE", "RUN_FAILURE", "STEP_UP_FOR_RETRY"}


class _Short(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", None) or {}
        step = str(meta.get("step_key") or "").replace("__", "/")
        event = meta.get("dagster_event")
        at = self.formatTime(record, "%H:%M:%S")
        if event is None:
            return f"{at}  {step}: {meta.get('orig_message') or record.getMessage()}"
        if pool := _blocking_pool(event):
            return f"{at}  {step}: waits for a place in pool {pool}{_held_by(pool)}"
        if event.event_type_value in _FAILED:
            return f"{at}  {step or 'run'} failed: {_why(event) or record.getMessage()}"
        if event.event_type_value == "STEP_SUCCESS":
            return f"{at}  {step}: done in {event.step_success_data.duration_ms / 1000:.1f} s"
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            found = event.asset_check_evaluation_data
            return f"{at}  {step}: {found.check_name} {'passed' if found.passed else 'FAILED'}"
        return f"{at}  {step}: {_TOLD[event.event_type_value]}"


def _why(event: dg.DagsterEvent) -> str | None:
    """What an error of ours says, which names field, value and fix: its stack trace would only hide that."""
    failure = event.event_specific_data
    error = getattr(failure, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None or not error.message.startswith("ticket_assets."):
        return None
    name, _, told = error.message.partition(": ")
    return f"{name.rpartition('.')[2]}: {told.strip()}"


def _is_told(record: logging.LogRecord) -> bool:
    event = (getattr(record, "dagster_meta", None) or {}).get("dagster_event")
    if event is None:
        # Errors without an event are Dagster's list of steps that a failure keeps from running.
        return logging.INFO <= record.levelno < logging.ERROR
    return event.event_type_value in _TOLD.keys() | _FAILED or _blocking_pool(event) is not None


def _blocking_pool(event: dg.DagsterEvent) -> str | None:
    """The pool in which a step finds no place, the first time that it is said."""
    if event.event_type_value != "ENGINE_EVENT" or not (event.message or "").startswith(_BLOCKED):
        return None
    return str(event.engine_event_data.metadata["pool"].value)


def _held_by(pool: str) -> str:
    """Who has the places: a run that waits in silence looks as if it hung."""
    if not os.environ.get("DAGSTER_HOME"):
        return ""
    with dg.DagsterInstance.get() as instance:
        slots = instance.event_log_storage.get_concurrency_info(pool).claimed_slots
    held = sorted(f"run {one.run_id[:8]} ({one.step_key.replace('__', '/')})" for one in slots)
    return f", held by {', '.join(held)}" if held else ""


@dg.logger({}, description="Steps, their time, what assets log, failures.")
def progress(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that writes short lines to standard error."""
    logger = logging.Logger("ticket_assets.progress", level=logging.DEBUG)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Short())
    handler.addFilter(_is_told)
    logger.addHandler(handler)
    return logger


@dg.success_hook
def peak_memory(context: dg.HookContext) -> None:
    """Log the most memory that the step's process ever held; a step has a process of its own."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    context.log.info(f"peak memory {kilobytes / 1024:,.0f} MiB")
