"""Dates by numbers: a column is written in one order, its own dates tell which, and nothing is invented."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("order", ["auto", "day_first", "month_first"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-02-03 10:15:00 UTC",
        "2026-02-03 10:15 AM",
        "2026-02-03T10:15:00,123Z",
        "2026-02-03, 10:15",
        "Tue 2026-02-03 10:15",
        "10:15 2026-02-03",
        "2026. 02. 03. 10:15",
        "2026/2/3 10:15 AM",
    ],
)
def test_a_year_in_front_is_never_followed_by_the_day(text: str, order: str) -> None:
    """Beside German dates these were the second of March."""
    assert read(text, "19.01.2026", order=order)[0] == "2026-02-03 10:15"


@pytest.mark.parametrize(
    "text",
    ["02. 03. 2026 10:15", "10:15 02.03.2026", "02 03 2026 10:15", "10:15:00, 2.3.26", "Mon, 02 / 03 / 2026 10:15"],
)
def test_blanks_and_a_time_in_front_hide_no_order(text: str) -> None:
    """They were the third of February, though a 19th stood beside them."""
    assert read(text, "19/01/2026", "19 01 2026") == ["2026-03-02 10:15", "2026-01-19 00:00", "2026-01-19 00:00"]


@pytest.mark.parametrize("text", ["02-03 2026", "02/03/2026-10:15", "2/3, 2026"])
def test_a_strange_shape_that_could_be_read_two_ways_is_none(text: str) -> None:
    assert read(text, order="day_first") == [None]


SHAPES = ("{d:02}.{m:02}.{y}", "{d}. {m}. {y}", "{d:02}/{m:02}/{y}", "{d} {m} {y}", "{d}-{m}-{y}", "{d:02}-{m:02} {y}")
TIMES = ("{}", "{} 10:15", "{}, 10:15 AM", "{} 10:15:00,5", "10:15 {}", "Mon, {}", "{}T10:15", "{} - 10:15", "{} -0500")
MACHINES = ("{y}-{m:02}-{d:02}", "{y}/{m}/{d}", "{y}. {m:02}. {d:02}.", "{y} {m} {d}", "{d} {b} {y}", "{b} {d}, {y}")
days = st.dates(date(2000, 1, 1), date(2029, 12, 31))


@given(
    st.lists(st.tuples(days, st.sampled_from((*SHAPES, *MACHINES)), st.sampled_from(TIMES)), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_what_is_read_is_the_day_that_was_written_or_none(
    written: list[tuple[date, str, str]], month_first: bool, told: bool
) -> None:
    def text(day: date, shape: str, around: str) -> str:
        if month_first and shape in SHAPES:
            shape = shape.translate(str.maketrans("dm", "md")).replace(".", "/")
        return around.format(shape.format(d=day.day, m=day.month, y=day.year, b=f"{day:%b}"))

    order = {True: "month_first", False: "day_first"}[month_first] if told else "auto"
    found = instants(pd.Series([text(*one) for one in written], dtype="object"), order)  # type: ignore[arg-type]
    for (day, *_), instant in zip(written, found, strict=True):
        assert pd.isna(instant) or instant.date() == day, (text(*written[0]), instant)


@given(days, st.sampled_from((*SHAPES[:5], *MACHINES[:4])), st.sampled_from(TIMES[:6]))
def test_what_people_write_is_read_and_not_given_up(day: date, shape: str, around: str) -> None:
    text = around.format(shape.format(d=day.day, m=day.month, y=day.year))
    [found] = instants(pd.Series([text], dtype="object"), "day_first")
    assert found.date() == day


def test_two_desks_in_one_column_are_read_each_by_its_separator() -> None:
    """The first row that told an order decided for the other desk."""
    german, american = ("31.12.2025", "02.01.2026"), ("02/13/2026", "02/01/2026")
    expected = ["2025-12-31 00:00", "2026-01-02 00:00", "2026-02-13 00:00", "2026-02-01 00:00"]
    assert read(*german, *american) == expected
    assert read(*american, *german) == [*expected[2:], *expected[:2]]
    assert read("02.01.2026", "02/13/2026", "02/01/2026", "02-01-2026")[1:] == [*expected[2:], None]


@pytest.mark.parametrize("written", [("13/02/2026", "02/13/2026"), ("02.13.2026", "01.02.2026")])
def test_where_one_separator_tells_both_orders_no_date_is_invented_and_the_setting_decides(
    written: tuple[str, str],
) -> None:
    assert read(*written, "2026-05-06") == [None, None, "2026-05-06 00:00"]
    assert read("02/03/2026", *written, order="month_first")[0] == "2026-02-03 00:00"
    assert "2026-02-13 00:00" in read(*written, order="month_first")


def test_a_typing_error_does_not_hide_the_order_of_dots() -> None:
    assert read("19.01.2026", "02.01.2026", "01.13.2026") == ["2026-01-19 00:00", "2026-01-02 00:00", None]


def test_what_is_no_date_is_none() -> None:
    texts = ("soon", "", None, "32.01.2026", "99.99.2026", "31.02.2026", "2026-13-02 10:15 PM", "2026-02-30, 10:15")
    assert read(*texts) == [None] * 8


def test_what_is_no_date_in_the_order_that_was_set_is_none() -> None:
    assert read("02/13/2026", "13/02/2026", order="day_first") == [None, "2026-02-13 00:00"]


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
        (("10.10.10.10",), "auto"),
        (("13/2/2026", "2/13/2026"), None),
        (("1.2.2026", "2/13/2026"), "by_separator"),
        (("1/2/2026", "13-2-2026"), "day_first"),
    ],
)
def test_the_order_is_told_by_the_column(texts: tuple[str, ...], order: str | None) -> None:
    assert written_order(texts) == order
