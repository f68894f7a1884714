"""Curation: every row ends in exactly one place, and ids and dates are what the source says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.tickets.curation import (
    EMPTY_TEXT,
    REASONS,
    curate,
    originals,
)
from ticket_assets.tickets.sources import SourceError
from ticket_assets_tests.tickets.curations import BOTH, COLUMNS, QUEUE, adds_up, curated, places, snapshot

VALUES = st.one_of(st.none(), st.sampled_from(["a", "b", " ", "1", "high", "<br>"]), st.integers(0, 2), st.floats())


@pytest.mark.parametrize("column", ["id", None])
@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries(dict.fromkeys(("id", "subject", "body", "queue", "priority", "at"), VALUES)))
)
def test_every_row_ends_in_exactly_one_place(column: str | None, rows: list[dict[str, Any]]) -> None:
    result = curated(*rows, id=column)
    assert adds_up(result)
    assert result.read == len(rows)
    assert result.clean["ticket_id"].is_unique
    assert not result.clean.duplicated(["text", "label_queue", "label_priority"]).any()
    assert result.clean[["label_queue", "label_priority"]].notna().any(axis=1).all()
    assert (result.clean["text"] != "").all()
    assert set(result.quarantine["reason"]) <= set(REASONS)
    assert column or result.superseded == 0


def test_the_latest_version_of_an_id_wins() -> None:
    result = curated({"id": "7", "body": "old", "queue": "a"}, {"id": "8"}, {"id": " 7 ", "body": "new", "queue": "b"})
    assert places(result) == (2, 1, 0, 0)
    assert list(result.clean[["ticket_id", "text", "label_queue"]].iloc[0]) == ["7", "new", "b"]


def test_a_missing_id_is_the_hash_of_what_the_ticket_says() -> None:
    result = curated({"body": "a"}, {"body": "b", "id": " "})
    assert result.clean["ticket_id"].str.fullmatch("[0-9a-f]{16}").all()
    assert curated({"body": "a"}, id=None).clean["ticket_id"][0] == result.clean["ticket_id"][0]
    assert curated({"body": "a", "subject": "s"}).clean["ticket_id"][0] != result.clean["ticket_id"][0]


def test_rows_without_an_id_that_say_the_same_are_folded_as_copies() -> None:
    result = curated({}, {}, {"body": "else"}, {}, id=None)
    assert places(result) == (2, 0, 2, 0)
    assert result.clean["disputed"].tolist() == [False, False]


def test_rows_without_an_id_and_without_words_are_all_quarantined() -> None:
    """They say the same in having nothing to say: that makes no copies."""
    assert places(curated({"body": None}, {"body": ""}, {"body": "<br>"}, {"body": "<br>"}, id=None)) == (0, 0, 0, 4)


def test_a_version_is_no_opinion_of_another_ticket() -> None:
    """What has an id was corrected; only what stands today disputes anything."""
    result = curated({"id": "7", "queue": "x"}, {"id": "7", "queue": "y"})
    assert (places(result), result.disputed) == ((1, 1, 0, 0), 0)


def test_quarantined_rows_stand_as_they_came_with_their_reason() -> None:
    result = curated(
        {"id": "1", "body": " <br> "}, {"id": "2", "body": None, "queue": None, "priority": None}, {"id": "3"}
    )
    assert places(result) == (1, 0, 0, 2)
    assert result.quarantine["reason"].tolist() == [EMPTY_TEXT, EMPTY_TEXT]
    assert result.quarantine["body"].tolist() == [" <br> ", None]
    assert list(result.quarantine.columns) == ["reason", *snapshot().columns]


def test_folding_keeps_the_first_copy() -> None:
    result = curated({"id": "a"}, {"id": "b"}, {"id": "c", "queue": "other"}, {"id": "d", "queue": None})
    assert places(result) == (3, 0, 1, 0)
    assert result.clean["ticket_id"].tolist() == ["a", "c", "d"]


def test_a_later_version_of_the_first_copy_keeps_its_place() -> None:
    """Ordered by the latest version, b passed a by, and the ids of a frozen hold-out moved."""
    result = curated({"id": "a"}, {"id": "b"}, {"id": "a", "channel": "mail"})
    assert result.clean[["ticket_id", "context_channel"]].to_numpy().tolist() == [["a", "mail"]]
    assert places(result) == (1, 1, 1, 0)


def test_unreadable_dates_are_null_and_counted_and_absent_ones_are_not() -> None:
    dates = ["2024-01-05T10:00:00+02:00", "2024-01-05 10:00", "soon", "0000-00-00", None, " "]
    result = curated(*[{"id": str(n), "body": str(n), "at": at} for n, at in enumerate(dates)])
    assert [str(at) for at in result.clean["created_at"]] == [
        *("2024-01-05 08:00:00+00:00", "2024-01-05 10:00:00+00:00"),
        *["NaT"] * 4,
    ]
    assert result.unreadable_dates == 2
    assert str(result.clean["created_at"].dtype) == str(result.clean["ingested_at"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize("value", [1_704_448_800, 1_704_448_800.5, 9.3e18, "1704448800", "7", "10:30", "10:30:15"])
def test_a_bare_number_or_time_is_no_date(value: object) -> None:
    """Read as nanoseconds, every ticket was written in January 1970; a bare time became today's."""
    result = curated({"at": value})
    assert (result.clean["created_at"].isna().all(), result.unreadable_dates) == (True, 1)


