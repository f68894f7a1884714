"""Erased tickets leave no row, no version, no index, no tag and no transaction in LanceDB."""

from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import BTree

from ticket_assets.features.erasure import erase_vectors, versions
from ticket_assets.features.vectors import VectorTable
from ticket_assets_tests.features.test_vectors import RecordingEncoder

GONE = ["ticket-gone-1", "ticket-gone-2"]


def filled(folder: Path, encoder_id: str = "fake-1") -> VectorTable:
    ids = [f"ticket-{number}" for number in range(50)] + GONE
    table = VectorTable(folder, encoder_id, 4)
    table.fill(ids, ids, ids, RecordingEncoder(encoder_id), lambda *_: None)
    return table


def raw(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_no_table_version_index_or_transaction_keeps_an_erased_ticket(tmp_path: Path) -> None:
    for encoder_id in ("fake-1", "fake-2"):
        filled(tmp_path, encoder_id)
        table = lancedb.connect(tmp_path).open_table(f"tickets-{encoder_id}")
        table.create_index("ticket_id", config=BTree())
        table.tags.create("kept", table.version)
    table.delete("ticket_id = 'ticket-gone-1'")
    assert b"ticket-gone-1" in raw(tmp_path)
    assert erase_vectors(tmp_path, GONE) == 3
    assert b"ticket-gone" not in raw(tmp_path)
    assert not [name for name, content in versions(tmp_path) if {*GONE} & {*content["ticket_id"].to_pylist()}]
    assert len(list(versions(tmp_path))) == 2, "one version of each table"


def test_the_vectors_that_stay_are_those_that_were_and_the_table_goes_on_being_filled(tmp_path: Path) -> None:
    kept = [f"ticket-{number}" for number in range(50)]
    before = filled(tmp_path).read(kept)
    erase_vectors(tmp_path, GONE)
    table, encoder = VectorTable(tmp_path, "fake-1", 4), RecordingEncoder()
    np.testing.assert_array_equal(table.read(kept), before)
    done = table.fill([*kept, "new"], [*kept, "new"], [*kept, "new"], encoder, lambda *_: None)
    assert (done.encoded, done.kept) == (1, 50) and encoder.calls == [["new"]]
    schema = lancedb.connect(tmp_path).open_table("tickets-fake-1").schema
    assert schema.field("ticket_id").metadata, "the key is still declared"


def test_a_row_that_only_an_earlier_version_holds_is_purged_and_a_second_erasure_changes_nothing(
    tmp_path: Path,
) -> None:
    filled(tmp_path)
    table = lancedb.connect(tmp_path).open_table("tickets-fake-1")
    table.delete("ticket_id IN ('ticket-gone-1', 'ticket-gone-2')")
    assert erase_vectors(tmp_path, GONE) == 0
    assert b"ticket-gone" not in raw(tmp_path)
    version = lancedb.connect(tmp_path).open_table("tickets-fake-1").version
    erase_vectors(tmp_path, GONE)
    assert lancedb.connect(tmp_path).open_table("tickets-fake-1").version == version


def test_other_tables_of_the_database_and_a_missing_database_are_left_alone(tmp_path: Path) -> None:
    lancedb.connect(tmp_path).create_table("notes", pa.table({"note": ["ticket-gone-1"]}))
    assert erase_vectors(tmp_path, GONE) == 0
    assert [name for name, _ in versions(tmp_path)] == ["notes"]
    assert erase_vectors(tmp_path / "absent", GONE) == 0
