"""Tickets that come after the freezing: a share of their families is never trained on."""

import pandas as pd

from ticket_assets.models.seen_tickets import SeenTickets, erase_seen, names_of
from ticket_assets.models.split import (
    BARRED,
    HOLDOUT,
    RECENT,
    TRAIN,
    assign,
    choose_holdout,
    require_whole_families,
)
from ticket_assets_tests.models.test_split import SETTINGS, _side, _tickets


def _grown(old, families=400, seed=1):
    """The tickets, and as many new families that came later."""
    new = _tickets(families, seed=seed)
    new["ticket_id"], new["family_id"] = "n" + new["ticket_id"], "n" + new["family_id"]
    return pd.concat([old, new], ignore_index=True)


def _seen(old, holdout):
    return SeenTickets().and_those_of(assign(old, holdout, 3), RECENT)


def test_a_share_of_the_families_that_came_later_is_recent_whole_and_nobody_of_the_old_ones():
    old = _tickets()
    holdout = choose_holdout(old, SETTINGS)
    split = assign(_grown(old), holdout, 3, _seen(old, holdout), 0.1)
    require_whole_families(split)
    assert not {*split.loc[split["side"] == RECENT, "ticket_id"]} & {*old["ticket_id"]}
    assert set(split.loc[split["side"] == RECENT, "fold"]) == {-1}
    pd.testing.assert_frame_equal(split.iloc[: len(old)], assign(old, holdout, 3))
    new = split.iloc[len(old) :]
    share = new[new["side"] == RECENT]["family_id"].nunique() / new["family_id"].nunique()
    assert 0.06 < share < 0.14
    assert _side(assign(_grown(old), holdout, 3, _seen(old, holdout), 0.0), "nt000") == TRAIN


def test_where_nobody_kept_who_was_there_all_tickets_are_old_ones():
    """A root of before: its champion may have been trained on any of them."""
    old = _tickets()
    holdout = choose_holdout(old, SETTINGS)
    assert RECENT not in set(assign(_grown(old), holdout, 3, None, 0.5)["side"])


def test_a_family_stays_recent_when_relatives_join_it_whatever_its_name_is_then():
    old = _tickets()
    holdout = choose_holdout(old, SETTINGS)
    tickets, seen = _grown(old), _seen(old, holdout)
    split = assign(tickets, holdout, 3, seen, 0.1)
    seen = seen.and_those_of(split, RECENT)
    recent = split.loc[split["side"] == RECENT, "family_id"].unique()
    renamed = {family: f"another-{family}" for family in split["family_id"].iloc[len(old) :].unique()}
    joined = tickets.iloc[[0]].assign(ticket_id="late", family_id=recent[0])
    tickets = pd.concat([tickets, joined], ignore_index=True)
    again = assign(tickets.assign(family_id=tickets["family_id"].replace(renamed)), holdout, 3, seen, 0.1)
    assert _side(again, "late") == RECENT
    pd.testing.assert_series_equal(again["side"].iloc[:-1], split["side"])


def test_recent_tickets_that_a_merge_brings_to_trained_ones_are_barred_and_trained_on_never():
    old = _tickets()
    holdout = choose_holdout(old, SETTINGS)
    tickets, seen = _grown(old), _seen(old, holdout)
    split = assign(tickets, holdout, 3, seen, 0.1)
    seen = seen.and_those_of(split, RECENT)
    family = split.loc[split["side"] == RECENT, "family_id"].iloc[0]
    trained = split.loc[split["side"] == TRAIN, "family_id"].iloc[0]
    for other, side in ((trained, TRAIN), (split.loc[split["side"] == HOLDOUT, "family_id"].iloc[0], HOLDOUT)):
        merged = assign(tickets.replace({"family_id": {family: other}}), holdout, 3, seen, 0.1)
        require_whole_families(merged)
        mine = split["family_id"] == family
        assert set(merged.loc[mine, "side"]) == {BARRED}
        assert set(merged.loc[split["family_id"] == other, "side"]) == {side}
        # Apart again, it is what it was.
        later = seen.and_those_of(merged, RECENT)
        assert set(assign(tickets, holdout, 3, later, 0.1).loc[mine, "side"]) == {RECENT}


def test_who_was_seen_is_kept_and_erased(tmp_path):
    old = _tickets()
    holdout = choose_holdout(old, SETTINGS)
    assert SeenTickets.load(tmp_path) is None and erase_seen(tmp_path, ["t000"]) == 0
    split = assign(_grown(old), holdout, 3, _seen(old, holdout), 0.1)
    seen = _seen(old, holdout).and_those_of(split, RECENT)
    seen.save(tmp_path)
    assert SeenTickets.load(tmp_path) == seen
    recent = split.loc[split["side"] == RECENT, "ticket_id"].iloc[0]
    assert erase_seen(tmp_path, ["t000", recent, "nobody"]) == 2
    told = (tmp_path / "seen.json").read_text()
    assert not any(one in told for one in names_of(["t000", recent]))
