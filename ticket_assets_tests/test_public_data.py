"""Where a public ticket file is absent: skipped on a machine that need not have it, failed on one that must."""

from pathlib import Path

import pytest

from ticket_assets_tests.public_data import public_data


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TICKET_ASSETS_TEST_DATA", str(tmp_path))
    monkeypatch.delenv("REQUIRE", raising=False)
    return tmp_path


def test_a_file_that_is_there_is_named(folder: Path) -> None:
    (folder / "tickets.parquet").touch()
    assert public_data("tickets.parquet") == folder / "tickets.parquet"


def test_an_absent_file_skips_its_test() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"tickets\.parquet not found"):
        public_data("tickets.parquet")


def test_an_absent_file_fails_its_test_where_data_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """`.ci/run` requires what it finds, so that a renamed file is no green run without its tests."""
    monkeypatch.setenv("REQUIRE", "podman, data")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE names data"):
        public_data("tickets.parquet")
