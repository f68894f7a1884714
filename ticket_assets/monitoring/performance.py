"""How good the champion is on live traffic, held against what it promised.

Belongs here: scores on labelled rows and their test, the share of answers left to people and its test, both verdicts.
Does not belong here: the promise (promise.py), which rows (window.py), reading files (judging.py).

Each label counts once: a window is judged on the labels that no window before was judged on. So two windows in a row
are two findings and not one told twice. A verdict asks for two things: chance hardly does it, and it is as large as the
settings say matters. A proven drop within that is told and passes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ticket_assets.models.bands import Bands
from ticket_assets.models.significance import bootstrap_interval
from ticket_assets.monitoring.promise import (
    Expected,
    Promise,
    Scored,
    at_most,
    estimated,
    expected,
    left_by_hand,
    scored,
)
from ticket_assets.monitoring.sample import TargetSample
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring_settings import DriftRule, RetrainSettings

LEAST_LABELLED = 100
PERFORMANCE, LOW_CONFIDENCE = "performance", "low_confidence"
LABELLED_SHARE = 0.5
"""With labels for fewer answers, whom somebody labelled may say more of him than of the traffic."""
CHOSEN_ALPHA = 0.05


@dataclass(frozen=True)
class Rules:
    """What decides between pass, warn and alarm.

    Attributes:
        drift: how rarely chance may do it.
        retrain: how large it has to be.
        targets: that are tested in one window: each has its part of the chance.
        seed: of resamples.
    """

    drift: DriftRule
    retrain: RetrainSettings
    targets: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """One target, one question.

    Attributes:
        verdict: pass, warn, alarm, or unjudged.
        figures: JSON-ready; None where a number is not known.
        words: a sentence.
        counted: whether the labels had their say, and wait for no others.
    """

    verdict: Verdict
    figures: Mapping[str, float | None]
    words: str
    counted: bool = False


def live_scores(
    target: str, labelled: TargetSample, silent: TargetSample, window: TargetSample, promised: Promise, rules: Rules
) -> Outcome:
    """Macro F1 on labelled live rows against the promise, and an estimate without labels.

    Where only some answers have a label, and these were chosen because of what was answered (`are_chosen`), they tell
    no score: an answer that nobody corrected is then taken for right, and what still falls short of the promise is a
    drop all the same.

    Args:
        target: its name.
        labelled: live rows with a truth that no window before counted.
        silent: the rows without a truth of the windows that those are of.
        window: all rows of the window.
        promised: on held-out rows.
        rules: of the verdict.
    """
    guess = estimated(window.probabilities)
    figures: dict[str, float | None] = {"macro_f1": None, "low": None, "high": None, "accuracy": None}
    figures |= {"promised": promised.macro_f1, "promised_low": promised.low, "promised_accuracy": promised.accuracy}
    figures |= {"estimated": guess["macro_f1"], "estimated_accuracy": guess["accuracy"]}
    found = scored(labelled)
    figures["rows"] = float(len(found.y))
    if len(found.y) < LEAST_LABELLED:
        words = f"{target}: {len(found.y):,} new labels, below the {LEAST_LABELLED:,} that are asked for"
        return Outcome(Verdict.UNJUDGED, figures, words)
    if promised.held is None or promised.rows < LEAST_LABELLED:
        words = f"{target}: {promised.rows:,} held-out rows have a label, too few to promise anything"
        return Outcome(Verdict.UNJUDGED, figures, words)
    chosen, labels = are_chosen(labelled, silent), f"{len(found.y):,} labels"
    if chosen:
        found = with_silent(found, silent)
        labels = f"{labels}, as they are mostly corrections, and {len(silent.truth):,} answers taken for right"
    usual = expected(promised, len(found.y), rules.seed)
    score, p_value = chance_of_drop(found, promised, usual, rules.seed)
    allowed = usual.low - rules.retrain.performance_drop
    verdict = _verdict(p_value, score < allowed, rules)
    if chosen and verdict is Verdict.PASS:
        words = f"{target}: {labels}: no drop that they would prove, and no score"
        return Outcome(Verdict.UNJUDGED, figures, words, counted=True)
    alone = np.arange(len(found.y))
    interval = bootstrap_interval(found.y, found.predicted, alone, n_labels=promised.classes, seed=rules.seed)
    figures |= {"macro_f1": interval.estimate, "low": interval.low, "high": interval.high, "p_value": p_value}
    figures |= {"accuracy": float((found.y == found.predicted).mean())}
    figures |= {"promised": usual.mean, "promised_low": usual.low}
    words = (
        f"{target}: macro F1 {interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}] on {labels}; promised "
        f"{usual.mean:.3f} on so many, at least {usual.low:.3f}, and {allowed:.3f} is allowed (p = {p_value:.2g})"
    )
    return Outcome(verdict, figures, words, counted=True)


def are_chosen(labelled: TargetSample, silent: TargetSample) -> bool:
    """Whether labels are of some answers alone, and of other ones than chance would have picked.

    People correct what is wrong. Who labels a sample drawn at random has answers among it that are as sure as all
    others; who corrects has the unsure ones (Mann and Whitney 1947, one-sided), or no right one at all.
    """
    from scipy import stats

    told, untold = len(labelled.truth), len(silent.truth)
    if not untold or told >= LABELLED_SHARE * (told + untold):
        return False
    found = scored(labelled)
    if not (found.y == found.predicted).any():
        return True
    sure = [one.probabilities.max(axis=1) for one in (labelled, silent)]
    return bool(stats.mannwhitneyu(*sure, alternative="less").pvalue < CHOSEN_ALPHA)


def with_silent(found: Scored, silent: TargetSample) -> Scored:
    """Labelled rows and rows whose answers are taken for right."""
    answers = silent.probabilities.argmax(axis=1).astype(np.int64)
    rows = np.arange(len(found.y) + len(answers))
    return Scored(np.concatenate([found.y, answers]), np.concatenate([found.predicted, answers]), rows)


def chance_of_drop(live: Scored, promised: Promise, usual: Expected, seed: int) -> tuple[float, float]:
    """Macro F1 of live rows, of as many as were held out at most; and how probable one as low is if nothing changed.

    The p-value is one-sided, by standard errors of draws from the held-out rows.

    Args:
        live: labelled rows.
        promised: the held-out rows.
        usual: what is expected of so many live rows.
        seed: of draws.
    """
    from scipy import stats

    score = at_most(live.counts(promised.classes), promised.rows, np.random.default_rng([seed, 1]))
    if usual.error == 0:
        return score, 0.0 if score < usual.mean else 1.0
    return score, float(stats.norm.sf((usual.mean - score) / usual.error))


def left_to_people(target: str, window: TargetSample, bands: Bands, promised: Promise, rules: Rules) -> Outcome:
    """The share of answers left to people against the one on held-out rows, by Fisher's exact test."""
    from scipy import stats

    by_hand, rows = int(left_by_hand(window.probabilities, bands).sum()), len(window.truth)
    share, before = by_hand / rows, promised.by_hand_share
    if not promised.answers:
        words = f"{target}: {share:.1%} of answers are left to people, and no held-out one is known"
        return Outcome(Verdict.UNJUDGED, {}, words)
    table = [[by_hand, rows - by_hand], [promised.by_hand, promised.answers - promised.by_hand]]
    p_value = float(stats.fisher_exact(table, alternative="greater").pvalue)
    verdict = _verdict(p_value, share - before > rules.retrain.low_confidence_share, rules)
    words = (
        f"{target}: {share:.1%} of answers are left to people, {before:.1%} of held-out ones were; "
        f"{rules.retrain.low_confidence_share:.0%} more are allowed (p = {p_value:.2g})"
    )
    return Outcome(verdict, {"share": share, "promised": before, "p_value": p_value}, words)


def _verdict(p_value: float, matters: bool, rules: Rules) -> Verdict:
    if not matters or p_value >= rules.drift.alpha / rules.targets:
        return Verdict.PASS
    return Verdict.ALARM if p_value < rules.drift.sure_alpha / rules.targets else Verdict.WARN
