"""Where the time begins that the latest tickets are alike since."""

import numpy as np
import pandas as pd
import pytest

from ticket_assets.monitoring.stretch import in_order, latest_alike, ticket_times
from ticket_assets_tests.monitoring.phased import BEGAN, written


def tickets(before: int, after: int, new: float, seed: int) -> pd.DataFrame:
    """So many of the old topics, then so many with such a share of a new one, five minutes apart."""
    texts, topics = (
        one + other for one, other in zip(written(before, seed), written(after, seed + 50, new), strict=True)
    )
    ids = [str(row) for row in range(before + after)]
    times = BEGAN + np.arange(before + after) * pd.Timedelta(minutes=5)
    told = {"ticket_id": ids, "text": texts, "language": "en", "family_id": ids, "label_queue": topics}
    return pd.DataFrame({**told, "created_at": times, "ingested_at": times})


def test_a_history_without_a_change_is_hardly_ever_cut() -> None:
    cut = [latest_alike(tickets(500, 300, 0.0, seed), 5000, 200, seed).since is not None for seed in range(40)]
    assert sum(cut) <= 1  # one in 500 is expected


@pytest.mark.parametrize("after", [250, 500, 1000])
def test_a_new_topic_begins_a_stretch_within_some_tickets_of_where_it_came(after: int) -> None:
    for seed in range(3):
        found = latest_alike(tickets(2000, after, 0.4, seed), 5000, 200, seed)
        assert found.since is not None and abs(len(found.rows) - after) <= 20


def test_a_change_is_dated_by_others_that_were_written_just_before_it() -> None:
    """The last two tickets of before are of the new topic: by themselves they would begin the stretch."""
    its = tickets(2000, 600, 0.4, 2)
    new = its.index[(its["label_queue"] == "legal") & (its.index > 2100)][:2]
    its.loc[1998:1999, ["text", "label_queue"]] = its.loc[new, ["text", "label_queue"]].to_numpy()
    its.loc[2000:, ["created_at", "ingested_at"]] += pd.Timedelta(days=20)
    others = tickets(400, 1, 0.0, 3).iloc[:400]
    others = others.assign(family_id="other" + others["family_id"])
    others[["created_at", "ingested_at"]] += its.loc[1999, "created_at"] - BEGAN + pd.Timedelta(minutes=1)
    alone, dated = (latest_alike(its, 5000, 200, 2, them) for them in (None, others))
    assert alone.since is not None and (others["created_at"] >= alone.since).all(), "all of them, by two tickets"
    assert dated.since is not None and (others["created_at"] >= dated.since).sum() <= 10
    assert 590 <= len(dated.rows) <= 600


def test_of_two_changes_the_later_one_counts() -> None:
    first, second = tickets(1500, 800, 0.4, 1), tickets(600, 1, 0.0, 2)
    second = second.assign(ticket_id="U" + second["ticket_id"], family_id="U" + second["family_id"])
    second["created_at"] += first["created_at"].max() - second["created_at"].min() + pd.Timedelta(hours=1)
    found = latest_alike(pd.concat([first, second], ignore_index=True), 5000, 200, 1)
    assert abs(len(found.rows) - 601) <= 20


def test_so_many_are_left_however_late_the_change_came() -> None:
    found = latest_alike(tickets(2000, 80, 0.9, 3), 5000, 200, 3)
    assert 200 <= len(found.rows) < 320


def test_the_order_of_a_file_that_has_no_dates_means_nothing() -> None:
    """A file that is sorted by queue would be cut at the last queue."""
    its = tickets(2000, 500, 0.4, 4).sort_values("label_queue", ignore_index=True)
    its["created_at"], its["ingested_at"] = pd.NaT, pd.Timestamp("2026-03-01", tz="UTC")
    found = latest_alike(its, 1000, 200, 4)
    assert found.since is None and len(found.rows) == 1000
    assert its.loc[found.rows, "label_queue"].nunique() == its["label_queue"].nunique()


def test_rewordings_of_one_ticket_that_came_together_are_no_change() -> None:
    its = tickets(1500, 1, 0.0, 5)
    same = (
        its.iloc[[7]]
        .loc[its.index[[7]].repeat(300)]
        .assign(
            ticket_id=[f"again-{row}" for row in range(300)],
            created_at=its["created_at"].max() + pd.to_timedelta(np.arange(1, 301), unit="min"),
        )
    )
    assert latest_alike(pd.concat([its, same], ignore_index=True), 5000, 200, 5).since is None
    apart = same.assign(family_id=same["ticket_id"])
    assert latest_alike(pd.concat([its, apart], ignore_index=True), 5000, 200, 5).since is not None


def test_a_ticket_is_as_old_as_it_was_written_or_else_as_it_was_read() -> None:
    its = tickets(100, 1, 0.0, 6)
    its.loc[:49, "created_at"] = pd.NaT
    its["ingested_at"] = its["ingested_at"] + pd.Timedelta(days=900)
    assert set(in_order(its, 1)[-50:]) == set(range(50))
    assert ticket_times(its.drop(columns=["created_at", "ingested_at"])).isna().all()


def test_tickets_of_nothing_but_empty_texts_are_one_stretch() -> None:
    texts, _ = written(300, 1)
    its = pd.DataFrame({"text": [""] * 300, "language": "en", "family_id": texts})
    assert len(latest_alike(its, 5000, 200, 1).rows) == 300
    assert len(latest_alike(its[:1], 5000, 200, 1).rows) == 1
