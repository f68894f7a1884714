"""Other people's drift checks on the same windows: Evidently's preset alone, and the rules of two triage systems.

Belongs here: those rules, as written, on text length, language and predicted class.
Does not belong here: our own (ticket_assets/monitoring/drift).
"""

import re
from typing import Any

import numpy as np

from ticket_assets.monitoring.sample import Reference, Sample

# One system: "drift" where more than this share of columns drifted, in Evidently's report.
SHARE_RULE = 0.05
# The other: score above 0.5 of three flags: distance of lengths above 0.3, chi-square of classes below 0.05, 1.2 times
# the words.
SCORE_RULE, LENGTH_DISTANCE, CLASS_LEVEL, WORDS_RATIO = 0.5, 0.3, 0.05, 1.2
_WORD = re.compile(r"\w+")


def evidently_says(reference: Reference, window: Sample) -> dict[str, bool]:
    """DataDriftPreset with its defaults (half of the columns), and the first system's rule on the same report."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(numerical_columns=["length"], categorical_columns=["language", "class"])
    # Its training rows were never answered; lengths and languages of held-out rows are as good a reference.
    now, before = (Dataset.from_pandas(_frame(side), definition) for side in (window, reference.answers))
    found = Report([DataDriftPreset()]).run(now, before)
    count = next(one for one in found.dict()["metrics"] if "DriftedColumnsCount" in str(one.get("metric_name", one)))
    share = float(count["value"]["share"])
    return {"evidently": share >= 0.5, "share rule": share > SHARE_RULE}


def score_says(reference: Reference, window: Sample) -> bool:
    """The second system's rule."""
    from scipy.stats import chi2_contingency, ks_2samp

    before, now = _frame(reference.answers), _frame(window)
    classes = sorted({*before["class"], *now["class"]})
    table = [[int((side["class"] == name).sum()) for name in classes] for side in (before, now)]
    # Vocabularies of as many texts: the number of distinct words grows with them.
    same = reference.answers.texts[: len(window)]
    flags = [
        ks_2samp(before["length"], now["length"]).statistic > LENGTH_DISTANCE,
        len(classes) > 1 and chi2_contingency(table).pvalue < CLASS_LEVEL,
        _distinct(window.texts) / max(_distinct(same), 1) > WORDS_RATIO,
    ]
    return bool(np.mean(flags) > SCORE_RULE)


def _frame(side: Sample) -> Any:
    import pandas as pd

    answered = next(iter(side.targets.values()))
    return pd.DataFrame(
        {
            "length": [len(text) for text in side.texts],
            "language": list(side.languages),
            "class": [answered.labels[best] for best in answered.probabilities.argmax(axis=1)],
        }
    )


def _distinct(texts: tuple[str, ...]) -> int:
    return len({word for text in texts for word in _WORD.findall(text.lower())})
