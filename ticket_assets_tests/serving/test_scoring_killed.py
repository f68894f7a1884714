"""`score` as a process of its own that is killed: no line is lost or doubled, and the answers are those of one run."""

import csv
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.erasure import sweep
from ticket_assets.serving.scoring import BATCH
from ticket_assets.state import open_root
from ticket_assets_tests.line import PROFILE, Line
from ticket_assets_tests.serving.endpoint.conftest import ToyStore, _written, store  # noqa: F401

pytestmark = pytest.mark.slow

ROWS, KILLED_AFTER, PATIENCE = 8000, (200, 2500), 120.0
# Of a file: one without text, one with a value too many.
EMPTY, MISFIT = 70, 4000


@pytest.fixture
def line(store: ToyStore, tmp_path: Path) -> Line:  # noqa: F811
    """A profile whose champion is a toy."""
    line = Line.begin(tmp_path)
    store.crown(1)
    shutil.copytree(store.root, line.folders.bundles)
    with line.environment():
        profile = line.settings().active
    open_root(line.folders, profile.identity(), profile.frozen())
    return line


def test_a_scoring_that_is_killed_twice_ends_with_the_answers_of_one_that_was_not(line: Line) -> None:
    tickets = line.folder / "backlog.csv"
    with tickets.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["ticket_id", "subject", "body"])
        for at in range(ROWS):
            said = "" if at == EMPTY else ("HELP NOW " if at % 3 else "please help ") * (1 + at % 7)
            rows.writerow([f"t-{at}", "", said, *(["too many"] if at == MISFIT else [])])
    whole, stopped = line.folder / "whole.jsonl", line.folder / "stopped.jsonl"
    assert _scoring(line, tickets, whole).wait(PATIENCE) == 0
    for answered in KILLED_AFTER:
        process = _scoring(line, tickets, stopped)
        _wait_until(lambda answered=answered: stopped.exists() and _lines(stopped) > answered, process)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert answered < _lines(stopped) < ROWS
    assert _scoring(line, tickets, stopped).wait(PATIENCE) == 0
    expected, found = _answers(whole), _answers(stopped)
    assert [row["index"] for row in found] == list(range(ROWS))
    assert found == expected
    assert {place: row["error"]["code"] for place, row in enumerate(found) if row["error"]} == {
        EMPTY: "empty_ticket",
        MISFIT: "unreadable_row",
    }
    logged = _logged(line) - 2 * (ROWS - 2)
    assert 0 <= logged <= BATCH * len(KILLED_AFTER), "what was asked again stands in the log twice, and no more"
    assert not [*_temporary(line).rglob("*.parquet")], "no ticket is left where an erasure does not look"
    sweep(line.folders.root)
    assert not [*line.folders.root.rglob("*.parquet")]


def _scoring(line: Line, tickets: Path, out: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "ticket_assets", "score", "--profile", PROFILE, "--file", str(tickets)]
    variables = line.variables | {"TMPDIR": str(_temporary(line))}
    return subprocess.Popen([*command, "--out", str(out)], env=variables, cwd=line.folder)


def _temporary(line: Line) -> Path:
    """A folder of temporary files that no other process has."""
    folder = line.folder / "temporary"
    folder.mkdir(exist_ok=True)
    return folder


def _wait_until(is_so: Any, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < until
        time.sleep(0.005)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _answers(path: Path) -> list[dict[str, Any]]:
    """All lines, without the ids by which the log knows them."""
    read = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in read:
        if row["answer"]:
            assert row["answer"].pop("prediction_id")
    return read


def _logged(line: Line) -> int:
    with sqlite3.connect(line.folders.service / "log" / "prediction_log.db") as database:
        count: int = database.execute("SELECT count(*) FROM predictions WHERE transport = 'score'").fetchone()[0]
    database.close()
    return count
