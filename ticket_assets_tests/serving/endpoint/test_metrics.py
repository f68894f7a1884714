"""What workers say of the model that answers, and what those that were killed said of themselves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ticket_assets.serving.endpoint.metrics import forget_the_dead


def test_gauges_of_the_dead_go_and_what_they_counted_stays(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, living = gone.pid, os.getpid()
    counted = {f"counter_{dead}.db", f"histogram_{dead}.db", f"gauge_all_{dead}.db"}
    alive = {f"gauge_liveall_{living}.db", "gauge_livesum_1.db"}
    for name in (*counted, *alive, f"gauge_liveall_{dead}.db", f"gauge_livesum_{dead}.db"):
        (tmp_path / name).touch()
    forget_the_dead(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == counted | alive


# In a process of its own: whether there are several workers is settled when the library is imported.
SWAPPED = """
import prometheus_client as told
from prometheus_client.multiprocess import MultiProcessCollector
from ticket_assets.serving.endpoint.metrics import metrics_of_process

metrics = metrics_of_process()
metrics.seated("toy", "old", 7)
metrics.seated("toy", "new", 8)
registry = told.REGISTRY
if {several}:
    registry = told.CollectorRegistry()
    MultiProcessCollector(registry)
for metric in registry.collect():
    for one in metric.samples:
        if one.name == "ticket_assets_model_version" and one.value:
            print(one.labels["bundle"], int(one.value))
"""


@pytest.mark.parametrize("several", [False, True])
def test_after_a_swap_the_bundle_before_is_no_longer_said_to_answer(several: bool, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name.lower() != "prometheus_multiproc_dir"}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", SWAPPED.format(several=several)],
        env=kept | ({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if several else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["new 8"]


# Each is a worker; what the last one prints is of both.
WAITING = """
import prometheus_client as told
from prometheus_client.multiprocess import MultiProcessCollector
from ticket_assets.serving.endpoint.metrics import Metrics

Metrics().backlog(3, 7000)
registry = told.CollectorRegistry()
MultiProcessCollector(registry)
for name in ("log_backlog", "log_spool_bytes"):
    print(int(registry.get_sample_value(f"ticket_assets_{name}")))
"""


def test_records_are_added_up_over_workers_and_the_spool_which_they_share_is_not(tmp_path: Path) -> None:
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", WAITING],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["6", "7000"]
