"""Erasing while a service or a scoring runs: what goes meanwhile ends nothing, what is in use is left alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ticket_assets.commands import erase
from ticket_assets.serving import proof
from ticket_assets.serving.erasure import sweep
from ticket_assets.serving.proof import search
from ticket_assets.serving.redaction import LockedError
from ticket_assets.serving.scoring import UNREADABLE
from ticket_assets.state import open_root
from ticket_assets.tickets.arriving import arriving_tickets, scratch_folder
from ticket_assets_tests.line import Line
from ticket_assets_tests.serving.test_proof import BODY, TRACES, database
from ticket_assets_tests.serving.test_scoring import columns, source


def journal(path: Path) -> None:
    path.write_text(BODY)


def table(path: Path) -> None:
    pd.DataFrame({"body": [BODY]}).to_parquet(path)


@pytest.mark.parametrize(
    ("name", "make", "step"),
    [
        ("1.00000000.journal", journal, "_hits"),
        ("clean.parquet", table, "_in_parquet"),
        ("log.db", database, "_in_sqlite"),
    ],
)
def test_a_file_that_goes_while_it_is_searched_holds_nothing(
    tmp_path: Path, name: str, make: Callable[[Path], None], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / name)
    (tmp_path / "z.txt").write_text(BODY)
    [before, _] = search(tmp_path, TRACES, "id")
    assert before.hits
    real = getattr(proof, step)

    def gone(path: Path, *more: Any) -> int:
        if path.name == name:
            path.unlink()
        return int(real(path, *more))

    monkeypatch.setattr(proof, step, gone)
    assert [bool(one.hits) for one in search(tmp_path, TRACES, "id")] == [False, True]


def test_what_cannot_be_read_though_it_is_there_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no table")
    with pytest.raises(Exception, match=r"broken\.parquet"):
        search(tmp_path, TRACES, "id")


def test_a_folder_that_goes_while_it_is_swept_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going, left = tmp_path / "going", tmp_path / "z" / ".left.1.tmp"
    for folder in (going, left):
        folder.mkdir(parents=True)
    listed = os.scandir

    def scandir(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path) == str(going) and going.exists():
            going.rmdir()
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert sweep(tmp_path) == 1
    assert not going.exists() and not left.exists()


def test_rows_of_a_scoring_that_runs_are_not_swept_and_those_of_a_killed_one_are(tmp_path: Path) -> None:
    root, file = tmp_path / "root", tmp_path / "backlog.csv"
    (root / ".score-killed.tmp").mkdir(parents=True)
    file.write_text("text\n" + "help\n" * 9)
    rows = arriving_tickets(source(file), columns(), (), UNREADABLE, root)
    assert next(iter(rows))["body"] == "help"
    with pytest.raises(LockedError, match="make score"):
        sweep(root)
    assert len([*rows]) == 8
    assert sweep(root) == 1
    assert not [*root.iterdir()]


def test_an_erasure_is_not_begun_while_tickets_are_scored(tmp_path: Path) -> None:
    line = Line.begin(tmp_path)
    with line.environment():
        settings = line.settings()
        open_root(line.folders, settings.active.identity(), settings.active.frozen())
        with scratch_folder(line.folders.root), pytest.raises(erase.Refused, match="make score"):
            erase._require_quiet(settings)
        erase._require_quiet(settings)
