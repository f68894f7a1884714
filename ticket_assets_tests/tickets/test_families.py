"""Near-duplicate families: exact against brute force, independent of order, refused where they chain."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer

from ticket_assets.tickets import near_pairs
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.families import FamiliesChainedError, number_families, require_unchained
from ticket_assets_tests.grown_tickets import grown
from ticket_assets_tests.public_data import public_data
from ticket_assets_tests.tickets.brute_force import missed_relatives


def reworded_tickets(n: int, seed: int = 7) -> tuple[list[str], list[str]]:
    """Return texts of common and rare words, many of them rewordings or copies, and their ids."""
    rng = random.Random(seed)
    words = [f"word{rank}" for rank in range(400)]
    weights = [1 / (rank + 1) for rank in range(400)]
    texts: list[str] = ["", "", "7 !", "7 !"]
    while len(texts) < n:
        if len(texts) > 8 and rng.random() < 0.5:
            source = texts[rng.randrange(4, len(texts))].split()
            text = " ".join(w if rng.random() < 0.8 else rng.choices(words, weights)[0] for w in source)
            texts.append(text if rng.random() < 0.8 else " ".join(source))
        else:
            texts.append(" ".join(rng.choices(words, weights, k=rng.randrange(1, 40))))
    ids = [f"t{number:05d}" for number in range(n)]
    rng.shuffle(ids)
    return texts, ids


def brute_force(texts: list[str], ids: list[str], cut: float) -> tuple[list[str], int]:
    vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=1).fit_transform(texts).toarray()
    near = np.triu(vectors @ vectors.T >= cut - 1e-9, k=1)
    labels = connected_components(near, directed=False)[1]
    smallest = {label: min(i for i, own in zip(ids, labels, strict=True) if own == label) for label in set(labels)}
    return [smallest[label] for label in labels], int(near.sum())


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("products_per_block", [500, 8_000_000])
def test_families_and_pairs_equal_brute_force(
    cut: float, products_per_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pruning is allowed to save work, never to lose a pair, however the rows fall into blocks."""
    monkeypatch.setattr(near_pairs, "_PRODUCTS_PER_BLOCK", products_per_block)
    texts, ids = reworded_tickets(400)
    numbering = number_families(texts, ids, cut)
    assert (numbering.family_ids, numbering.n_pairs) == brute_force(texts, ids, cut)


def test_shares_are_counted_over_all_tickets() -> None:
    numbering = number_families(["printer jam", "printer jam", "vpn", "mail full"], ["b", "a", "c", "d"], 0.5)
    assert numbering.family_ids == ["a", "a", "c", "d"]
    assert (numbering.n_pairs, numbering.largest_share, numbering.in_families_share) == (1, 0.5, 0.5)


def test_shuffled_tickets_get_the_same_families() -> None:
    texts, ids = reworded_tickets(400)
    order = random.Random(3).sample(range(400), 400)
    plain = number_families(texts, ids, 0.6)
    shuffled = number_families([texts[i] for i in order], [ids[i] for i in order], 0.6)
    assert shuffled.family_ids == [plain.family_ids[i] for i in order]
    assert shuffled.n_pairs == plain.n_pairs


def test_a_family_keeps_its_id_when_a_later_ticket_joins() -> None:
    texts = ["the printer on floor two is jammed again", "vpn drops every hour", "mail quota reached"]
    joined = [*texts, "the printer on floor two is jammed again today"]
    before = number_families(texts, ["1", "2", "3"], 0.5)
    after = number_families(joined, ["1", "2", "3", "4"], 0.5)
    assert after.family_ids[:3] == before.family_ids
    assert after.family_ids[3] == "1"


@pytest.mark.parametrize("texts", [[], ["", "", "?"], ["one ticket only"]])
def test_tickets_without_relatives_or_words_stay_alone(texts: list[str]) -> None:
    ids = [str(number) for number in range(len(texts))]
    numbering = number_families(texts, ids, 0.5)
    assert numbering.family_ids == ids
    assert (numbering.n_pairs, numbering.in_families_share) == (0, 0)


def test_progress_ends_at_all_distinct_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_pairs, "_PRODUCTS_PER_BLOCK", 500)
    texts, ids = reworded_tickets(200)
    seen: list[tuple[int, int]] = []
    number_families(texts, ids, 0.5, progress=lambda done, rows: seen.append((done, rows)))
    assert len(seen) > 1
    assert seen == sorted(seen)
    worded = set(texts) - {"", "7 !"}
    assert seen[-1] == (len(worded), len(worded))


@pytest.mark.parametrize(
    ("ids", "cut", "message"),
    [
        (["a"], 0.5, "2 texts but 1 ids"),
        (["a", "a"], 0.5, "'a' occurs more than once"),
        (["a", "b"], 0, "cosine"),
    ],
)
def test_a_wrong_call_is_refused(ids: list[str], cut: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        number_families(["one", "two"], ids, cut)


def test_a_chain_names_its_size_its_share_and_the_fix() -> None:
    texts = ["reset my password please"] * 3 + [f"other{n} topic{n}" for n in range(7)]
    numbering = number_families(texts, [f"t{n}" for n in range(10)], 0.5)
    with pytest.raises(FamiliesChainedError, match=r"'t0' holds 3 of 10 .*30\.0%.* 0\.5 .*[Rr]aise families\.cut"):
        require_unchained(numbering)
    require_unchained(numbering, limit=0.3)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "columns", "cut", "largest"),
    [
        ("it_service.parquet", ("Document",), 0.7, 0.023),
        ("helpdesk_multilingual.parquet", ("subject", "body"), 0.5, 0.002),
    ],
)
def test_public_tickets_fall_into_families_of_the_known_size(
    name: str, columns: tuple[str, ...], cut: float, largest: float
) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(public_data(name), columns=["ticket_id", *columns])
    parts = [table[column].to_pylist() for column in columns]
    texts = [ticket_text(row[0] if len(row) > 1 else None, row[-1]) for row in zip(*parts, strict=True)]
    numbering = number_families(texts, [str(ticket_id) for ticket_id in table["ticket_id"].to_pylist()], cut)
    assert numbering.largest_share == pytest.approx(largest, abs=0.001)
    require_unchained(numbering)


@pytest.mark.data
@pytest.mark.slow
def test_among_forty_thousand_tickets_no_relative_is_missed_at_first_or_when_more_come(tmp_path: Path) -> None:
    """Recall of pairs is 1, not 0.95: the search is exact. Ids are without order, so that merges rename families."""
    real = pd.read_parquet(public_data("it_service.parquet"))["Document"][:20_000]
    texts = grown([ticket_text(None, one) for one in real], 40_400)
    ids = [f"{number * 7919 % 40_427:05d}" for number in range(40_400)]
    sample = np.random.default_rng(1).choice(40_000, 150, replace=False)
    for last in (40_000, 40_400):
        numbering = number_families(texts[:last], ids[:last], 0.7, kept=tmp_path / "pairs.npz")
        relatives, missed = missed_relatives(texts[:last], numbering.family_ids, 0.7, sample)
        assert relatives > 100
        assert missed == 0
    assert numbering.linked <= 400, "the others were known"
