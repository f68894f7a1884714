"""The pointer to the champion."""

from pathlib import Path

import pytest

from ticket_assets.serving.store import POINTER, Champion, read_champion, require_champion, write_champion

FIRST = Champion(1, "0123456789abcdef", "2026-01-02T03:04:05+00:00")


def test_an_empty_store_has_no_champion_and_says_what_makes_one(tmp_path: Path) -> None:
    assert read_champion(tmp_path) is None
    with pytest.raises(FileNotFoundError, match="has no champion: make run; where it refused"):
        require_champion(tmp_path)


def test_the_pointer_reads_back_as_written_also_in_a_new_store(tmp_path: Path) -> None:
    store = tmp_path / "not" / "there yet"
    write_champion(store, FIRST)
    assert read_champion(store) == require_champion(store) == FIRST


def test_the_pointer_moves_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_champion(tmp_path, FIRST)
    second = Champion(2, "fedcba9876543210", "2026-02-03T04:05:06+00:00")
    write_champion(tmp_path, second)
    assert read_champion(tmp_path) == second
    assert [path.name for path in tmp_path.iterdir()] == [POINTER]


def test_a_reader_never_sees_half_a_pointer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written in place, a crash between two writes would leave the service without a champion."""
    write_champion(tmp_path, FIRST)

    def crash(*arguments: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", crash)
    with pytest.raises(OSError, match="no space left"):
        write_champion(tmp_path, Champion(2, "fedcba9876543210", "2026-02-03T04:05:06+00:00"))
    assert read_champion(tmp_path) == FIRST
