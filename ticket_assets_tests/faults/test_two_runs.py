"""Two commands at once on one profile."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from ticket_assets_tests.line import Line
from ticket_assets_tests.pipeline.conftest import command_line


def test_a_second_run_is_refused_by_who_is_at_work_and_the_lock_dies_with_its_holder(
    tmp_path: Path, encoder_root: Path
) -> None:
    """Both would read the same batch and open the same study; the second said nothing and made everything twice."""
    line = Line.begin(tmp_path, encoder_root)
    command = [sys.executable, "-m", "ticket_assets", "run"]
    first = subprocess.Popen(
        command, env=line.variables, cwd=line.folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert first.stderr
        for said in first.stderr:
            if said.startswith("source: "):
                break
        second = command_line(line, "run")
        assert second.returncode == 1
        assert f"profile tiny is being changed by process {first.pid}, since 20" in second.stdout
        assert "due: " not in second.stdout
        assert first.poll() is None, "the first goes on"
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
    missing = tmp_path / "gone.parquet"
    line.source.rename(missing)
    third = command_line(line, "run")
    assert third.returncode == 2, "not busy: the source is what it finds missing"
    assert "is being changed" not in third.stdout
