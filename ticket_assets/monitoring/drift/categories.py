"""Whether categories have the shares that they had: languages, context values, predicted and true classes.

Belongs here: the comparison of two samples of one category, unseen and missing values included.
Does not belong here: which categories are compared (inputs.py, answers.py).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticket_assets.monitoring.drift.relatives import worth
from ticket_assets.monitoring.drift.tail import permutation_p

EFFECT = "Cramér's V"
# Cochran's rule (1954): below that, chi-square's own distribution does not describe a cell.
LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class CategoriesCompared:
    """Of one category.

    Attributes:
        test: what its p-value comes from.
        statistic: chi-square.
        effect: Cramér's V, 0..1.
        p_value: 0..1.
        moved: the value whose share moved most; None is the missing one.
        shares: of that value, of reference and window.
        unseen: share of the window's rows with a value that the reference has not.
    """

    test: str
    statistic: float
    effect: float
    p_value: float
    moved: str | None
    shares: tuple[float, float]
    unseen: float


def compare_categories(
    reference: Sequence[str | None],
    window: Sequence[str | None],
    permutations: int,
    rng: np.random.Generator,
    shares: tuple[float, float] = (1.0, 1.0),
) -> CategoriesCompared | None:
    """Pearson's chi-square of the table of values by side; None is a value like any other, and so is an unseen one.

    Where a cell expects fewer than five rows its p-value comes from tables with the same margins, drawn at random: the
    exact permutation test (Patefield 1981; for two sides such a table is one multivariate hypergeometric draw).
    Effect: Cramér (1946), V = sqrt(chi-square / rows), as there are two sides.

    Args:
        reference: m values.
        window: n values.
        permutations: tables drawn.
        rng: draws them.
        shares: independent rows that each side is worth, as a share of its rows (relatives.py); chi-square is reduced
            by as much as the first correction of Rao and Scott (1984) does.

    Returns:
        None where there is nothing to compare: a side without rows, or one value everywhere.
    """
    before, now = Counter(reference), Counter(window)
    values = sorted({*before, *now}, key=lambda value: (value is None, value or ""))
    if not before or not now or len(values) < 2:
        return None
    table = np.array([[before[value] for value in values], [now[value] for value in values]], dtype=np.int64)
    rows, columns, total = table.sum(axis=1), table.sum(axis=0), int(table.sum())
    expected = np.outer(rows, columns) / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    tells = statistic * worth(int(rows[0]), int(rows[1]), shares)
    if expected.min() >= LEAST_EXPECTED:
        from scipy.stats import chi2

        test, p_value = "chi-square", float(chi2.sf(tells, len(values) - 1))
    else:
        drawn = rng.multivariate_hypergeometric(columns, int(rows[1]), size=permutations, method="marginals")
        # One side says it all: the other holds the rest, so both deviate by as much.
        deviation = (drawn - expected[1]) ** 2
        permuted = (deviation / expected[1]).sum(axis=1) + (deviation / expected[0]).sum(axis=1)
        test, p_value = "chi-square by permutation", permutation_p(tells, permuted)
    parts = table / rows[:, None]
    most = int(np.abs(parts[1] - parts[0]).argmax())
    return CategoriesCompared(
        test,
        statistic,
        float(np.sqrt(statistic / total)),
        p_value,
        values[most],
        (float(parts[0, most]), float(parts[1, most])),
        float(table[1][table[0] == 0].sum() / rows[1]),
    )
