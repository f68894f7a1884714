"""Erasing tickets from what models are made of and kept in.

Belongs here: tables of rows, the frozen hold-out, the files of fitted models.
Does not belong here: the snapshot (tickets/erasure.py), vectors (features/erasure.py), bundles as such
(serving/erased_bundles.py).

What stays: fitted weights. They are sums over all training rows, and only training again, which the erasure makes due,
takes a ticket's part out of them.
"""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ticket_assets.models.candidate import LATEST
from ticket_assets.models.neighbours import NEIGHBOURS_FILE, Neighbours, row_names
from ticket_assets.models.ngrams import ngrams
from ticket_assets.models.split import Holdout
from ticket_assets.storage import append_record, write_text
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.erasure import Erased
from ticket_assets.tickets.ledger import HOLDOUT, LEDGER
from ticket_assets.tickets.traces import BLACK, Traces

TERMS = "terms.txt"


def erase_from_tables(folder: Path, erased: Erased) -> int:
    """Rewrite the tables that assets hand on without these tickets; return how many rows went.

    A family is named by its smallest ticket id; one whose name goes is named as the next numbering will name it.
    """
    went = 0
    for path in sorted(folder.rglob("*.parquet")):
        table = pd.read_parquet(path)
        gone = pd.Series(False, index=table.index)
        if "_row_hash" in table:
            gone |= table["_row_hash"].isin(erased.rows)
        elif "ticket_id" in table:
            gone |= table["ticket_id"].isin(erased.tickets)
        if "prediction_id" in table:
            gone |= table["prediction_id"].isin(erased.predictions)
        left = table[~gone].reset_index(drop=True)
        headless = left["family_id"].isin(erased.tickets) if "family_id" in left else pd.Series(dtype=bool)
        if headless.any():
            heads = left[headless].groupby("family_id")["ticket_id"].transform("min")
            left.loc[headless, "family_id"] = heads
        if gone.any() or headless.any():
            write_parquet(path, left)
            went += int(gone.sum())
    return went


def erase_from_holdout(path: Path, records: Path, ticket_ids: Collection[str]) -> int:
    """Take tickets out of the frozen hold-out, which gets another id; enter that, and return how many went.

    What is left is no other choice: a model that was fitted to nobody of the old one was to nobody of this.

    Args:
        path: file of the hold-out.
        records: folder of the profile's records.
        ticket_ids: that go.
    """
    if not path.exists():
        return 0
    before = Holdout.load(path)
    after = replace(before, ticket_ids=tuple(one for one in before.ticket_ids if one not in ticket_ids))
    if after != before:
        # First: done again after it was broken off, there would be nothing left to enter.
        append_record(records / LEDGER, {"kind": HOLDOUT, "before": before.id, "after": after.id})
        after.save(path)
    return len(before.ticket_ids) - len(after.ticket_ids)


def own_terms(gone: Iterable[str], staying: Iterable[str]) -> frozenset[str]:
    """N-grams of texts that go which stand in no text that stays."""
    own = {term for text in gone for term in ngrams(text)}
    for text in staying:
        own.difference_update(ngrams(text))
    return frozenset(own)


def holds(folder: Path, traces: Traces) -> bool:
    """Whether a model below a folder has such a ticket for a neighbour or one of its own n-grams for a term.

    An index of an earlier version, whose rows have no names, may hold any.
    """
    wanted = row_names(traces.ids)
    for path in folder.rglob(NEIGHBOURS_FILE):
        with np.load(path, allow_pickle=False) as arrays:
            if "names" not in arrays or np.isin(arrays["names"], wanted).any():
                return True
    return any(not traces.terms.isdisjoint(_terms(path)) for path in folder.rglob(TERMS))


def erase_from_models(folder: Path, traces: Traces) -> None:
    """Rewrite the files of all models below a folder, each atomically.

    Neighbours go. A term keeps its column, so that all other terms weigh what they weighed, and loses its word.
    """
    for path in sorted(folder.rglob(NEIGHBOURS_FILE)):
        index = Neighbours.load(path.parent)
        left = index.without(traces.ids)
        if left is not index:
            draft = path.parent / f".{NEIGHBOURS_FILE}.tmp"
            draft.mkdir(exist_ok=True)
            left.save(draft)
            (draft / NEIGHBOURS_FILE).replace(path)
            draft.rmdir()
    for path in sorted(folder.rglob(TERMS)):
        terms = _terms(path)
        if not traces.terms.isdisjoint(terms):
            # Each of another name: equal ones would be one column, and the matrix narrower than its weights.
            named = [f"{BLACK} {at}" if one in traces.terms else one for at, one in enumerate(terms)]
            write_text(path, "\n".join(named))


def erase_candidates(folder: Path, traces: Traces, trained: bool) -> int:
    """Remove candidates that hold such a ticket, or, if it may have been trained on, all; return how many.

    All are due. Were one left whose weights were fitted to the ticket, `models/champion` made by itself would take it
    for a model of the data without the ticket.
    """
    versions = [version for version in sorted(folder.glob("*/*")) if version.is_dir()]
    found = [version for version in versions if trained or holds(version, traces)]
    for version in found:
        latest = version.with_name(LATEST)
        if latest.exists() and latest.read_text() == version.name:
            latest.unlink()
        shutil.rmtree(version)
    return len(found)


def _terms(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")
