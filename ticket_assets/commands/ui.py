"""`ui`: the Dagster UI of a profile, which leaves nothing behind when it is ended.

Belongs here: the command. Does not belong here: the instance (instance.py), the code location (workspace.yaml).

`dagster dev` does not wait for its code servers. They end by themselves, at the latest when they have heard no
heartbeat for some 45 s, and one that ends before `dagster dev` does, as when a terminal interrupts all of them at once,
is started again. So the interrupt is handed to it alone, and what it leaves is ended after it.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from ticket_assets.commands.instance import end_broken_off, prepare_home
from ticket_assets.settings import Settings

HELP = "open the Dagster UI of the profile"
EXAMPLE = "ui --profile it_service --port 3001"
WORKSPACE = Path(__file__).resolve().parents[2] / "workspace.yaml"
# About the command itself: Dagster names `dg dev` instead, from a package that is not needed here.
QUIET = "ignore:Function `dev_command` is superseded:FutureWarning"
DEV_SECONDS, REST_SECONDS = 60, 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port."""
    parser.add_argument("--port", type=int, default=3000, help="default: 3000")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run `dagster dev` until it ends or is interrupted, then end what is left of it."""
    home = prepare_home(settings)
    _end_dead_runs(settings, home)
    for ended in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ended, _interrupt)
    # From its own home: in a folder with another dagster.yaml Dagster warns that it does not read that one.
    development = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-w", str(WORKSPACE), "-p", str(arguments.port)],
        cwd=home,
        env={**os.environ, "PYTHONWARNINGS": QUIET},
        start_new_session=True,
    )
    try:
        return development.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(development)


def _end_dead_runs(settings: Settings, home: Path) -> None:
    """Before the daemon looks: a run that a dead machine left open would hold up its first."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home)) as instance:
        for run_id in end_broken_off(settings, instance):
            print(f"run {run_id} had no process any more: ended", file=sys.stderr)


def _end(development: "subprocess.Popen[bytes]") -> None:
    """End it and its group; a second interrupt, or one that is not heard in time, ends the group at once."""
    try:
        if development.poll() is None:
            development.send_signal(signal.SIGINT)
            development.wait(DEV_SECONDS)
        until = time.monotonic() + REST_SECONDS
        # Runs that were started from the UI note that they were interrupted.
        _to_group(development.pid, signal.SIGINT)
        while _to_group(development.pid, 0) and time.monotonic() < until:
            time.sleep(0.5)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        pass
    finally:
        _to_group(development.pid, signal.SIGKILL)
        development.wait()


def _to_group(group: int, sent: int) -> bool:
    """Send a signal to what is left of a group, 0 to send none; return whether anything is."""
    try:
        os.killpg(group, sent)
    except ProcessLookupError:
        return False
    return True


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
