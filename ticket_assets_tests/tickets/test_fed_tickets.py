"""Corrections in the clean tickets: whose labels they change, which rows they add, and that no row is lost."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ticket_assets.tables import frame_digest
from ticket_assets.tickets.clean_tickets import CleanTickets, clean_tickets
from ticket_assets.tickets.schema import clean_columns
from ticket_assets_tests.tickets.corrections import START, correction, profile, table

ROWS = [
    {"id": "1", "body": "my key card is lost", "queue": "access", "kind": "request"},
    {"id": "2", "body": "the printer smokes", "queue": "hardware", "kind": None},
    {"id": "3", "body": "no wifi on the third floor", "queue": "network", "kind": "incident"},
]


def snapshot(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["id", "body", "queue", "kind", "channel"], dtype="object")
    return frame.assign(_ingested_at=pd.Timestamp("2024-01-05", tz="UTC"))


def made(kept: Path, *told: dict[str, Any], rows: list[dict[str, Any]] = ROWS, **sections: Any) -> CleanTickets:
    of = profile(**sections)
    return clean_tickets(snapshot(rows), of, {}, kept, table(*told, kept=kept / "feedback", of=of))


def row(result: CleanTickets, ticket_id: str) -> dict[str, Any]:
    [found] = result.tickets[result.tickets["ticket_id"] == ticket_id].to_dict("records")
    return found


def test_without_feedback_clean_tickets_are_byte_for_byte_what_they_were_before_there_was_any(tmp_path: Path) -> None:
    before = clean_tickets(snapshot(ROWS), profile(), {}, tmp_path / "before")
    after = made(tmp_path / "after")
    assert list(after.tickets.columns) == [one.name for one in clean_columns((), ("queue", "kind"))]
    before.tickets.to_parquet(tmp_path / "a"), after.tickets.to_parquet(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    # As the version before this feature made it; another digest makes every root that exists due from here on.
    assert frame_digest(after.tickets.drop(columns="ingested_at")) == "3f03916480a37d67"


def test_corrections_that_cannot_be_learnt_from_change_no_byte_either(tmp_path: Path) -> None:
    told = [correction("a", 0), correction("b", 0), correction("x", target="gone")]
    assert frame_digest(made(tmp_path / "a", *told).tickets) == frame_digest(made(tmp_path / "b").tickets)


def test_a_ticket_that_the_desk_has_gets_the_label_of_people_and_says_so(tmp_path: Path) -> None:
    result = made(tmp_path, correction("facilities", ticket_id="2", body="the printer is on fire"))
    told = row(result, "2")
    assert (told["label_queue"], told["source"], told["weight"]) == ("facilities", "corrected", 1.0)
    assert told["text"] == "the printer smokes", "the desk's own text stays"
    assert row(result, "1")["source"] == "desk"
    assert len(result.tickets) == 3
    assert result.fed.relabelled == 1
    assert result.fed.disputed == ({"ticket": "2", "target": "queue", "desk": "hardware", "people": "facilities"},)


def test_a_ticket_without_an_id_is_known_by_its_text(tmp_path: Path) -> None:
    result = made(tmp_path, correction("facilities", body="  The printer smokes".replace("T", "t")))
    assert row(result, "2")["label_queue"] == "facilities" and result.fed.new == 0


def test_a_label_that_the_desk_lacked_is_added_and_one_that_it_had_is_confirmed(tmp_path: Path) -> None:
    result = made(tmp_path, correction("incident", ticket_id="2", target="kind"), correction("access", ticket_id="1"))
    assert row(result, "2")["label_kind"] == "incident" and row(result, "1")["source"] == "corrected"
    counts = result.fed.counts
    assert (counts["labelled"], counts["confirmed"], counts["relabelled"]) == (1, 1, 0)


def test_a_ticket_that_the_desk_has_not_becomes_a_row_with_the_text_of_the_log(tmp_path: Path) -> None:
    told = [
        correction("payroll", 1, ticket_id="T-9", body="my salary is late", prediction_id="p"),
        correction("request", 2, ticket_id="T-9", body="my salary is late", prediction_id="p", target="kind"),
    ]
    result = made(tmp_path, *told, monitoring={"feedback": {"weight": 3.0}})
    told_row = row(result, "T-9")
    assert (told_row["text"], told_row["label_queue"], told_row["label_kind"]) == (
        *("my salary is late", "payroll", "request"),
    )
    assert (told_row["source"], told_row["weight"]) == ("feedback", 3.0)
    assert told_row["language"] == "en" and told_row["family_id"] == "T-9"
    assert pd.isna(told_row["created_at"]), "nobody told when it was written"
    assert told_row["ingested_at"] == pd.Timestamp(START) + pd.Timedelta(minutes=1)
    assert result.tickets["weight"].tolist() == [1.0, 1.0, 1.0, 3.0]


def test_once_the_desk_has_the_ticket_too_there_is_one_row_of_it(tmp_path: Path) -> None:
    """By its id where the sender told it, else by its words: never twice, and with the label of people."""
    told = [correction("payroll", ticket_id="9", body="my salary is late"), correction("network", body="slow vpn")]
    first = made(tmp_path, *told)
    assert sorted(first.tickets["ticket_id"])[:4] == ["1", "2", "3", "9"] and first.fed.new == 2
    later = [("9", "my salary is late", "access"), ("10", "slow vpn", "hardware")]
    rows = [*ROWS, *({"id": name, "body": text, "queue": queue} for name, text, queue in later)]
    again = made(tmp_path, *told, rows=rows)
    assert again.tickets["ticket_id"].tolist() == ["1", "2", "3", "9", "10"] and again.fed.new == 0
    assert again.tickets["label_queue"].tolist()[3:] == ["payroll", "network"]


def test_one_text_of_two_unknown_tickets_is_one_row_where_the_labels_are_the_same(tmp_path: Path) -> None:
    told = [correction("payroll", ticket_id=name, body="salary?") for name in ("A", "B")]
    result = made(tmp_path, *told, correction("access", ticket_id="C", body="salary?"))
    assert result.tickets["ticket_id"].tolist()[3:] == ["A", "C"]
    assert (result.fed.new, result.fed.folded) == (2, 1)


def test_a_correction_without_a_text_is_set_aside_with_its_reason_unless_the_desk_knows_the_ticket(
    tmp_path: Path,
) -> None:
    told = [
        correction("a", ticket_id="1", body=""),
        correction("b", ticket_id="T-9", body="", prediction_id="p-nothing"),
    ]
    result = made(tmp_path, *told)
    assert result.fed.quarantined == ({"prediction_id": "p-nothing", "target": "queue", "reason": "empty_text"},)
    assert row(result, "1")["label_queue"] == "a" and len(result.tickets) == 3


def test_of_two_who_name_a_ticket_the_one_who_names_its_id_holds(tmp_path: Path) -> None:
    told = [correction("a", 0, ticket_id="2", body="x"), correction("b", 9, body="the printer smokes")]
    assert row(made(tmp_path, *told), "2")["label_queue"] == "a"


def test_context_of_the_log_comes_along(tmp_path: Path) -> None:
    features = {"languages": ["en", "de"], "context": ["channel"]}
    columns = {"id": "id", "body": "body", "known_at": {"channel": "arrival"}}
    told = correction("a", ticket_id="T-9", context={"channel": "mail", "other": "no"})
    result = made(tmp_path, told, features=features, columns=columns)
    assert row(result, "T-9")["context_channel"] == "mail"


@pytest.mark.parametrize("told", [[], [correction("a", ticket_id="T-9")]], ids=["without", "with"])
def test_every_row_is_somewhere(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    rows = [*ROWS, {"id": "4", "body": "nothing is known"}, {"id": "1", "body": "my key card is lost", "queue": "it"}]
    result = made(tmp_path, *told, rows=rows)
    of = result.curation
    assert of.read == len(result.tickets) - result.fed.new + of.superseded + of.folded + len(of.quarantine)
