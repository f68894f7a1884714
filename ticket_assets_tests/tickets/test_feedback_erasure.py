"""Whose corrections go with a ticket that is erased: those about its text that name no ticket, and nobody else's."""

from pathlib import Path

import pandas as pd
import pytest

from ticket_assets.tables import write_parquet
from ticket_assets.tickets.erasure import Erased, Selection
from ticket_assets.tickets.feedback_erasure import with_feedback

ERASED = Erased(tickets=frozenset({"T-1"}))


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """T-1 and T-2 say the same; one answer without an id is about that text, two are of a log that keeps no text."""
    told = [("p1", "T-1", "hello"), ("p2", "T-2", "hello"), ("p3", None, "hello"), ("p4", None, ""), ("p5", None, "")]
    rows = [
        {"prediction_id": one, "ticket_id": ticket, "text": text, "text_hash": f"hash of {text}"}
        for one, ticket, text in told
    ]
    clean = pd.DataFrame(
        {"ticket_id": ["T-1", "T-2", "T-3"], "text_hash": ["hash of hello", "hash of hello", "hash of "]}
    )
    feedback = tmp_path / "feedback.parquet"
    write_parquet(feedback, pd.DataFrame(rows))
    write_parquet(tmp_path / "clean.parquet", clean)
    return feedback, tmp_path / "clean.parquet"


def test_an_answer_without_an_id_goes_with_the_ticket_of_its_text(tables: tuple[Path, Path]) -> None:
    found = with_feedback(ERASED, Selection(ids=("T-1",)), *tables)
    assert found.predictions == {"p3"}
    assert found.tickets == {"T-1", "feedback-hash of hello"}


def test_an_answer_that_names_another_ticket_stays_though_it_says_the_same(tables: tuple[Path, Path]) -> None:
    assert "T-2" not in with_feedback(ERASED, Selection(ids=("T-1",)), *tables).tickets


def test_of_a_log_that_keeps_no_text_nobody_s_answers_go_with_a_ticket_that_says_nothing(
    tables: tuple[Path, Path],
) -> None:
    """All of them have one text: none."""
    found = with_feedback(Erased(tickets=frozenset({"T-3"})), Selection(ids=("T-3",)), *tables)
    assert (found.predictions, found.tickets) == (frozenset(), {"T-3"})
