"""Dates by numbers: a column is written in one order, its own dates tell which, and nothing is invented."""

import pandas as pd
import pytest

from ticket_assets.tickets.instants import instants, written_order


def read(*texts: str | None, **order: str) -> list[str | None]:
    found = instants(pd.Series(texts, dtype="object"), **order)  # type: ignore[arg-type]
    return [None if pd.isna(one) else one.strftime("%Y-%m-%d %H:%M") for one in found]


def test_a_german_desk_s_dates_are_read_day_first_though_many_would_do_as_months() -> None:
    """40 % of a German desk's dates were another day, and its hold-out was not the latest."""
    assert read("02.01.2026 00:44", "19.01.2026 10:00", "03.04.26") == [
        "2026-01-02 00:44",
        "2026-01-19 10:00",
        "2026-04-03 00:00",
    ]


def test_dots_alone_say_day_first() -> None:
    assert read("02.01.2026", "03.04.2026") == ["2026-01-02 00:00", "2026-04-03 00:00"]


@pytest.mark.parametrize("separator", ["/", "-"])
def test_a_number_above_twelve_tells_the_order_of_the_whole_column(separator: str) -> None:
    days = [one.replace("/", separator) for one in ("02/01/2026", "19/01/2026 10:00")]
    assert read(*days) == ["2026-01-02 00:00", "2026-01-19 10:00"]
    months = [one.replace("/", separator) for one in ("01/02/2026", "01/19/2026 3:00 PM")]
    assert read(*months) == ["2026-01-02 00:00", "2026-01-19 15:00"]


def test_where_no_date_tells_none_is_invented_and_the_others_are_read() -> None:
    assert read("01/02/2026", "03/04/2026", "2026-05-06", None) == [None, None, "2026-05-06 00:00", None]


def test_the_setting_decides_where_the_column_cannot() -> None:
    assert read("01/02/2026", order="day_first") == ["2026-02-01 00:00"]
    assert read("01/02/2026", order="month_first") == ["2026-01-02 00:00"]


@pytest.mark.parametrize("order", ["auto", "day_first", "month_first"])
def test_dates_of_machines_mean_the_same_in_every_order(order: str) -> None:
    texts = ("2026-02-03 10:00", "2026-02-03T10:00:00+02:00", "Mon, 02 Feb 2026 10:00:00 +0000", "2. Jan 2026")
    expected = ["2026-02-03 10:00", "2026-02-03 08:00", "2026-02-02 10:00", "2026-01-02 00:00"]
    assert read(*texts, order=order) == expected


def test_what_is_no_date_is_none() -> None:
    assert read("soon", "", None, "32.01.2026", "99.99.2026") == [None] * 5


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        ((), "auto"),
        (("2026-01-02",), "auto"),
        (("1/2/2026",), None),
        (("1.2.2026",), "day_first"),
        (("13/2/2026",), "day_first"),
        (("2/13/2026",), "month_first"),
        (("Fr., 02.01.2026",), "day_first"),
        (("10.0.0.1",), "auto"),
    ],
)
def test_the_order_is_told_by_the_column(texts: tuple[str, ...], order: str | None) -> None:
    assert written_order(texts) == order
