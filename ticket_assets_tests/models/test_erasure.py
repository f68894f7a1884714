"""Erased tickets leave tables, hold-out and models; whoever has nothing to do with them is answered as before."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ticket_assets.models.candidate import read_candidate, write_candidate
from ticket_assets.models.erasure import (
    erase_candidates,
    erase_from_holdout,
    erase_from_models,
    erase_from_tables,
    holds,
    own_terms,
)
from ticket_assets.models.neighbours import Neighbours
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.split import Holdout
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.thresholds import OutOfFold
from ticket_assets.models.training import train
from ticket_assets.models.workbench import Workbench
from ticket_assets.storage import digest, read_records
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.erasure import Erased
from ticket_assets.tickets.traces import Traces

BLOCKS = Blocks(tfidf=TfidfSpec(), svd=8, votes=True)


KNOWN = OutOfFold(np.array([0.9, 0.4]), np.array([True, False]), np.array([1, 2]))


@pytest.fixture(scope="module")
def model(few: Workbench) -> TargetModel:
    scores = np.eye(3)[few.y] * 3
    return train(few, Recipe("logistic_regression", BLOCKS, {"C": 1.0}), "topic", ("a", "b", "c"), scores)


def own(few: Workbench, ids: list[str]) -> Traces:
    """Traces of some of the few tickets, a word of each among them."""
    rows = [few.ticket_ids.index(one) for one in ids]
    words = frozenset(few.features.documents[row].split()[0] for row in rows)
    return Traces(tuple(ids), names=tuple(digest([one]) for one in ids), terms=words)


def test_a_model_without_a_ticket_answers_those_who_neither_had_it_near_nor_share_its_word_as_before(
    few: Workbench, model: TargetModel, tmp_path: Path
) -> None:
    model.save(tmp_path)
    gone = own(few, ["t-5", "t-77"])
    assert len(gone.terms) == 2
    assert holds(tmp_path, gone)
    erase_from_models(tmp_path, gone)
    assert not holds(tmp_path, gone)
    assert gone.terms.isdisjoint((tmp_path / "terms.txt").read_text().split("\n"))
    index = Neighbours.load(tmp_path)
    assert len(index.y) == len(few.y) - 2 and list(tmp_path.glob(".*")) == []
    left = TargetModel.load(tmp_path)
    near = model.representation.neighbours.nearest(few.features.vectors).rows
    touched = np.isin(near, [5, 77]).any(axis=1) | [
        not gone.terms.isdisjoint(one.split()) for one in few.features.documents
    ]
    before, after = model.probabilities(few.features), left.probabilities(few.features)
    assert touched.any() and not touched.all()
    np.testing.assert_array_equal(after[~touched], before[~touched])
    assert not np.array_equal(after[touched], before[touched])


def test_a_model_that_holds_nothing_of_a_ticket_is_not_touched(
    few: Workbench, model: TargetModel, tmp_path: Path
) -> None:
    model.save(tmp_path)
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    strange = Traces(("t-1000",), terms=frozenset({"unheard"}))
    assert not holds(tmp_path, strange)
    erase_from_models(tmp_path, strange)
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()} == before


def test_candidates_that_hold_a_ticket_or_cannot_tell_go_with_their_pointer_and_others_stay(
    few: Workbench, model: TargetModel, tmp_path: Path
) -> None:
    write_candidate(tmp_path / "topic", model, model, KNOWN)
    old = Path(shutil.copytree(tmp_path / "topic", tmp_path / "other"))
    (path,) = old.rglob("neighbours.npz")
    arrays = dict(np.load(path))
    np.savez(path, **{name: its for name, its in arrays.items() if name != "names"})
    strange = Traces(("t-1000",))
    assert erase_candidates(tmp_path, strange, trained=False) == 1
    assert not list(old.iterdir()) and read_candidate(tmp_path / "topic", 1)
    assert erase_candidates(tmp_path, own(few, ["t-5"]), trained=False) == 1
    assert not list((tmp_path / "topic").iterdir())
    assert erase_candidates(tmp_path, own(few, ["t-5"]), trained=False) == 0


def test_candidates_that_may_have_been_fitted_to_a_ticket_go_though_they_hold_nothing_of_it(
    few: Workbench, model: TargetModel, tmp_path: Path
) -> None:
    """Made by itself, models/champion would have taken one for a model of the data without the ticket."""
    write_candidate(tmp_path / "topic", model, model, KNOWN)
    strange = Traces(("t-1000",))
    assert erase_candidates(tmp_path, strange, trained=False) == 0
    assert erase_candidates(tmp_path, strange, trained=True) == 1
    assert not list((tmp_path / "topic").iterdir())


def test_rows_leave_all_tables_and_a_family_whose_name_goes_is_named_by_the_smallest_left(tmp_path: Path) -> None:
    ids = ["t-1", "t-2", "t-3", "t-4"]
    families = ["t-1", "t-1", "t-1", "t-4"]
    write_parquet(tmp_path / "tickets" / "clean.parquet", pd.DataFrame({"ticket_id": ids, "family_id": families}))
    write_parquet(
        tmp_path / "models" / "evaluation.parquet", pd.DataFrame({"ticket_id": ids[2:], "family_id": families[2:]})
    )
    untouched = tmp_path / "features" / "text.parquet"
    write_parquet(untouched, pd.DataFrame({"ticket_id": ["t-9"], "document": ["x"]}))
    quarantine = pd.DataFrame({"reason": ["empty_text"] * 2, "ticket_id": ["t-1", "t-1"], "_row_hash": ["aa", "bb"]})
    write_parquet(tmp_path / "tickets" / "quarantine.parquet", quarantine)
    written = untouched.stat().st_mtime_ns
    assert erase_from_tables(tmp_path, Erased(frozenset({"t-1"}), rows=frozenset({"bb"}))) == 2
    clean = pd.read_parquet(tmp_path / "tickets" / "clean.parquet")
    assert clean.to_dict("list") == {"ticket_id": ["t-2", "t-3", "t-4"], "family_id": ["t-2", "t-2", "t-4"]}
    scored = pd.read_parquet(tmp_path / "models" / "evaluation.parquet")
    assert scored["family_id"].tolist() == ["t-3", "t-4"], "no row of it is left that names the family better"
    assert pd.read_parquet(tmp_path / "tickets" / "quarantine.parquet")["_row_hash"].tolist() == ["aa"]
    assert untouched.stat().st_mtime_ns == written


def test_the_frozen_holdout_loses_the_ticket_and_stays_readable_under_another_id(tmp_path: Path) -> None:
    path, records = tmp_path / "holdout.json", tmp_path / "records"
    assert erase_from_holdout(path, records, {"t-1"}) == 0
    before = Holdout("a rule", 42, ("t-1", "t-2", "t-3"), 0.15)
    before.save(path)
    assert erase_from_holdout(path, records, {"t-1", "t-9"}) == 1
    after = Holdout.load(path)
    assert after.ticket_ids == ("t-2", "t-3") and after.id != before.id and after.share == 0.15
    written = path.stat().st_mtime_ns
    assert erase_from_holdout(path, records, {"t-1"}) == 0 and path.stat().st_mtime_ns == written
    # Who knows it by the old id finds it: the ledger has both, as it has of bundles.
    [entry] = read_records(records / "erasures.jsonl").whole
    assert entry == {"kind": "holdout", "before": before.id, "after": after.id}


def test_an_erasure_that_was_killed_as_soon_as_the_holdout_was_rewritten_has_entered_its_next_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entered after it, nobody would ever learn of it: done again, there is nothing left to take out."""
    path, records = tmp_path / "holdout.json", tmp_path / "records"
    Holdout("a rule", 42, ("t-1", "t-2"), 0.15).save(path)

    save = Holdout.save

    def killed(*arguments: Any) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Holdout, "save", killed)
        erase_from_holdout(path, records, {"t-1"})
    assert erase_from_holdout(path, records, {"t-1"}) == 0
    assert {one["after"] for one in read_records(records / "erasures.jsonl").whole} == {Holdout.load(path).id}


def test_terms_of_ones_own_are_those_that_no_text_says_that_stays() -> None:
    terms = own_terms(["Zaphod's printer jams", "zaphod jams"], ["The printer is new", "it jams"])
    assert terms == {"zaphod", "zaphod printer", "printer jams", "zaphod jams"}


def test_a_bench_names_the_rows_of_the_index_that_it_fits(few: Workbench) -> None:
    representation, _ = few.fit_representation(BLOCKS, np.array([3, 1, 2]))
    assert representation.neighbours is not None
    assert [one.decode() for one in representation.neighbours.names] == [digest([one]) for one in ("t-3", "t-1", "t-2")]
