"""Small samples with a known truth: the same tickets always, or so much of something else.

Here: generated words, vectors and answers. Not here: assertions.
"""

import numpy as np

from ticket_assets.features.text import FeatureSchema, text_features
from ticket_assets.monitoring.sample import Reference, Sample, TargetSample

LABELS = ("network", "printer", "payroll")
DIMENSIONS = 16
_SCHEMA = FeatureSchema(("en", "de"))
_COMMON = [f"common{place}" for place in range(60)]
_OWN = {label: [f"{label}{place}" for place in range(40)] for label in (*LABELS, "legal")}


def sample(
    rows: int,
    seed: int,
    *,
    shares: tuple[float, ...] = (0.5, 0.3, 0.2),
    new: float = 0.0,
    german: float = 0.3,
    told: float = 0.0,
    wrong: float = 0.2,
    words: float = 20,
    answers: bool = True,
    vectors: bool = True,
) -> Sample:
    """Rows of three classes; `new` is the share of a fourth that nobody was trained on."""
    rng = np.random.default_rng(seed)
    true = rng.choice([*LABELS, "legal"], rows, p=[*(share * (1 - new) for share in shares), new])
    lengths = 3 + rng.poisson(words, rows)
    texts = [
        " ".join(np.where(rng.random(length) < 0.7, rng.choice(_COMMON, length), rng.choice(_OWN[label], length)))
        for label, length in zip(true, lengths, strict=True)
    ]
    languages = tuple(np.where(rng.random(rows) < german, "de", "en").tolist())
    centres = np.random.default_rng(0).normal(size=(4, DIMENSIONS))
    places = np.array([[*LABELS, "legal"].index(label) for label in true], dtype=int)
    close = centres[places] + rng.normal(size=(rows, DIMENSIONS))
    return Sample(
        ids=tuple(f"{seed}-{row}" for row in range(rows)),
        texts=tuple(texts),
        languages=languages,
        columns=text_features(texts, languages, [{}] * rows, _SCHEMA).columns,
        column_names=_SCHEMA.columns,
        context={"channel": tuple(rng.choice(["mail", "web"], rows).tolist())},
        vectors=(close / np.linalg.norm(close, axis=1, keepdims=True)).astype(np.float32) if vectors else None,
        targets={"queue": _answered(true, rng, told, wrong)} if answers else {},
    )


def reference(seed: int = 1, inputs: int = 900, answers: int = 600) -> Reference:
    """Training rows without answers, held-out rows with answers and truth."""
    return Reference("toy", sample(inputs, seed, answers=False), sample(answers, seed + 10_000, told=1.0))


def _answered(true: np.ndarray, rng: np.random.Generator, told: float, wrong: float) -> TargetSample:
    places = np.array([LABELS.index(label) if label in LABELS else rng.integers(3) for label in true], dtype=int)
    missed = rng.random(len(true)) < wrong
    places = np.where(missed, (places + rng.integers(1, 3, len(true))) % 3, places)
    sure = rng.uniform(0.5, 0.98, len(true))
    probabilities = np.repeat((1 - sure[:, None]) / 2, 3, axis=1)
    probabilities[np.arange(len(true)), places] = sure
    truth = tuple(
        str(label) if known else None for label, known in zip(true, rng.random(len(true)) < told, strict=True)
    )
    return TargetSample(LABELS, probabilities.astype(np.float32), truth)
