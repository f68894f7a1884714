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


def test_versions_that_were_kept_for_bundles_go_from_disk_and_the_next_ones_are_kept_as_ever(tmp_path: Path) -> None:
    """Kept as branches: erased from the table and from its versions, a ticket still stood in each of these."""
    kept, table = [f"ticket-{number}" for number in range(50)], filled(tmp_path)
    table.keep("bundle-1")
    table.fill(kept, kept, kept, RecordingEncoder(), lambda *_: None)
    table.keep("bundle-2")
    assert [name for name, content in versions(tmp_path) if {*GONE} & {*content["ticket_id"].to_pylist()}]
    assert erase_vectors(tmp_path, GONE) == 0
    assert b"ticket-gone" not in raw(tmp_path)
    assert len(list(versions(tmp_path))) == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "bundle-" in path.as_posix()]
    table = VectorTable(tmp_path, "fake-1", 4)
    assert table.kept() == ()
    table.keep("bundle-1")
    table.fill(kept[1:], kept[1:], kept[1:], RecordingEncoder(), lambda *_: None)
    assert len(table.as_of("bundle-1").read(kept)) == 50


def test_a_branch_that_grew_by_itself_is_searched_in_each_of_its_versions(tmp_path: Path) -> None:
    """Nothing here writes to a branch; whoever did would keep a ticket where no version of the table has it."""
    filled(tmp_path)
    table = lancedb.connect(tmp_path).open_table("tickets-fake-1")
    branch = table.branches.create("odd")
    branch.delete("ticket_id = 'ticket-gone-1'")
    held = [{*GONE} & {*content["ticket_id"].to_pylist()} for _, content in versions(tmp_path)]
    assert {"ticket-gone-2"} in held
    erase_vectors(tmp_path, GONE)
    assert b"ticket-gone" not in raw(tmp_path) and len(list(versions(tmp_path))) == 1


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
