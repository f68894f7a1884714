"""Tests of what arrives: lengths, columns, languages, context values, words.

Belongs here: which columns are compared, and each difference in words.
Does not belong here: the tests themselves (numbers.py, categories.py, mean_difference.py), vectors (vectors.py),
answers (answers.py).
"""

from collections.abc import Iterator

import numpy as np

from ticket_assets.monitoring.drift.categories import EFFECT as CATEGORY_EFFECT
from ticket_assets.monitoring.drift.categories import CategoriesCompared, compare_categories
from ticket_assets.monitoring.drift.numbers import EFFECT, TEST, NumbersCompared, compare_numbers
from ticket_assets.monitoring.drift.outcome import Outcome, number, percent
from ticket_assets.monitoring.drift.relatives import worth
from ticket_assets.monitoring.sample import Sample
from ticket_assets.monitoring.verdict import Kind

Shares = tuple[float, float]
"""Independent rows that reference and window are worth, as shares of their rows (relatives.py)."""

# Told by text length and language, which have tests of their own.
_TOLD_ELSEWHERE = ("log_characters", "language_")


def text_length(reference: Sample, window: Sample, shares: Shares) -> Outcome | None:
    """Whether texts are as long as they were."""
    lengths = [np.array([len(text) for text in side.texts], float) for side in (reference, window)]
    found = compare_numbers(np.log1p(lengths[0]), np.log1p(lengths[1]), shares)
    if found is None:
        return None
    before, now = (number(float(np.median(one))) for one in lengths)
    said = f"half of the texts are longer than {now} characters, {before} in the reference"
    return _numbers("text length", "text length", found, said)


def columns(reference: Sample, window: Sample, shares: Shares) -> Iterator[Outcome]:
    """Whether each numeric column that both have is distributed as it was."""
    for place, name in enumerate(reference.column_names):
        if name not in window.column_names or name.startswith(_TOLD_ELSEWHERE):
            continue
        now = window.columns[:, window.column_names.index(name)]
        found = compare_numbers(reference.columns[:, place], now, shares)
        if found is None:
            continue
        before, median = map(number, found.medians)
        said = f"median {median}, {before} in the reference"
        if any(found.missing):
            said += f"; missing {percent(found.missing[1])}, {percent(found.missing[0])} in the reference"
        yield _numbers("columns", f"column {name}", found, said)


def categories(
    reference: Sample, window: Sample, permutations: int, rng: np.random.Generator, shares: Shares
) -> Iterator[Outcome]:
    """Whether languages and context values have the shares that they had."""
    found = compare_categories(reference.languages, window.languages, permutations, rng, shares)
    if found is not None:
        yield category("data_drift", "language", "language", found)
    for name in reference.context:
        if name in window.context:
            found = compare_categories(reference.context[name], window.context[name], permutations, rng, shares)
            if found is not None:
                yield category("data_drift", "context", name, found)


def unseen_words(before: np.ndarray, now: np.ndarray, whose: str, shares: Shares) -> Outcome | None:
    """Whether texts have more or fewer words that the training texts have not.

    Mann and Whitney (1947) on each text's share of unseen words, against texts of the same age as the champion that it
    was not trained on: training texts know all their own words. Effect: Cliff's delta (1993).

    Args:
        before: (m,) shares, of word_features.unseen_shares.
        now: (n,) of the window.
        whose: the texts of `before`, in words.
        shares: independent rows that each is worth, as a share of its rows.
    """
    from scipy.stats import mannwhitneyu, norm

    if not len(before) or not len(now) or np.ptp(np.concatenate([before, now])) == 0:
        return None
    found = mannwhitneyu(now, before, method="asymptotic")
    p_value = float(found.pvalue)
    if p_value > 0:
        p_value = 2 * float(norm.sf(norm.isf(p_value / 2) * np.sqrt(worth(len(before), len(now), shares))))
    delta = 2 * float(found.statistic) / (len(now) * len(before)) - 1
    said = f"{percent(float(now.mean()))} of a text's words were in no training text, "
    said += f"{percent(float(before.mean()))} {whose}"
    return Outcome(
        kind="data_drift",
        group="vocabulary",
        subject="vocabulary: unseen words",
        test="Mann-Whitney",
        statistic=float(found.statistic),
        effect=delta,
        effect_name="Cliff's delta",
        p_value=p_value,
        said=said,
    )


def category(kind: Kind, group: str, subject: str, found: CategoriesCompared) -> Outcome:
    """A category's outcome, in words."""
    value = "no value" if found.moved is None else repr(found.moved)
    said = f"{percent(found.shares[1])} are {value}, {percent(found.shares[0])} in the reference"
    if found.unseen:
        said += f"; {percent(found.unseen)} have a value that the reference has not"
    return Outcome(
        kind, group, subject, found.test, found.statistic, found.effect, CATEGORY_EFFECT, found.p_value, said
    )


def _numbers(group: str, subject: str, found: NumbersCompared, said: str) -> Outcome:
    said += f"; moved by {number(found.effect)} deviations"
    return Outcome("data_drift", group, subject, TEST, found.statistic, found.effect, EFFECT, found.p_value, said)
