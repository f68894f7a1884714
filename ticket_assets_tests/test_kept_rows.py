"""Results that are kept per row: made once, forgotten with their row, and never wrong."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.kept_rows import Filled, KeptRows

SCHEMA = pa.schema([("text", pa.large_string()), ("length", pa.int64())])


def fill(path: Path, keys: list[str], made_by: str = "1", asked: list[str] | None = None) -> Filled:
    """Results that tell their key; `asked` collects what was made."""

    def make(places: list[int]) -> dict[str, list[object]]:
        its = [keys[place] for place in places]
        if asked is not None:
            asked.extend(its)
        return {"text": [f"{made_by} {key}" for key in its], "length": [len(key) for key in its]}

    return KeptRows(path, made_by, SCHEMA).fill(keys, make)


def texts(filled: Filled) -> list[str]:
    assert filled.rows.schema == SCHEMA
    return list(filled.rows["text"].to_pylist())


@settings(max_examples=40, deadline=None)
@given(batches=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=12), min_size=1, max_size=5))
def test_every_filling_gives_what_would_be_made_anew_and_makes_only_what_the_last_one_lacked(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]]
) -> None:
    path, before = tmp_path_factory.mktemp("kept") / "rows.parquet", set[str]()
    for keys in batches:
        asked: list[str] = []
        filled = fill(path, keys, asked=asked)
        assert texts(filled) == [f"1 {key}" for key in keys]
        assert asked == list(dict.fromkeys(key for key in keys if key not in before))
        assert (filled.made, filled.before) == (
            sum(key not in before for key in keys),
            sum(key in before for key in keys),
        )
        before = set(keys)


def test_other_code_or_settings_make_everything_anew(tmp_path: Path) -> None:
    fill(tmp_path / "rows.parquet", ["a", "b"])
    again = fill(tmp_path / "rows.parquet", ["a", "b"], made_by="2")
    assert (texts(again), again.made) == (["2 a", "2 b"], 2)


def test_what_is_no_longer_asked_for_is_forgotten(tmp_path: Path) -> None:
    """Texts hold personal data: what left the tickets must not stay here."""
    path = tmp_path / "rows.parquet"
    fill(path, ["a", "secret"])
    fill(path, ["a"])
    assert b"secret" not in path.read_bytes()
    assert fill(path, ["secret"]).made == 1


def test_a_filling_with_nothing_new_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    fill(path, ["a", "b"])
    written = path.stat().st_mtime_ns
    assert fill(path, ["b", "a", "b"]).made == 0
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", ["missing", "empty", "cut off", "no Parquet at all", "another schema"])
def test_without_a_sound_file_everything_is_made_again(tmp_path: Path, damage: str) -> None:
    path, keys = tmp_path / "rows.parquet", [f"key {n}" for n in range(50)]
    fill(path, keys)
    whole = path.read_bytes()
    path.unlink()
    if damage == "another schema":
        pa.parquet.write_table(pa.table({"_key": keys}), path)
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut off": whole[:-9]}.get(damage, b"no Parquet at all"))
    again = fill(path, keys)
    assert (texts(again), again.made) == ([f"1 {key}" for key in keys], 50)
    assert fill(path, keys).made == 0, "it was written anew"


def test_no_flipped_bit_ever_changes_a_result(tmp_path: Path) -> None:
    path, keys = tmp_path / "rows.parquet", [f"key {n}" for n in range(20)]
    fill(path, keys)
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert texts(fill(path, keys)) == [f"1 {key}" for key in keys], place


def test_the_order_of_the_keys_is_the_order_of_the_results(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    fill(path, ["c", "a"])
    assert texts(fill(path, ["a", "b", "a", "c"])) == ["1 a", "1 b", "1 a", "1 c"]
