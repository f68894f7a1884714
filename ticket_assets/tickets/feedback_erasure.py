"""Whose corrections go with an erasure: of tickets that only the prediction log had, and answers that name no ticket.

Belongs here: finding them in the tables that a run left.
Does not belong here: deleting them (serving/prediction_log/erasure.py, models/erasure.py), rows of the source
(erasure.py).

A correction without a ticket id is about the tickets of its text. So it goes with any of these, and its answer with it,
which nobody would find by the id.
"""

from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd

from ticket_assets.tickets.erasure import Erased, Selection, SelectionError, matching
from ticket_assets.tickets.feedback import row_name
from ticket_assets.tickets.statements import literal

SAID = ("ticket_id", "subject", "body", "context", "text")


def with_feedback(erased: Erased, wanted: Selection, feedback: Path, clean: Path) -> Erased:
    """What is to go, with the corrections that are about it.

    Args:
        erased: by the source.
        wanted: what was asked for; corrections are looked through by id and by match.
        feedback: file of the table `tickets/feedback`.
        clean: file of `tickets/clean`.

    Raises:
        SelectionError: a pattern that is none.
    """
    if not feedback.exists():
        return erased
    rows = pd.read_parquet(feedback, columns=["prediction_id", "ticket_id", "text", "text_hash"])
    names = pd.Series([row_name(row) for row in rows.to_dict("records")], index=rows.index, dtype="object")
    found = names.isin(erased.tickets) | rows["prediction_id"].isin(_matched(feedback, wanted))
    if clean.exists():
        told = pd.read_parquet(clean, columns=["ticket_id", "text_hash"])
        its = {*told.loc[told["ticket_id"].isin(erased.tickets), "text_hash"]}
        found |= rows["ticket_id"].isna() & rows["text_hash"].isin(its) & (rows["text"] != "")
    return replace(
        erased,
        tickets=erased.tickets | {*names[found]},
        predictions=erased.predictions | {*rows.loc[found & rows["ticket_id"].isna(), "prediction_id"]},
    )


def is_among(erased: Erased, clean: Path) -> bool:
    """Whether the clean tickets hold any of these, whoever told of them."""
    return clean.exists() and bool(
        pd.read_parquet(clean, columns=["ticket_id"])["ticket_id"].isin(erased.tickets).any()
    )


def _matched(feedback: Path, wanted: Selection) -> set[str]:
    if not wanted.matches:
        return set()
    asked = f"SELECT prediction_id FROM read_parquet({literal(str(feedback))}) WHERE {matching(wanted, list(SAID))}"
    with duckdb.connect() as engine:
        try:
            return {row[0] for row in engine.execute(asked).fetchall()}
        except duckdb.InvalidInputException as error:
            raise SelectionError(f"--match cannot be looked for: {error}") from None
