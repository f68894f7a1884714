"""The schema of clean tickets: what it refuses, and when each column is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest
from pandera.errors import SchemaError, SchemaErrors

from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.tickets.curation import curate
from ticket_assets.tickets.schema import clean_columns, pandera_schema, ticket_contexts

COLUMNS = clean_columns(["channel"], ["queue", "priority"])
NAMES = [column.name for column in COLUMNS]
SCHEMA = pandera_schema(COLUMNS)


@pytest.fixture
def clean() -> pd.DataFrame:
    """What curation makes, language and family added; one label and all context and dates are missing."""
    now = pd.Timestamp(datetime(2024, 1, 5, tzinfo=UTC))
    source = pd.DataFrame({"body": ["a", "b"], "q": ["x", "y"], "channel": None, "p": None, "_ingested_at": now})
    targets = {"queue": TargetSettings(column="q"), "priority": TargetSettings(column="p")}
    tickets = curate(source, ColumnSettings(body="body"), targets, ("channel",)).clean
    return tickets.assign(language="en", family_id=tickets["ticket_id"])[NAMES]


def test_what_curation_makes_passes(clean: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(SCHEMA.validate(clean), clean)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_column_is_refused(clean: pd.DataFrame, name: str) -> None:
    with pytest.raises((SchemaError, SchemaErrors), match=name):
        SCHEMA.validate(clean.drop(columns=name))


def test_an_extra_column_and_another_order_are_refused(clean: pd.DataFrame) -> None:
    with pytest.raises((SchemaError, SchemaErrors), match="answer"):
        SCHEMA.validate(clean.assign(answer="x"))
    with pytest.raises((SchemaError, SchemaErrors), match="out-of-order"):
        SCHEMA.validate(clean[NAMES[::-1]])


@pytest.mark.parametrize("column", COLUMNS, ids=NAMES)
def test_a_column_of_another_type_is_refused(clean: pd.DataFrame, column: object) -> None:
    name = column.name  # type: ignore[attr-defined]
    with pytest.raises((SchemaError, SchemaErrors), match=name):
        SCHEMA.validate(clean.assign(**{name: [1, 2]}))


@pytest.mark.parametrize("name", ["created_at", "ingested_at"])
def test_a_date_of_another_zone_is_refused(clean: pd.DataFrame, name: str) -> None:
    with pytest.raises((SchemaError, SchemaErrors), match=name):
        SCHEMA.validate(clean.assign(**{name: clean[name].dt.tz_convert("Europe/Berlin")}))


@pytest.mark.parametrize("column", COLUMNS, ids=NAMES)
def test_only_dates_of_writing_context_and_labels_may_be_missing(clean: pd.DataFrame, column: object) -> None:
    name = column.name  # type: ignore[attr-defined]
    holed = clean.assign(**{name: clean[name].where([True, False], None)})
    if name in {"created_at", "context_channel", "label_queue", "label_priority"}:
        SCHEMA.validate(holed)
    else:
        with pytest.raises((SchemaError, SchemaErrors), match=name):
            SCHEMA.validate(holed)


def test_an_id_that_stands_twice_is_refused(clean: pd.DataFrame) -> None:
    with pytest.raises((SchemaError, SchemaErrors), match="ticket_id"):
        SCHEMA.validate(clean.assign(ticket_id="same"))


def test_every_column_says_when_it_is_known() -> None:
    late = {"ingested_at", "family_id", "disputed", "label_queue", "label_priority"}
    assert {column.name for column in COLUMNS if column.known_at == "resolution"} == late
    assert {column.known_at for column in COLUMNS} == {"arrival", "resolution"}
    assert {name: field.metadata["known_at"] for name, field in SCHEMA.columns.items()} == {
        column.name: column.known_at for column in COLUMNS
    }
    assert all(column.description for column in COLUMNS)


def test_contexts_go_by_their_source_names_ticket_by_ticket(clean: pd.DataFrame) -> None:
    told = clean.assign(context_channel=["mail", None], context_product=["vpn", "laptop"])
    assert ticket_contexts(told, ["channel", "product"]) == [
        {"channel": "mail", "product": "vpn"},
        {"channel": None, "product": "laptop"},
    ]


def test_a_profile_without_context_still_gives_one_empty_context_per_ticket(clean: pd.DataFrame) -> None:
    """A frame without columns has no records: the real IT tickets, which have no context, had no features."""
    assert ticket_contexts(clean, []) == [{}, {}]
