"""Whether a model is better than what two seconds of training make: TF-IDF and a linear SVM, on the same rows.

Belongs here: the baseline's score beside a model's, the sentence about a model that is below it.
Does not belong here: fitting the baseline (baselines.py), scoring (evaluation.py), who is promoted (promotion.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ticket_assets.models.evaluation import LINEAR_BASELINE

SCORE = "plain_baseline_macro_f1"
"""Name of the baseline's score among those of a bundle's target."""
DIGITS = 3
"""Of scores as people read them: what reads as equal is not called below."""


def baseline_score(standings: Sequence[Mapping[str, Any]]) -> float:
    """Macro F1 of the plain baseline among the standings of a target, as `Evaluation.as_dict` has them."""
    return float(next(one["macro_f1"]["estimate"] for one in standings if one["name"] == LINEAR_BASELINE))


def below_baseline(scores: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """Target to a sentence with both figures, for the targets whose model is below the plain baseline.

    Args:
        scores: target to score name to value, as bundles have them; one of an earlier version of the project does not
            know the baseline's, and nothing is said of it.
    """
    return {
        target: f"{target}: macro F1 {its['macro_f1']:.{DIGITS}f} is below the plain baseline's "
        f"{its[SCORE]:.{DIGITS}f} on the same rows (TF-IDF and a linear SVM)"
        for target, its in scores.items()
        if SCORE in its and round(its["macro_f1"], DIGITS) < round(its[SCORE], DIGITS)
    }
