"""What is told as a log that cannot be reached, and what is another fault that comes up while it is read."""

import errno
import os
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ticket_assets.serving.prediction_log.engine import StoreDownError
from ticket_assets.serving.prediction_log.schema import reached
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets_tests.serving.prediction_log.desk import settings

AWAY = "the prediction log cannot be reached: "


def of_a_file(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        of_a_file(errno.EACCES, Path("/storage/desk/monitoring/predictions/2026-11-20.parquet")),
        of_a_file(errno.EACCES, Path("/storage/desk/log-of-another/prediction_log.db")),
        BrokenPipeError(errno.EPIPE, "whoever reads what is printed is gone"),
        ConnectionRefusedError(errno.ECONNREFUSED, "the MLflow server is away"),
    ],
)
def test_a_fault_of_whoever_reads_is_told_as_what_it_is(tmp_path: Path, fault: OSError) -> None:
    """A full disk under the tables of monitoring was told as a log that cannot be reached."""
    with pytest.raises(OSError) as raised, reached(settings(tmp_path / "log")):  # the very one
        raise fault
    assert raised.value is fault


def test_a_journal_of_the_log_that_cannot_be_read_is_the_log_s(tmp_path: Path) -> None:
    wanted = settings(tmp_path / "log")
    with pytest.raises(StoreDownError, match=f"{AWAY}.*1.journal"), reached(wanted):
        raise of_a_file(errno.EACCES, wanted.spool / "1.journal")


def _elsewhere(folder: Path) -> PredictionLogSettings:
    """Its database is the file that another service would have; its folder is well."""
    return settings(folder / "well", f"sqlite:///{folder}/there/log/prediction_log.db")


@pytest.mark.parametrize("place", ["log", "log/prediction_log.db", "."])
def test_a_file_that_cannot_be_opened_is_a_log_out_of_reach(tmp_path: Path, place: str) -> None:
    """A file where its folder is to be, a folder where its file is to be, a file above both."""
    at = tmp_path / "there" / place
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.suffix:
        at.mkdir(parents=True)
    else:
        at.write_text("no folder")
    for wanted in (settings(tmp_path / "there" / "log"), _elsewhere(tmp_path)):
        with pytest.raises(StoreDownError, match=AWAY), reached(wanted):
            pytest.fail("it was reached")


def test_a_server_that_refuses_and_a_database_that_fails_while_it_is_read_are_out_of_reach(tmp_path: Path) -> None:
    away = settings(tmp_path, "postgresql://monitor:sesame@127.0.0.1:9/none")
    with pytest.raises(StoreDownError, match=f"{AWAY}.*refused") as raised, reached(away):
        pytest.fail("it was reached")
    assert "sesame" not in str(raised.value)
    here = settings(tmp_path / "log")
    with (
        pytest.raises(StoreDownError, match=f"{AWAY}no such table"),
        reached(here) as engine,
        engine.connect() as open_,
    ):
        open_.execute(text("SELECT * FROM a_table_that_is_gone"))
    with pytest.raises(StoreDownError, match=f"{AWAY}connection reset"), reached(here):
        raise OperationalError("SELECT 1", {}, ConnectionResetError("connection reset"))