@pytest.mark.parametrize(
    "value",
    ["2024-01-05", "20240105", "5 Jan 2024", "2024/01/05 00:00", "05.01.2024", pd.Timestamp("2024-01-05")],
)
def test_a_date_with_its_year_is_read_however_it_is_written(value: object) -> None:
    assert curated({"at": value}).clean["created_at"].tolist() == [pd.Timestamp("2024-01-05", tz="UTC")]


def test_a_date_whose_day_and_month_cannot_be_told_is_none_and_counted_until_the_setting_tells() -> None:
    result = curated({"at": "01/05/2024"})
    assert (result.clean["created_at"].isna().all(), result.unreadable_dates) == (True, 1)
    for order, told in (("day_first", "2024-05-01"), ("month_first", "2024-01-05")):
        read = curated({"at": "01/05/2024"}, date_order=order)
        assert read.clean["created_at"].tolist() == [pd.Timestamp(told, tz="UTC")]


def test_the_order_in_which_dates_were_read_is_told() -> None:
    orders = {"13.01.2024": "day_first", "01/13/2024": "month_first", "01/05/2024": None, "2024-01-05": "auto"}
    assert {at: curated({"at": at}).date_order for at in orders} == orders
    assert curated({"at": pd.Timestamp("2024-01-05")}).date_order == "auto"
    assert curated({"at": "01/05/2024"}, date_order="month_first").date_order == "month_first"
    assert curated({"at": "13.01.2024"}, created_at=None).date_order == "auto"


def test_without_a_date_column_no_date_is_invented() -> None:
    result = curated({"at": "2024-01-05"}, created_at=None)
    assert (result.clean["created_at"].isna().all(), result.unreadable_dates) == (True, 0)
    assert str(result.clean["created_at"].dtype) == "datetime64[us, UTC]"


def test_lists_in_a_column_are_taken_as_text() -> None:
    result = curated({"channel": np.array(["a", "b"]), "queue": ["x"]})
    assert list(result.clean[["context_channel", "label_queue"]].iloc[0]) == ["['a' 'b']", "['x']"]


@pytest.mark.parametrize(
    ("lost", "setting"),
    [
        ("id", "columns.id"),
        ("subject", "columns.subject"),
        ("body", "columns.body"),
        ("at", "columns.created_at"),
        ("priority", "targets.priority.column"),
        ("channel", "features.context.channel"),
    ],
)
def test_a_missing_column_is_told_by_its_setting_and_what_is_there(lost: str, setting: str) -> None:
    with pytest.raises(SourceError) as caught:
        curate(snapshot({}).drop(columns=lost), COLUMNS, BOTH, ("channel",))
    others = [name for name in ("id", "subject", "body", "at", "queue", "priority", "channel") if name != lost]
    assert str(caught.value) == f"{setting} = {lost!r} is not in the source: it has {', '.join(others)}"


@pytest.mark.parametrize("subject", ["subject", None])
def test_originals_have_the_ids_of_the_clean_tickets_and_the_text_as_it_came(subject: str | None) -> None:
    rows = snapshot(
        {"id": "1", "body": "old"},
        {"id": 1.0, "body": "<b>new</b>", "subject": " s "},
        {"body": "no id", "channel": "mail"},
        {"body": "no id", "subject": "but a subject", "channel": None if subject else "phone"},
    )
    columns = COLUMNS.model_copy(update={"subject": subject})
    frame = originals(rows, columns, ("channel",))
    clean = curate(rows, columns, BOTH, ("channel",)).clean.set_index("ticket_id")
    assert set(clean.index) == set(frame.index)
    assert frame.loc["1"].tolist() == ["s" if subject else "", "<b>new</b>", None]
    assert frame["channel"].to_dict() == clean["context_channel"].to_dict()
    assert frame["channel"].tolist() == ([None, "mail", None] if subject else [None, "phone"])


def test_personal_data_is_masked_as_the_settings_ask() -> None:
    row = snapshot({"id": "1", "body": "write to bob@x.com"})
    assert list(curate(row, COLUMNS, QUEUE, ()).clean["text"]) == ["write to [email_address]"]
    assert list(curate(row, COLUMNS, QUEUE, (), kinds=()).clean["text"]) == ["write to bob@x.com"]
