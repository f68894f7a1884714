"""The Dagster instance of a profile.

Belongs here: its folder and its dagster.yaml, one run of the command at a time, what killed runs left open.
Does not belong here: what runs in it (run.py).
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ticket_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg


def prepare_home(settings: Settings) -> Path:
    """Folder of the profile's Dagster instance, with the project's dagster.yaml in it."""
    folder = settings.profile_root / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).resolve().parents[2] / "dagster.yaml", folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def end_broken_off(settings: Settings, instance: "dg.DagsterInstance") -> list[str]:
    """End the runs whose process is gone, in MLflow and in Dagster; return their Dagster ids."""
    from ticket_assets.automation import interrupted

    return interrupted.end_broken_off(settings, instance, lambda words: print(words, file=sys.stderr))


class BusyError(RuntimeError):
    """Another process changes the same profile; the message names it."""


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep other commands from changing the profile meanwhile; the lock ends with the process, however it ends.

    Raises:
        BusyError: another process has it.
    """
    settings.profile_root.mkdir(parents=True, exist_ok=True)
    # Closed when a process of a step is started, which must not hold it after a run that was killed.
    with (settings.profile_root / "run.lock").open("a+", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise BusyError(
                f"profile {settings.profile} is being changed by {held.read() or 'another process'}: "
                "wait until it is done, or stop it; what it finished is kept"
            ) from None
        held.truncate(0)
        held.write(f"process {os.getpid()}, since {datetime.now(UTC).isoformat(timespec='seconds')}")
        held.flush()
        yield
