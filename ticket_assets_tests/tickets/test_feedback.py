"""Which corrections hold: the latest, of one answer and of several; what contradicts it is told, and never lost."""

from pathlib import Path

import pandas as pd
import pytest

from ticket_assets.tables import frame_digest
from ticket_assets.tickets.feedback import (
    OVERRULED,
    REPEATED,
    STANDS,
    SUPERSEDED,
    UNDECIDED,
    UNUSABLE,
    disputes,
    standing_counts,
)
from ticket_assets.tickets.ledger import Ledger
from ticket_assets_tests.tickets.corrections import correction, profile, table


def standings(frame: pd.DataFrame) -> list[str]:
    return frame["standing"].tolist()


def test_of_one_answer_the_last_correction_holds_and_the_others_are_history(tmp_path: Path) -> None:
    told = [correction(label, minute, prediction_id="p") for minute, label in enumerate(("a", "b", "a"))]
    frame = table(*told, kept=tmp_path)
    assert standings(frame) == [SUPERSEDED, SUPERSEDED, STANDS]
    assert disputes(frame) == [], "who thinks better of it contradicts nobody"


def test_each_target_of_an_answer_is_corrected_by_itself(tmp_path: Path) -> None:
    told = [correction("a", 0, prediction_id="p"), correction("x", 1, prediction_id="p", target="kind")]
    assert standings(table(*told, kept=tmp_path)) == [STANDS, STANDS]


@pytest.mark.parametrize("named", [{"ticket_id": "T-1"}, {"body": "the very same words"}], ids=["by id", "by text"])
def test_of_several_answers_to_a_ticket_the_latest_correction_holds_and_the_dispute_is_told(
    tmp_path: Path, named: dict[str, str]
) -> None:
    told = [correction("a", 5, **named), correction("b", 9, reviewer="bert", **named), correction("b", 2, **named)]
    frame = table(*told, kept=tmp_path)
    assert list(zip(frame["label"], frame["standing"], strict=True)) == [
        ("b", REPEATED),
        ("a", OVERRULED),
        ("b", STANDS),
    ]
    [dispute] = disputes(frame)
    assert dispute["holds"] == "b"
    assert "a (anna, 2026-03-01 00:05)" in dispute["said"] and "b (bert, 2026-03-01 00:09)" in dispute["said"]
    assert "words" not in str(dispute), "no text of a ticket is told"


def test_contradictions_of_one_second_leave_none_that_holds(tmp_path: Path) -> None:
    told = [correction("c", 0), correction("a", 5), correction("b", 5 + 0.4 / 60)]
    frame = table(*told, kept=tmp_path)
    assert standings(frame) == [OVERRULED, UNDECIDED, UNDECIDED]
    assert disputes(frame)[0]["holds"] == "none: of the same second"


def test_answers_without_id_and_text_are_about_different_tickets(tmp_path: Path) -> None:
    """A log that keeps no text must not make one ticket of all."""
    frame = table(correction("a", 0, body=""), correction("b", 1, body=""), kept=tmp_path)
    assert standings(frame) == [STANDS, STANDS]


def test_a_label_or_a_target_that_the_settings_do_not_know_is_unusable_and_says_why(tmp_path: Path) -> None:
    of = profile(targets={"queue": {"column": "queue", "values": {"1": "access", "2": "billing"}}})
    told = [
        *(correction("access", 0), correction("payroll", 1, body="other"), correction("1", 2, body="third")),
        correction("x", 3, target="gone"),
    ]
    frame = table(*told, kept=tmp_path, of=of)
    assert standings(frame) == [STANDS, UNUSABLE, UNUSABLE, UNUSABLE]
    assert frame["reason"].tolist() == [None, "unknown_label", "unknown_label", "unknown_target"]
    counts = standing_counts(frame)
    assert sum(counts.values()) == len(frame) and counts[UNUSABLE] == 3


def test_provenance_is_kept_with_each_correction(tmp_path: Path) -> None:
    told = correction("billing", 3, ticket_id="T-7", predicted="network", reviewer="anna", context={"channel": "mail"})
    [row] = table(told, kept=tmp_path).to_dict("records")
    wanted = ("correction_id", "prediction_id", "ticket_id", "reviewer", "key", "bundle", "model_version", "target")
    assert {name: row[name] for name in wanted} == {name: told[name] for name in wanted}
    assert (row["predicted"], row["given"], row["label"]) == ("network", "billing", "billing")
    assert (row["at"], row["predicted_at"]) == (told["at"], told["predicted_at"])
    assert row["context"] == '{"channel": "mail"}'


def test_the_text_is_cleaned_and_masked_as_tickets_are(tmp_path: Path) -> None:
    """A log may keep texts as they came."""
    frame = table(correction("a", body="<b>ask</b> bob@example.com", subject="Help"), kept=tmp_path)
    assert frame["text"].tolist() == ["Help\nask [email_address]"]


def test_corrections_of_erased_tickets_are_left_out(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger = Ledger(ledger.salt, frozenset({ledger.hashed("T-1")}))
    told = [correction("a", ticket_id="T-1"), correction("b", ticket_id="T-2")]
    assert table(*told, kept=tmp_path, ledger=ledger)["ticket_id"].tolist() == ["T-2"]


def test_an_empty_log_is_a_table_of_the_same_columns_and_types(tmp_path: Path) -> None:
    empty, full = table(kept=tmp_path), table(correction("a"), kept=tmp_path)
    assert len(empty) == 0 and empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert frame_digest(empty) == frame_digest(table(kept=tmp_path / "another"))
