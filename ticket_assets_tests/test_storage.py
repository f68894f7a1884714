"""Files that are whole or not there, the identity of a storage root, and hashes that mean what they say."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ticket_assets.profile import Profile
from ticket_assets.storage import (
    IdentityError,
    ProfileFolders,
    RecordError,
    Records,
    append_record,
    digest,
    file_digest,
    read_records,
    replacing,
    temporary_sibling,
    write_text,
)
from ticket_assets.tables import frame_digest, write_parquet

DESK = {"source": {"kind": "sample"}, "columns": {"body": "text"}, "targets": {"queue": {"column": "queue"}}}
FRAME = pd.DataFrame(
    {
        "id": ["a", "b", "c"],
        "label": ["x", None, "None"],
        "share": [0.1, float("nan"), 3.0],
        "at": pd.to_datetime(["2024-01-05", None, "2024-01-06"], utc=True),
        "flag": [True, False, True],
    }
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_text_is_written_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "pointer.json"
    write_text(path, "one")
    write_text(path, "zwei ü")
    assert path.read_text(encoding="utf-8") == "zwei ü"
    assert names(path.parent) == ["pointer.json"]


def test_a_text_is_on_the_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename that reaches the disk before the content leaves an empty file after a power cut."""
    synced: list[tuple[str, bool]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        (temporary,) = tmp_path.iterdir()
        synced.append((temporary.read_text(), (tmp_path / "pointer.json").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "pointer.json", "one")
    assert synced == [("one", False)]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "pointer.json"
    write_text(path, "one")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "broken \ud800")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert (path.read_text(), names(tmp_path)) == ("one", ["pointer.json"])


def test_no_two_writers_share_a_temporary_file(tmp_path: Path) -> None:
    """Named after the process alone, two threads, or two containers on one volume, wrote into one file."""
    path = tmp_path / "pointer.json"
    assert temporary_sibling(path) != temporary_sibling(path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write_text(path, text), [str(n) * 2000 for n in range(10)] * 8))
    assert len(set(path.read_text())) == 1
    assert names(tmp_path) == ["pointer.json"]


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "tables" / "clean.parquet"
    write_parquet(path, FRAME)
    with pytest.raises(Exception, match="Conversion failed"):
        write_parquet(path, pd.DataFrame({"mixed": ["a", 1]}))
    assert frame_digest(pd.read_parquet(path)) == frame_digest(FRAME)
    assert names(path.parent) == ["clean.parquet"]


def test_records_are_appended_and_earlier_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "records" / "promotions.jsonl"
    append_record(path, {"b": 1, "a": "ü"})
    first = path.read_bytes()
    append_record(path, {"line": "one\ntwo"})
    assert path.read_bytes().startswith(first)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"a": "ü", "b": 1}, {"line": "one\ntwo"}]
    assert read_records(path) == Records(({"a": "ü", "b": 1}, {"line": "one\ntwo"}))


def test_no_file_holds_no_records(tmp_path: Path) -> None:
    assert read_records(tmp_path / "promotions.jsonl") == Records()


@pytest.mark.parametrize("left", ['{"b": 2, "rea', "{", "7"])
def test_a_torn_last_line_is_left_out_and_named_and_the_next_record_stands_alone(tmp_path: Path, left: str) -> None:
    """A run that was killed while it appended left half a line: the report died of it, the next record stuck to it."""
    path = tmp_path / "promotions.jsonl"
    append_record(path, {"b": 1})
    with path.open("a") as stream:
        stream.write(left)
    assert read_records(path) == Records(({"b": 1},), torn=left)
    append_record(path, {"b": 3})
    assert read_records(path) == Records(({"b": 1}, {"b": 3}))
    assert path.read_text().splitlines() == ['{"b": 1}', '{"b": 3}']


@pytest.mark.parametrize("last", [{"b": 2}, {}])
def test_a_last_record_that_lacks_only_its_line_end_is_kept(tmp_path: Path, last: dict[str, int]) -> None:
    path = tmp_path / "promotions.jsonl"
    path.write_text('{"b": 1}\n' + json.dumps(last))
    assert read_records(path) == Records(({"b": 1}, last))
    append_record(path, {"b": 3})
    assert read_records(path) == Records(({"b": 1}, last, {"b": 3}))


@pytest.mark.parametrize("line", ['{"b": 2, "rea', '{"b": 2}{"b": 3}', "[]", ""])
def test_a_line_in_the_middle_that_is_no_record_is_an_error_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "promotions.jsonl"
    path.write_text('{"b": 1}\n' + line + '\n{"b": 4}\n')
    with pytest.raises(RecordError, match=r"promotions\.jsonl, line 2 is no record"):
        read_records(path)


def test_many_writers_at_a_time_keep_each_other_s_records(tmp_path: Path) -> None:
    """Without a lock, one takes what another is just writing for torn and cuts it off."""
    path = tmp_path / "promotions.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append_record(path, {"n": number, "reason": "x" * 20_000}), range(64)))
    assert {one["n"] for one in read_records(path).whole} == set(range(64))


