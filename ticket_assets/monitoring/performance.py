"""How good the champion is on live traffic, held against what it promised.

Belongs here: scores on labelled rows and their test, the share of answers left to people and its test, both verdicts.
Does not belong here: the promise (promise.py), which rows (window.py), reading files (judging.py).

Each label counts once: a window is judged on the labels that no window before was judged on. So two windows in a row
are two findings and not one told twice. A verdict asks for two things: chance hardly does it, and it is as large as the
settings say matters. A proven drop within that is told and passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticket_assets.models.bands import Bands
from ticket_assets.models.label_scores import class_counts, macro_f1
from ticket_assets.models.significance import bootstrap_interval
from ticket_assets.monitoring.promise import Promise, Scored, estimated, left_by_hand, scored
from ticket_assets.monitoring.sample import TargetSample
from ticket_assets.monitoring.verdict import Verdict
from ticket_assets.monitoring_settings import DriftRule, RetrainSettings

LEAST_LABELLED = 100
PERFORMANCE, LOW_CONFIDENCE = "performance", "low_confidence"
_DRAWS = 1000


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
    """

    verdict: Verdict
    figures: Mapping[str, float | None]
    words: str


def live_scores(target: str, labelled: TargetSample, window: TargetSample, promised: Promise, rules: Rules) -> Outcome:
    """Macro F1 on labelled live rows against the promise, and an estimate without labels.

    Args:
        target: its name.
        labelled: live rows with a truth that no window before counted.
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
        words = f"{target}: {len(found.y)} new labels, below the {LEAST_LABELLED} that are asked for"
        return Outcome(Verdict.UNJUDGED, figures, words)
    alone = np.arange(len(found.y))
    interval = bootstrap_interval(found.y, found.predicted, alone, n_labels=len(labelled.labels), seed=rules.seed)
    right = int((found.y == found.predicted).sum())
    figures |= {"macro_f1": interval.estimate, "low": interval.low, "high": interval.high}
    figures |= {"accuracy": right / len(found.y)}
    if promised.macro_f1 is None or promised.low is None or promised.rows < LEAST_LABELLED:
        words = f"{target}: {promised.rows} held-out rows have a label, too few to promise anything"
        return Outcome(Verdict.UNJUDGED, figures, words)
    if not right:
        words = f"{target}: all {len(found.y)} labels correct an answer and none confirms one, so they tell no score"
        return Outcome(Verdict.UNJUDGED, figures, words)
    p_value = chance_of_drop(found, labelled.labels, promised, rules.seed)
    figures["p_value"] = p_value
    allowed = promised.low - rules.retrain.performance_drop
    verdict = _verdict(p_value, interval.estimate < allowed, rules)
    score = f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    words = (
        f"{target}: macro F1 {score} on {len(found.y)} labels; promised {promised.macro_f1:.3f}, at least "
        f"{promised.low:.3f}, and {allowed:.3f} is allowed (p = {p_value:.2g})"
    )
    return Outcome(verdict, figures, words)


def chance_of_drop(live: Scored, labels: Sequence[str], promised: Promise, seed: int) -> float:
    """One-sided p-value of a macro F1 as far below the promised one, by bootstrap standard errors of both.

    Args:
        live: labelled rows.
        labels: K of the model.
        promised: its interval gives the error of the promise.
        seed: of the resamples.
    """
    from scipy import stats

    rng = np.random.default_rng(seed)
    n, width = len(live.y), len(labels)
    score = float(macro_f1(class_counts(live.y, live.predicted, width)))
    cells = class_counts(live.y, live.predicted, width, np.arange(n)).reshape(n, -1).astype(np.float64)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=_DRAWS).astype(np.float64)
    draws = macro_f1((weights @ cells).reshape(_DRAWS, 3, width + 1))
    assert promised.macro_f1 is not None and promised.low is not None and promised.high is not None
    # A percentile interval of 95 % is 3.92 standard errors wide.
    error = float(np.hypot(draws.std(ddof=1), (promised.high - promised.low) / 3.92))
    if error == 0:
        return 0.0 if score < promised.macro_f1 else 1.0
    return float(stats.norm.sf((promised.macro_f1 - score) / error))


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
