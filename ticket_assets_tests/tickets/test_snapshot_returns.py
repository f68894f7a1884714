"""Tickets that come back, go back or leave: the latest row of each is one that the source says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets_tests.tickets.snapshots import DAY, LATER, kept, read
from ticket_assets_tests.tickets.test_sources import write


def test_a_ticket_that_goes_back_to_an_earlier_state_is_written_again(desk: Path) -> None:
    """It was compared with all that was ever read: a correction that was taken back stayed in force for ever."""
    read(desk)
    for hour, body in enumerate(["hi", "hello", "hi", "hello"], start=1):
        write(desk / "a.csv", f"id,body\n1,{body}\n2,bye\n")
        now = DAY + timedelta(hours=hour)
        assert (read(desk, now=now).new_rows, read(desk, now=now).new_rows) == (1, 0)
        assert kept(desk, "id", "body")[-1] == ("1", body)
    assert len(kept(desk, "id")) == 6


ROWS = st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("ab")), min_size=1, max_size=3)


@settings(max_examples=20, deadline=None)
@given(readings=st.lists(ROWS, min_size=2, max_size=4))
def test_the_latest_of_each_ticket_is_always_one_that_the_source_says(readings: list[list[tuple[str, str]]]) -> None:
    with TemporaryDirectory() as folder:
        desk = Path(folder)
        for hour, rows in enumerate(readings):
            write(desk / "a.csv", "id,body\n" + "".join(f"{ticket},{body}\n" for ticket, body in rows))
            read(desk, now=DAY + timedelta(hours=hour))
            latest = dict(kept(desk, "id", "body"))
            assert {(ticket, latest[ticket]) for ticket, _ in rows} <= set(rows)
            assert read(desk, now=LATER + timedelta(hours=hour)).new_rows == 0


def test_the_only_ticket_of_a_source_may_go_back_and_forth(desk: Path) -> None:
    """Batches are named by their rows: a batch of the same rows as an earlier one took its place."""
    bodies = ["hello", "hi"] * 3
    for hour, body in enumerate(bodies):
        write(desk / "a.csv", f"id,body\n1,{body}\n")
        assert read(desk, now=DAY + timedelta(hours=hour)).batches == hour + 1
    assert kept(desk, "body") == [(body,) for body in bodies]


def test_of_several_rows_that_come_back_the_last_one_is_in_force(desk: Path) -> None:
    for hour, bodies in enumerate([("hello", "hi"), ("bye",), ("hello", "hi")]):
        write(desk / "a.csv", "id,body\n" + "".join(f"1,{body}\n" for body in bodies))
        read(desk, now=DAY + timedelta(hours=hour))
    assert kept(desk, "body") == [("hello",), ("hi",), ("bye",), ("hi",)]


def test_a_ticket_without_an_id_is_known_by_its_text_and_may_go_back_to_an_earlier_label(desk: Path) -> None:
    for hour, label in enumerate(["x", "y", "x"]):
        write(desk / "a.csv", f"id,subject,body,queue\n,help,hello,{label}\n ,,hello,z\n")
        assert read(desk, now=DAY + timedelta(hours=hour)).new_rows == (1 if hour else 2)
    assert kept(desk, "subject", "queue") == [("help", "x"), (None, "z"), ("help", "y"), ("help", "x")]


def test_a_copy_that_leaves_the_source_takes_nothing_back(desk: Path) -> None:
    write(desk / "a.csv", "id,body\n1,hello\n1,hello\n1,hello\n")
    assert read(desk).new_rows == 3
    write(desk / "a.csv", "id,body\n1,hello\n")
    assert read(desk, now=LATER).new_rows == 0


def test_versions_of_a_ticket_in_another_order_are_no_change(desk: Path) -> None:
    """An export that is not sorted must not make a batch at every reading."""
    write(desk / "a.csv", "id,body\n1,hello\n1,hi\n2,bye\n")
    read(desk)
    write(desk / "a.csv", "id,body\n1,hi\n1,hello\n")
    assert read(desk, now=LATER).new_rows == 0
    assert kept(desk, "body")[1] == ("hi",)


def test_a_ticket_that_comes_back_as_it_was_is_not_written_again(desk: Path) -> None:
    read(desk)
    write(desk / "a.csv", "id,body\n2,bye\n")
    read(desk, now=LATER)
    write(desk / "a.csv", "id,body\n1,hello\n2,bye\n")
    assert read(desk, now=LATER).new_rows == 0


def test_the_latest_reading_stays_the_latest_when_the_clock_was_set_back(desk: Path) -> None:
    """Else the state before it would win, and be written again at every reading."""
    read(desk, now=LATER)
    write(desk / "a.csv", "id,body\n1,hi\n")
    assert read(desk, now=DAY).new_rows == 1
    assert kept(desk, "body") == [("hello",), ("bye",), ("hi",)]
    assert read(desk, now=DAY).new_rows == 0


def test_an_id_that_an_earlier_file_of_another_type_blurs_is_left_alone(tmp_path: Path) -> None:
    """Read beside fractions, a long number loses its last digits and is no ticket that the source still knows."""
    pd.DataFrame({"id": [0.5], "body": ["half"]}).to_parquet(tmp_path / "a.parquet")
    read(tmp_path, "*.parquet")
    pd.DataFrame({"id": [2**60 + 1], "body": ["whole"]}).to_parquet(tmp_path / "a.parquet")
    assert [read(tmp_path, "*.parquet", LATER).new_rows for _ in range(2)] == [1, 0]


def test_a_whole_number_is_one_ticket_though_missing_ids_make_it_a_fraction(tmp_path: Path) -> None:
    for hour, (ids, body) in enumerate([([7], "hello"), ([7, None], "hi"), ([7], "hello")]):
        pd.DataFrame({"id": ids, "body": [body, "no id"][: len(ids)]}).to_parquet(tmp_path / "a.parquet")
        assert read(tmp_path, "*.parquet", DAY + timedelta(hours=hour)).new_rows == len(ids)


def test_a_row_that_leaves_the_source_stays_in_the_snapshot(desk: Path) -> None:
    read(desk)
    write(desk / "a.csv", "id,body\n2,bye\n")
    assert (read(desk).new_rows, read(desk).total_rows) == (0, 2)
