"""Large sources are streamed: memory does not grow with the file, each asked of a process of its own."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CODE = """
import json, resource, sys
from pathlib import Path
from ticket_assets.profile import ColumnSettings
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.snapshot import ingest
from ticket_assets.tickets.sources.opening import open_source

settings, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
done = ingest(open_source(SourceSettings(**settings), Path), folder, ColumnSettings(id="id", body="body"))
print(done.new_rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
SMALL, LARGE = 30_000, 150_000
BODY = " ".join(f"word{n}" for n in range(280))
MORE = len(BODY) * (LARGE - SMALL) / 2**20


def peak(tmp_path: Path, name: str, **settings: object) -> tuple[int, int]:
    """Rows read and the peak memory of reading them, in MB."""
    command = [sys.executable, "-c", CODE, json.dumps(settings), str(tmp_path / name)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # On a busy machine DuckDB draws its progress before it: to it `python -c` is a person's session.
    rows, memory = said.splitlines()[-1].split()
    return int(rows), int(memory)


def csv(folder: Path, rows: int) -> dict[str, object]:
    path = folder / f"{rows}.csv"
    with path.open("w") as file:
        file.write("id,body\n")
        file.writelines(f"{n},{n} {BODY}\n" for n in range(rows))
    return {"path": str(path)}


def array(folder: Path, rows: int) -> dict[str, object]:
    path = folder / f"{rows}.json.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write("[")
        file.writelines(f'{{"id":{n},"body":"{n * 7919} {BODY}"}},\n' for n in range(rows))
        file.write('{"id":"last","body":"x"}]')
    return {"path": str(path)}


def sql(folder: Path, rows: int) -> dict[str, object]:
    path = folder / f"{rows}.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tickets (id INTEGER, body TEXT)")
        connection.executemany("INSERT INTO tickets VALUES (?, ?)", ((n, f"{n} {BODY}") for n in range(rows)))
    connection.close()
    return {"kind": "sql", "url": f"sqlite:///{path}", "table": "tickets"}


@pytest.mark.slow
@pytest.mark.parametrize("write", [csv, array, sql])
def test_reading_five_times_the_rows_takes_little_more_memory(
    tmp_path: Path, write: Callable[[Path, int], dict[str, object]]
) -> None:
    small_rows, small = peak(tmp_path, "small", **write(tmp_path, SMALL))
    large_rows, large = peak(tmp_path, "large", **write(tmp_path, LARGE))
    assert LARGE <= large_rows <= LARGE + 1
    assert small_rows >= SMALL
    assert large - small < 0.75 * MORE, f"{small} MB for {small_rows} rows, {large} MB for {MORE:.0f} MB more of them"
