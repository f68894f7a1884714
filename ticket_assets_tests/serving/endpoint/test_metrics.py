"""What workers that were killed said of themselves."""

import os
import subprocess
import sys
from pathlib import Path

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
