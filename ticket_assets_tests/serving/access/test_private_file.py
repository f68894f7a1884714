"""Files for their owner alone, and files that are read again."""

import json
import stat
import threading
from pathlib import Path

import pytest

from ticket_assets.serving.access.keys import add_key, keys_from_text, new_key, stored_keys
from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.access.private_file import AccessFileError, WatchedFile, write_once, write_private
from ticket_assets_tests.serving.access.conftest import NOW, Clock


def parse(text: str) -> str:
    if text.startswith("bad"):
        raise AccessFileError("it is bad")
    return text


def test_a_change_is_seen_within_a_second_and_not_looked_for_more_often(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    watched = WatchedFile(path, parse, "", clock)
    write_private(path, "two")
    clock.seconds += 0.9
    assert watched.now() == "one"
    clock.seconds += 0.2
    assert watched.now() == "two"


def test_a_file_that_comes_or_goes_is_noticed(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "file"
    watched = WatchedFile(path, parse, "nothing", clock)
    assert watched.now() == "nothing"
    path.write_text("something")
    clock.seconds += 1
    assert watched.now() == "something"
    path.unlink()
    clock.seconds += 1
    assert watched.now() == "nothing"


def test_a_slip_of_an_editor_locks_nobody_out_and_is_told_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "file"
    path.write_text("good")
    watched = WatchedFile(path, parse, "", clock)
    write_private(path, "bad, with a secret")
    for _ in range(3):
        clock.seconds += 1
        assert watched.now() == "good"
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: it is bad; what it held before stays in force"
    ]
    write_private(path, "better")
    clock.seconds += 1
    assert watched.now() == "better"


def test_at_the_start_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "file"
    path.write_text("bad")
    with pytest.raises(AccessFileError, match="file: it is bad"):
        WatchedFile(path, parse, "", clock)
    path.write_bytes(b"\xff")
    with pytest.raises(AccessFileError, match="file cannot be read: UnicodeDecodeError"):
        WatchedFile(path, parse, "", clock)


def test_a_folder_that_may_not_be_looked_into_locks_nobody_out_and_is_told_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A link that leads to itself stands for a disk that is gone: rights alone do not keep root out."""
    folder, elsewhere = tmp_path / "access", tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "keys").write_text("good")
    watched = WatchedFile(folder / "keys", parse, "", clock)
    folder.rename(elsewhere)
    folder.symlink_to(folder)  # a loop: ELOOP, an OSError of no class of its own
    for _ in range(3):
        clock.seconds += 1
        assert watched.now() == "good"
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder / 'keys'} cannot be looked at: OSError; what it held before stays in force"
    ]
    with pytest.raises(AccessFileError, match="keys cannot be looked at: OSError"):
        WatchedFile(folder / "keys", parse, "", clock)
    folder.unlink()
    elsewhere.rename(folder)
    write_private(folder / "keys", "better")
    clock.seconds += 1
    assert watched.now() == "better"


def test_of_many_processes_the_first_one_s_secret_is_everybody_s(tmp_path: Path) -> None:
    path = tmp_path / "access" / "secret"
    found: list[str] = []
    threads = [threading.Thread(target=lambda text=str(one): found.append(write_once(path, text))) for one in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {path.read_text()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["secret"]


def test_of_two_changes_at_once_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    made = [new_key(f"k{number}", [Scope.PREDICT], NOW)[1] for number in range(12)]
    threads = [threading.Thread(target=add_key, args=(path, key)) for key in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.name for key in stored_keys(path)} == {key.name for key in made}
    assert len(keys_from_text(path.read_text())) == len(json.loads(path.read_text())["keys"]) == 12
