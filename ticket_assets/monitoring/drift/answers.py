"""Tests of what was answered, and of answers whose truth was told later, against the champion's hold-out.

Belongs here: predicted classes, confidence, true classes and errors per target, each difference in words.
Does not belong here: scores and whether they keep a promise (performance.py).

What people tell later is not drawn at random: who only corrects tells errors alone. Where all that was told are errors,
nothing is said of errors.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ticket_assets.monitoring.drift.categories import compare_categories
from ticket_assets.monitoring.drift.inputs import Shares, category
from ticket_assets.monitoring.drift.numbers import EFFECT, TEST, compare_numbers
from ticket_assets.monitoring.drift.outcome import Outcome, number, percent
from ticket_assets.monitoring.sample import TargetSample

LEAST_TOLD = 20
_LEAST_OF_A_CLASS = 5


def predictions(
    target: str,
    reference: TargetSample,
    window: TargetSample,
    permutations: int,
    rng: np.random.Generator,
    shares: Shares = (1.0, 1.0),
) -> Outcome | None:
    """Whether classes are predicted as often as on the hold-out.

    Lipton, Wang and Smola, "Detecting and correcting for label shift with black box predictors" (2018): classes
    predicted stand for classes that are there, as long as the model errs as it did.
    """
    found = compare_categories(_predicted(reference), _predicted(window), permutations, rng, shares)
    group = f"{target}: predictions"
    return None if found is None else category("prediction_drift", group, group, found)


def confidence(
    target: str, reference: TargetSample, window: TargetSample, shares: Shares = (1.0, 1.0)
) -> Outcome | None:
    """Whether the model is as sure of its answers as on the hold-out (Rabanser and others, "Failing loudly", 2019)."""
    sure = [_surest(side) for side in (reference, window)]
    found = compare_numbers(sure[0], sure[1], shares)
    if found is None:
        return None
    means = [percent(float(np.nanmean(side))) if np.isfinite(side).any() else "not known" for side in sure]
    said = f"mean confidence {means[1]}, {means[0]} on the hold-out; moved by {number(found.effect)} deviations"
    group = f"{target}: confidence"
    return Outcome("prediction_drift", group, group, TEST, found.statistic, found.effect, EFFECT, found.p_value, said)


def true_classes(
    target: str,
    reference: TargetSample,
    window: TargetSample,
    permutations: int,
    rng: np.random.Generator,
    shares: Shares = (1.0, 1.0),
) -> Outcome | None:
    """Whether the classes that were told later have the shares that they had: label shift."""
    before, now = (_told(side) for side in (reference, window))
    if len(now) < LEAST_TOLD or len(before) < LEAST_TOLD:
        return None
    labels = [[side.truth[row] for row in rows] for side, rows in ((reference, before), (window, now))]
    found = compare_categories(labels[0], labels[1], permutations, rng, shares)
    group = f"{target}: true classes"
    return None if found is None else category("prediction_drift", group, group, found)


def errors(target: str, reference: TargetSample, window: TargetSample, shares: Shares = (1.0, 1.0)) -> Outcome | None:
    """Whether answers are wrong more often than on the hold-out, of all or of one predicted class: concept shift.

    Fisher's exact test (1935) on right and wrong by side, for all answers and for each predicted class with five rows
    on both sides; the smallest p-value times their number (Bonferroni). One-sided: fewer errors call for nothing.
    Effect: difference of the two error rates.
    """
    before, now = (_told(side) for side in (reference, window))
    if len(now) < LEAST_TOLD or len(before) < LEAST_TOLD:
        return None
    wrong = [_wrong(side, rows) for side, rows in ((reference, before), (window, now))]
    if wrong[1].all():
        return None
    found = []
    for name, (ref_rows, win_rows) in _slices(reference, window, before, now):
        was, ref = int(wrong[0][ref_rows].sum()), int(ref_rows.sum())
        are, win = int(wrong[1][win_rows].sum()), int(win_rows.sum())
        p_value = _fisher((was, ref), (are, win), shares)
        found.append((p_value, name, are / win, was / ref, win))
    p_value, name, rate, usual, rows = min(found)
    said = f"{percent(rate)} of {rows:,} answers{name} were wrong, {percent(usual)} on the hold-out"
    return Outcome(
        kind="prediction_drift",
        group=f"{target}: errors",
        subject=f"{target}: errors",
        test="Fisher's exact, per predicted class",
        statistic=rate,
        effect=rate - usual,
        effect_name="difference of error rates",
        p_value=min(1.0, p_value * len(found)),
        said=said,
    )


def only_errors_told(window: TargetSample) -> bool:
    """Whether enough was told to say something of errors, were it not errors alone."""
    rows = _told(window)
    return len(rows) >= LEAST_TOLD and bool(_wrong(window, rows).all())


def _fisher(before: tuple[int, int], now: tuple[int, int], shares: Shares) -> float:
    """Of wrong and all answers on either side, each counted by the independent rows that it is worth."""
    from scipy.stats import hypergeom

    (was, ref), (are, win) = (
        [round(count * share) for count in side] for side, share in zip((before, now), shares, strict=True)
    )
    return float(hypergeom.sf(are - 1, ref + win, was + are, win)) if ref and win else 1.0


def _slices(
    reference: TargetSample, window: TargetSample, before: NDArray[np.int64], now: NDArray[np.int64]
) -> Iterator[tuple[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]]:
    sides = [np.array(_predicted(side), object)[rows] for side, rows in ((reference, before), (window, now))]
    yield "", (np.ones(len(before), bool), np.ones(len(now), bool))
    for label in sorted(set(reference.labels) & set(window.labels)):
        rows = (np.asarray(sides[0] == label), np.asarray(sides[1] == label))
        if min(int(one.sum()) for one in rows) >= _LEAST_OF_A_CLASS:
            yield f" {label!r}", rows


def _predicted(side: TargetSample) -> list[str | None]:
    return [side.labels[best] for best in np.nan_to_num(side.probabilities, nan=-1.0).argmax(axis=1)]


def _surest(side: TargetSample) -> NDArray[np.floating]:
    return np.asarray(side.probabilities.max(axis=1))


def _told(side: TargetSample) -> NDArray[np.int64]:
    return np.array([row for row, label in enumerate(side.truth) if label is not None], dtype=np.int64)


def _wrong(side: TargetSample, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    predicted = _predicted(side)
    return np.array([side.truth[row] != predicted[row] for row in rows], dtype=bool)
