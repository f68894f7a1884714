"""Searching what waits by its bytes: quick, in little memory, and no byte out of place."""

import time
import tracemalloc
from pathlib import Path

import pytest

from ticket_assets.serving.prediction_log import search
from ticket_assets.serving.prediction_log.clock import PREDICTION, made_id
from ticket_assets.serving.prediction_log.lines import Line, as_line
from ticket_assets.serving.prediction_log.lines import read_line as of_line
from ticket_assets.serving.prediction_log.records import PredictionRecord
from ticket_assets.serving.prediction_log.spool import Spool
from ticket_assets_tests.serving.prediction_log.desk import answer
from ticket_assets_tests.serving.prediction_log.test_journal import AT

NOBODY = made_id(PREDICTION, 7)


def filled(folder: Path, segments: int) -> tuple[Spool, list[str]]:
    """A spool of so many segments of 4 MiB, and the ids of the predictions in it."""
    spool, told = Spool(folder), []
    for number in range(segments):
        made = [made_id(PREDICTION, (number * 2000 + one) * 1_000_000) for one in range(1600)]
        blob = b"".join(as_line(PredictionRecord(one, AT, 1, answer(body="word " * 420))) for one in made)
        spool.segment("1-dead", number).write_bytes(blob)
        told += made
    return spool, told


def test_one_of_many_megabytes_is_found_without_parsing_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, told = filled(tmp_path, 8)
    parsed: list[bytes] = []

    def read_line(raw: bytes) -> Line:
        parsed.append(raw)
        return of_line(raw)

    monkeypatch.setattr(search, "read_line", read_line)
    tracemalloc.start()
    found = {one: spool.search("prediction", [one]).payloads[one]["id"] for one in (told[0], told[len(told) // 2])}
    missing = spool.search("prediction", [NOBODY])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(one == its for one, its in found.items())
    assert (missing.payloads, missing.complete) == ({}, True)
    assert len(parsed) == 2
    assert peak < 6 * search.BLOCK_BYTES


def test_many_are_found_in_one_pass(tmp_path: Path) -> None:
    spool, told = filled(tmp_path, 2)
    wanted = told[::7]
    begun = time.perf_counter()
    found = spool.search("prediction", [*wanted, NOBODY])
    together = time.perf_counter() - begun
    assert {*found.payloads} == {*wanted}
    assert all(payload["id"] == one for one, payload in found.payloads.items())
    begun = time.perf_counter()
    for one in wanted[:10]:
        spool.search("prediction", [one, NOBODY])
    assert together < (time.perf_counter() - begun) / 10 * len(wanted) / 5


def test_a_search_that_takes_too_long_gives_up_and_says_so(tmp_path: Path) -> None:
    spool, told = filled(tmp_path, 1)
    found = spool.search("prediction", [told[0]], seconds=-1)
    assert (found.payloads, found.complete) == ({}, False)


@pytest.mark.parametrize("block", [1, 7, 64, 300])
def test_records_that_lie_across_blocks_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    spool, told = Spool(tmp_path), [made_id(PREDICTION, moment) for moment in range(5)]
    blob = b"".join(as_line(PredictionRecord(one, AT, 1, answer())) for one in told)
    spool.segment("1-dead", 0).write_bytes(blob)
    monkeypatch.setattr(search, "BLOCK_BYTES", block)
    for wanted in (told, [told[0]], [told[4]], told[1:3]):
        assert {*spool.search("prediction", wanted).payloads} == {*wanted}


def test_a_damaged_line_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    spool, one = Spool(tmp_path), made_id(PREDICTION, 1)
    blob = as_line(PredictionRecord(one, AT, 1, answer()))
    spool.segment("1-dead", 0).write_bytes(blob.replace(b"Invoice", b"invoice"))
    assert spool.search("prediction", [one]).payloads == {}
    spool.segment("2-dead", 0).write_bytes(blob)
    assert {*spool.search("prediction", [one]).payloads} == {one}
