"""The proof looks into every format that state is kept in; what logs and databases say is blacked out in its place."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import lancedb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ticket_assets.serving import redaction
from ticket_assets.serving.proof import place_of, search
from ticket_assets.serving.redaction import LockedError, redact
from ticket_assets.tickets.traces import Traces, pieces

BODY = "My screen flickers, says Zaphod Beeblebrox from accounting, whenever the lift goes up."
TRACES = Traces(("T-1000", "17"), (tuple(pieces(BODY)),), ("0123456789abcdef",), frozenset({"beeblebrox"}))


def database(path: Path, text: str = BODY) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE event_logs (id INTEGER PRIMARY KEY, event TEXT, blob BLOB)")
        made.execute("INSERT INTO event_logs (event, blob) VALUES (?, ?)", (json.dumps({"a": text}), text.encode()))
        made.commit()


def deleted(path: Path) -> None:
    database(path, BODY * 3)
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA secure_delete = OFF")  # which some builds of SQLite have on
        made.execute("DELETE FROM event_logs")
        made.commit()


def parquet(path: Path, **columns: list[object]) -> None:
    pd.DataFrame(columns).to_parquet(path, compression="zstd")


def with_metadata(path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata({"cursor": BODY}), path, compression="zstd")


PLANTED: dict[str, Callable[[Path], object]] = {
    "raw/batch-1.parquet": lambda path: parquet(path, body=["x", BODY]),
    "raw/batch-2.parquet": lambda path: parquet(path, nested=[{"fields": [{"text": BODY}]}]),
    "raw/batch-3.parquet": with_metadata,
    "raw/batch-4.parquet": lambda path: parquet(path, number=[17, 4]),
    "parquet/tickets/clean.parquet": lambda path: parquet(path, ticket_id=["17"]),
    "parquet/models/split.parquet": lambda path: parquet(path, family_id=["T-1000"]),
    "dagster/history/runs/index.db": database,
    "mlflow.db": deleted,
    "candidates/queue/1/neighbours.npz": lambda path: np.savez_compressed(path, names=np.array([b"0123456789abcdef"])),
    "bundles/1/queue/terms.txt": lambda path: path.write_text("alpha\nbeeblebrox\nomega"),
    "split/holdout.json": lambda path: path.write_text(json.dumps({"ticket_ids": ["3", "17"]})),
    "dagster/storage/1/compute_logs/a.err": lambda path: path.write_text("failed on T-1000: no text"),
    "search/queue/1/odd.gz": lambda path: path.write_bytes(gzip.compress(BODY.encode())),
    "bentoml/bentos/x/v1/src/baked/bundles/1/MODEL_CARD.md": lambda path: path.write_text(BODY),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_trace_is_found_in_whatever_it_is_kept_in(planted: str, tmp_path: Path) -> None:
    path = tmp_path / planted
    path.parent.mkdir(parents=True, exist_ok=True)
    PLANTED[planted](path)
    found = search(tmp_path, TRACES, "number")
    assert [(one.path, one.hits > 0) for one in found] == [(path, True)]
    assert search(tmp_path, TRACES, "number", but=(path,)) == []


def test_a_link_whose_aim_is_named_by_a_trace_and_a_row_of_an_old_version_of_vectors_are_found(tmp_path: Path) -> None:
    (tmp_path / "odd").symlink_to("T-1000")
    table = lancedb.connect(tmp_path / "lancedb").create_table("tickets-x", pa.table({"ticket_id": ["17", "T-1000"]}))
    table.delete("ticket_id IN ('17', 'T-1000')")
    found = search(tmp_path, TRACES, None)
    assert sum(one.hits for one in found if one.path.name == "odd") == 1
    assert sum(one.hits for one in found if one.path.name == "tickets-x.lance") == 2


def test_what_says_nothing_of_the_tickets_is_searched_and_found_clean(tmp_path: Path) -> None:
    for name, text in (("a.json", '{"n": 17, "id": "T-10001"}'), ("terms.txt", "17\nbeeblebroxes")):
        (tmp_path / name).write_text(text)
    parquet(tmp_path / "b.parquet", ticket_id=["170", "T-1000-b"], rows=[17, 17])
    database(tmp_path / "c.db", "quiet")
    # An encoder holds the words of a language, and the code of a bento those of its authors.
    for place in ("encoders/x", "bentoml/bentos/x/v1/src/ticket_assets"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "vocabulary.txt").write_text(BODY)
    found = search(tmp_path, TRACES, None)
    assert {one.path.name: one.hits for one in found} == dict.fromkeys(("a.json", "b.parquet", "c.db", "terms.txt"), 0)


def test_places_are_named_as_people_call_them() -> None:
    told = {
        path: place_of(Path(path)) for path in ("raw/b.parquet", "parquet/features/text.parquet", "mlflow.db", "x/y")
    }
    assert list(told.values()) == ["raw batches", "features/text", "MLflow", "x"]


@pytest.mark.parametrize("planted", [database, deleted])
def test_a_database_is_blacked_out_to_its_free_pages_and_its_json_stays_json(
    planted: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "dagster.db"
    planted(path)
    assert redact(path, tmp_path, TRACES)
    assert b"Beeblebrox" not in path.read_bytes()
    with closing(sqlite3.connect(path)) as kept:
        for event, blob in kept.execute("SELECT event, blob FROM event_logs"):
            assert json.loads(event) == {"a": "[erased]"} and blob == b"[erased]"


def test_a_database_that_another_process_has_open_is_named_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "PATIENCE_SECONDS", 0.01)
    path = tmp_path / "runs.db"
    database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockedError, match=r"runs.db: database is locked; close what has it open"):
            redact(path, tmp_path, TRACES)


def test_logs_and_reports_are_blacked_out_and_what_must_keep_its_bytes_is_not(tmp_path: Path) -> None:
    for place in ("dagster/a.err", "reports/a.json", "bundles/1/MODEL_CARD.md", "raw/a.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(f"before {BODY} after")
    done = [place for place in ("dagster/a.err", "reports/a.json") if redact(tmp_path / place, tmp_path, TRACES)]
    assert [(tmp_path / one).read_text() for one in done] == ["before [erased] after"] * 2
    for place in ("bundles/1/MODEL_CARD.md", "raw/a.txt"):
        assert not redact(tmp_path / place, tmp_path, TRACES)
        assert BODY in (tmp_path / place).read_text()
