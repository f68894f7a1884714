"""The hold-out before the court: the evaluation's answers meet the rows by ticket id, or not at all."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ticket_assets.features.text import TicketFeatures
from ticket_assets.models.labelled_rows import LabelledRows
from ticket_assets.models.rows import TargetRows
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.trial import HeldOut, held_out

IDS = ("t3", "t1", "t2")
LABELS = ("hr", "it")
# Each ticket's own answer, so that a row that lands on another ticket shows.
ANSWERS = {"t1": (0.9, 0.1), "t2": (0.2, 0.8), "t3": (0.6, 0.4)}
TICKETS = {one: Ticket(f"body of {one}") for one in ("t0", *IDS)}


def labelled(y: list[int]) -> LabelledRows:
    features = TicketFeatures(("",) * len(y), np.zeros((len(y), 1), dtype=np.float32))
    return LabelledRows(features, np.array(y), np.array([f"f{n}" for n in range(len(y))]), np.array(["en"] * len(y)))


ROWS = TargetRows(
    labels=LABELS,
    training=labelled([1, 1, 0]),
    holdout=labelled([0, -1, 1]),
    groups=np.arange(3),
    folds=np.arange(3),
    training_ids=("a", "b", "c"),
    holdout_ids=IDS,
    holdout_labels=("hr", "sales", "it"),
)


@pytest.fixture
def answers() -> pd.DataFrame:
    """The table `models/evaluation` in another order than the hold-out, with a second target beside it."""
    one = pd.DataFrame(
        {
            "ticket_id": ["t1", "t2", "t3"],
            "target": "queue",
            "y": [-1, 1, 0],
            "probabilities": [np.array(ANSWERS[one]) for one in ("t1", "t2", "t3")],
        }
    )
    return pd.concat([one.assign(target="other", y=0).iloc[::-1], one], ignore_index=True)


def held(answers: pd.DataFrame, rows: TargetRows = ROWS, labels: tuple[str, ...] = LABELS) -> HeldOut:
    tickets, found = held_out({"queue": rows}, answers, TICKETS, {"queue": labels})
    assert [one.body for one in tickets] == [f"body of {one}" for one in sorted(IDS)]
    return found["queue"]


def test_each_ticket_has_its_own_answer_whatever_the_order_of_the_evaluation(answers: pd.DataFrame) -> None:
    """Joined by position, a table in another order gave every ticket the answer of another, without a word."""
    for order in (answers, answers.iloc[::-1], answers.sample(frac=1, random_state=1)):
        found = held(order)
        assert found.challenger.tolist() == [list(ANSWERS[one]) for one in IDS]
        assert found.truth == ("hr", "sales", "it")
        assert found.rows.tolist() == [2, 0, 1]
        assert found.majority == "it"
        assert found.shares == {"hr": pytest.approx(1 / 3), "it": pytest.approx(2 / 3)}


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda table: table[table["ticket_id"] != "t2"], "t2"),
        (lambda table: table.replace({"ticket_id": {"t2": "t9"}}), "t2, t9"),
        (lambda table: table.replace({"ticket_id": {"t2": "t1"}}), "t1, t2"),
        (lambda table: pd.concat([table, table[table["ticket_id"] == "t1"]]), "t1"),
    ],
)
def test_an_evaluation_of_other_tickets_is_refused_by_their_names(answers: pd.DataFrame, spoil, named: str) -> None:
    with pytest.raises(ValueError, match=rf"differ in {named}: materialise models/evaluation again"):
        held(spoil(answers))


def test_an_evaluation_by_labels_that_were_changed_since_is_refused(answers: pd.DataFrame) -> None:
    answers.loc[(answers["target"] == "queue") & (answers["ticket_id"] == "t2"), "y"] = 0
    with pytest.raises(ValueError, match="models/evaluation scored queue by other labels of t2: materialise"):
        held(answers)


@pytest.mark.parametrize(
    ("labels", "named"),
    [(("hr", "it", "sales"), "sales"), (("hr", "legal"), "it, legal"), (("it", "hr"), "their order")],
)
def test_a_candidate_of_other_labels_than_the_rows_is_refused(
    answers: pd.DataFrame, labels: tuple[str, ...], named: str
) -> None:
    """Column 1 of its probabilities is another class than column 1 of the rows."""
    with pytest.raises(ValueError, match=rf"differ in labels \({named}\): materialise models/candidate_queue again"):
        held(answers, labels=labels)


def test_targets_with_hold_outs_of_their_own_share_one_list_of_tickets(answers: pd.DataFrame) -> None:
    fewer = replace(ROWS, holdout=labelled([0]), holdout_ids=("t2",), holdout_labels=("hr",))
    other = answers[(answers["target"] == "other") & (answers["ticket_id"] == "t2")]
    table = pd.concat([answers[answers["target"] == "queue"], other])
    tickets, found = held_out({"queue": ROWS, "other": fewer}, table, TICKETS, {"queue": LABELS, "other": LABELS})
    assert [one.body for one in tickets] == ["body of t1", "body of t2", "body of t3"]
    assert found["other"].rows.tolist() == [1]