def test_another_identity_is_refused_with_both_hashes(tmp_path: Path) -> None:
    folders = ProfileFolders(tmp_path / "desk")
    folders.require_identity({"source": "aaa", "targets": "bbb"})
    folders.require_identity({"source": "aaa", "targets": "bbb"})
    with pytest.raises(IdentityError, match=r"source was aaa, is ccc\): give the changed profile a new name") as caught:
        folders.require_identity({"source": "ccc", "targets": "bbb"})
    assert "targets was" not in str(caught.value)
    folders.require_identity({"source": "aaa", "targets": "bbb"})


def test_an_identity_that_knows_its_settings_names_each_that_changed_from_what_to_what(tmp_path: Path) -> None:
    """Two hashes told nobody which of thirty settings to put back."""
    folders = ProfileFolders(tmp_path / "desk")
    before = Profile.model_validate(DESK)
    folders.require_identity(before.identity(), before.frozen())
    targets = {"queue": {"column": "group", "values": {"a": "b"}}, "tone": {"column": "tone"}}
    columns = {"id": "number", "body": "text"}
    now = Profile.model_validate({**DESK, "targets": targets, "columns": columns})
    with pytest.raises(IdentityError) as caught:
        folders.require_identity(now.identity(), now.frozen())
    told = str(caught.value)
    assert 'targets.queue.column was "queue", is "group"' in told
    assert 'targets.queue.values.a was not there, is "b"' in told
    assert 'targets.tone.column was not there, is "tone"' in told
    assert 'columns.id was null, is "number"' in told
    assert "body" not in told and "seed" not in told, "what stayed is not named"


def test_a_root_from_before_settings_were_kept_is_told_by_its_hashes_and_learns_them(tmp_path: Path) -> None:
    folders = ProfileFolders(tmp_path / "desk")
    first, other = (
        Profile.model_validate({**DESK, "targets": {"queue": {"column": one}}}) for one in ("queue", "group")
    )
    folders.require_identity(first.identity())
    hashes = [one.identity()["targets"] for one in (first, other)]
    with pytest.raises(IdentityError, match=r"\(targets was {}, is {}\)".format(*hashes)):
        folders.require_identity(other.identity(), other.frozen())
    folders.require_identity(first.identity(), first.frozen())
    with pytest.raises(IdentityError, match=r"targets.queue.column was \"queue\", is \"group\""):
        folders.require_identity(other.identity(), other.frozen())


def test_all_state_of_a_profile_lies_under_its_root_each_part_for_itself(tmp_path: Path) -> None:
    folders = ProfileFolders(tmp_path / "desk")
    names = [name for name, value in vars(ProfileFolders).items() if isinstance(value, property)]
    paths = [getattr(folders, name) for name in names]
    assert len(paths) == len(set(paths)) >= 12
    assert all(folders.root in path.parents for path in paths)
    assert folders.database_url("optuna") == f"sqlite:///{tmp_path}/desk/optuna.db"
    assert folders.root.is_dir(), "SQLite makes the file, not the folder"


def test_a_digest_knows_order_borders_and_odd_characters() -> None:
    assert digest(["a", "b"]) == hashlib.sha256(b"a\0b\0").hexdigest()[:16]
    assert len({digest(parts) for parts in (["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""], ["\ud800"], [])}) == 6
    assert digest(part for part in ("a", "b")) == digest(["a", "b"])


def test_a_file_digest_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_frame_digest_stays_the_same_for_the_same_content() -> None:
    """Pinned: another value in another process or release would make every table look changed."""
    assert frame_digest(FRAME) == frame_digest(FRAME.set_index(pd.Index([7, 8, 9])).copy())
    assert frame_digest(FRAME[["id", "label"]]) == "c5880ec55c9549e8"


@pytest.mark.parametrize(
    "other",
    [
        FRAME.iloc[::-1],
        FRAME.iloc[:2],
        FRAME.rename(columns={"id": "ticket"}),
        FRAME[["label", "id", "share", "at", "flag"]],
        FRAME.rename(columns={"id": "label", "label": "id"}),
        FRAME.assign(label=["x", "None", "None"]),
        FRAME.assign(label=["x", None, None]),
        FRAME.assign(share=[0.1, 0.0, 3.0]),
        FRAME.assign(share=[0.1000000001, float("nan"), 3.0]),
        FRAME.assign(at=FRAME["at"] + pd.Timedelta(microseconds=1)),
        FRAME.assign(flag=[True, True, True]),
    ],
)
def test_a_frame_digest_moves_with_order_values_and_names(other: pd.DataFrame) -> None:
    assert frame_digest(other) != frame_digest(FRAME)


def test_a_frame_with_lists_and_records_has_a_digest_too() -> None:
    """Quarantined rows stand as they came, and Parquet knows nested columns."""

    def nested(tag: str, size: int) -> str:
        return frame_digest(pd.DataFrame({"tags": [np.array(["a", tag]), None], "meta": [{"n": [size]}, {}]}))

    assert nested("b", 1) == nested("b", 1)
    assert len({nested("b", 1), nested("c", 1), nested("b", 2)}) == 3


def test_an_empty_frame_has_the_digest_of_its_columns() -> None:
    assert frame_digest(FRAME.iloc[:0]) != frame_digest(FRAME.iloc[:0, :2])
