"""Tests of the encoder's vectors and of words taken together: where new topics are seen.

Belongs here: which numbers are compared by their means, and each difference in words.
Does not belong here: the test itself (mean_difference.py).
"""

from ticket_assets.monitoring.drift.mean_difference import MeansCompared
from ticket_assets.monitoring.drift.outcome import Outcome, number
from ticket_assets.monitoring.verdict import Kind

TEST = "permutation of the distance of means"
WHITENED = "Hotelling's T-squared by permutation"
MMD = "maximum mean discrepancy by permutation"


def words_outcome(found: MeansCompared) -> Outcome:
    """Of weighted words."""
    said = f"a classifier tells its texts from the reference's by their words with AUC {number(found.auc)}"
    return _outcome("data_drift", "vocabulary: words", TEST, found, said)


def whitened_outcome(found: MeansCompared) -> Outcome:
    """Of whitened vectors."""
    said = f"a classifier tells its vectors from the reference's with AUC {number(found.auc)}"
    return _outcome("embedding_drift", "embeddings: mean", WHITENED, found, said)


def mmd_outcome(found: MeansCompared) -> Outcome:
    """Of random Fourier features of vectors."""
    said = f"its vectors lie elsewhere than the reference's: squared discrepancy {number(found.statistic)}"
    return _outcome("embedding_drift", "embeddings: distribution", MMD, found, f"{said}, AUC {number(found.auc)}")


def _outcome(kind: Kind, subject: str, test: str, found: MeansCompared, said: str) -> Outcome:
    return Outcome(kind, subject, subject, test, found.statistic, found.auc, "AUC", found.p_value, said)
