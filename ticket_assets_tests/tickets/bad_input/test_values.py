"""Bad values: ids, labels, dates and texts of types and shapes that nobody expects."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ticket_assets.tickets.curation import Curation
from ticket_assets_tests.tickets.bad_input.through import (
    COLUMNS,
    KNOWN,
    Files,
    Kind,
    Sorted,
    cases,
    csv,
    lines,
    send_through,
    table,
)

NO_ID = COLUMNS.model_copy(update={"id": None})
Holds = Callable[[Curation], bool]


def parquet(name: str, outcome: Sorted, **columns: list[Any]) -> Kind:
    return Kind(name, table(**columns), outcome, "a.parquet")


def values(column: str, *expected: object) -> Holds:
    return lambda result: [None if pd.isna(one) else one for one in result.clean[column]] == list(expected)


def last(column: str, expected: object) -> Holds:
    return lambda result: result.clean[column].iloc[-1] == expected


def dated(*expected: str | None) -> Holds:
    return lambda result: (
        [None if pd.isna(at) else f"{at:%Y-%m-%dT%H:%M}" for at in result.clean["created_at"]] == [*expected]
    )


def dates(*given: str) -> Files:
    rows = "".join(f"{n},text {n},{at},it\n" for n, at in enumerate(given))
    return {"a.csv": "id,body,at,queue\n" + rows}


def no_date(result: Curation) -> bool:
    return bool(result.clean["created_at"].isna().iloc[-1]) and result.unreadable_dates == 1


def database(statement: str, *rows: tuple[Any, ...]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with sqlite3.connect(folder / "a.db") as connection:
            connection.execute(statement)
            connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(rows[0]))})", rows)
        connection.close()

    return make


def sql(name: str, files: Callable[[Path], None], outcome: Sorted, **source: Any) -> Kind:
    told = {"kind": "sql", "path": None, "url": "sqlite:///in/a.db", "table": "t", **source}
    return Kind(name, files, outcome, source=told)


LONG = "l" * 10_000
ODD_LABELS = [parquet(f"a label that is {name}", outcome, queue=given) for name, given, outcome in (
    ("a number", [7, 7], Sorted(2, holds=values("label_queue", "7", "7"))),
    ("a number beside none", [7, None], Sorted(1, {"no_usable_label": 1}, holds=values("label_queue", "7"))),
    ("true or false", [True, False], Sorted(2, holds=values("label_queue", "True", "False"))),
    ("a date", [pd.Timestamp("2024-01-01")] * 2, Sorted(2, holds=values("label_queue", *["2024-01-01 00:00:00"] * 2))),
    ("a list", [["a"], []], Sorted(2, holds=values("label_queue", "['a']", "[]"))),
    ("nothing anywhere", [None, None], Sorted(0, {"no_usable_label": 2})),
)]  # fmt: skip

VALUES = [
    *ODD_LABELS,
    parquet("numbers for texts", Sorted(2, holds=values("text", "7", "7.5")), body=[7.0, 7.5]),
    parquet("truths for texts", Sorted(2, holds=values("text", "True", "False")), body=[True, False]),
    parquet("lists for texts", Sorted(1, {"empty_text": 1}), body=[["a", "b"], None]),
    parquet("records for texts", Sorted(2), body=[{"de": "a"}, {"de": "b"}]),
    parquet("dates for texts", Sorted(2), body=[dt.date(2024, 1, 1), dt.date(2024, 1, 2)]),
    parquet("bytes for texts", Sorted(2), body=[b"caf\xff", b"key"]),
    parquet("fractions for ids", Sorted(2, holds=values("ticket_id", "0.5", "7")), id=[0.5, 7.0]),
    parquet("numbers past 2^53 for ids", Sorted(2, holds=values("ticket_id", str(2**60 + 1), str(2**60 + 2))),
            id=[2**60 + 1, 2**60 + 2]),
    parquet("infinity for a date", Sorted(2, holds=dated(None, None)), at=[np.inf, -np.inf]),
    Kind("objects for texts", lines('{"id":"7","body":{"de":["a"]},"at":[],"queue":"it"}\n'),
         Sorted(5, holds=last("text", '{"de":["a"]}')), "a.jsonl"),
    Kind("ids with leading zeros", csv("007,a,,it\n7,b,,it\n"),
         Sorted(6, holds=values("ticket_id", "w1", "w2", "w3", "w4", "007", "7"))),
    Kind("a very long id", csv(f"{LONG},a,,it\n"), Sorted(5, holds=last("ticket_id", LONG))),
    Kind("ids that look alike", csv("A1,a,,it\nА1,b,,it\nA１,c,,it\n"), Sorted(7)),
    Kind("ids with blanks around", csv(" 7 ,a,,it\n7,b,,it\n"), Sorted(5, superseded=1, holds=last("text", "b"))),
    Kind("an id twice with other texts", csv("7,a,,it\n7,b,,it\n"), Sorted(5, superseded=1, holds=last("text", "b"))),
    Kind("an id twice with the same text", csv("7,a,,it\n7,a,,it\n"), Sorted(5, superseded=1)),
    Kind("a text twice with other ids", csv("7,a,,it\n8,a,,it\n"), Sorted(5, folded=1)),
    Kind("a text twice with other labels", csv("7,a,,it\n8,a,,hr\n"), Sorted(6, holds=last("disputed", True))),
    Kind("rows without ids", csv(",a,,it\n,a,,it\n,b,,it\n"), Sorted(6, folded=1)),
    Kind("a column of ids without one", csv(",a,,it\n"), Sorted(5), columns=NO_ID),
    Kind("a label nobody knows", csv("7,a,,sales\n8,b,,IT\n"), Sorted(4, {"no_usable_label": 2}), targets=KNOWN),
    Kind("a row without a label", csv("7,a,,\n"), Sorted(4, {"no_usable_label": 1})),
    Kind("a label of blanks", csv("7,a,,   \n"), Sorted(4, {"no_usable_label": 1})),
    Kind("a label of 10,000 characters", csv(f"7,a,,{LONG}\n"), Sorted(5, holds=last("label_queue", LONG))),
    Kind("a label over two lines", csv('7,a,,"it\nhr"\n'), Sorted(5, holds=last("label_queue", "it\nhr"))),
    Kind("a label with markup", csv("7,a,,<b>it</b>\n"), Sorted(5, holds=last("label_queue", "<b>it</b>"))),
    Kind("no row that can be used", {"a.csv": "id,body,at,queue\n1,,,it\n2,a,,\n"},
         Sorted(0, {"empty_text": 1, "no_usable_label": 1})),
    Kind("a date that is to come", csv("7,a,2199-01-01,it\n"), Sorted(5, holds=lambda result: (
        result.clean["created_at"].iloc[-1] == pd.Timestamp("2199-01-01", tz="UTC")))),
    Kind("a date past the year 2262", csv("7,a,2999-01-01,it\n"), Sorted(5, holds=no_date)),
    Kind("a date out of all time", csv("7,a,9999-99-99,it\n"), Sorted(5, holds=no_date)),
    Kind("a date no clock can hold", csv("7,a,0001-01-01,it\n"), Sorted(5, holds=no_date)),
    Kind("a date that no calendar has", csv("7,a,2024-02-30,it\n"), Sorted(5, holds=no_date)),
    Kind("words for a date", csv("7,a,yesterday,it\n"), Sorted(5, holds=no_date)),
    Kind("a number for a date", csv("7,a,1704448800,it\n"), Sorted(5, holds=no_date)),
    Kind("several time zones", dates("2024-01-05T10:00:00+02:00", "2024-01-05T10:00:00Z", "2024-01-05 10:00-05:00"),
         Sorted(3, holds=dated("2024-01-05T08:00", "2024-01-05T10:00", "2024-01-05T15:00"))),
    Kind("dates without a time zone", dates("2024-01-05 10:00", "2024-01-05T10:00:00+02:00"),
         Sorted(2, holds=dated("2024-01-05T10:00", "2024-01-05T08:00"))),
    sql("a column of bytes", database("CREATE TABLE t (id, body BLOB, at, queue)", (1, b"caf\xff", None, "it"),
                                      (2, b"key", None, "it"), (3, "lamp", None, "it")),
        Sorted(2, {"unreadable": 1}, holds=values("ticket_id", "2", "3"))),
    sql("values of any type in one column", database("CREATE TABLE t (id, body, at, queue)", (1, 7, 1.5, "it"),
                                                     (2.0, "key", "2024-01-01", 7), (None, None, None, None)),
        Sorted(2, {"empty_text": 1})),
]  # fmt: skip


@cases(VALUES)
def test_an_odd_value_is_read_for_what_it_is_or_told(kind: Kind, tmp_path: Path) -> None:
    send_through(kind, tmp_path)
