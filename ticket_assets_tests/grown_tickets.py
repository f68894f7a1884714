"""More tickets than there are: real ones varied, so that the size of a large desk can be tried.

Here: making them, the same at every run; nothing of it is written to the repository. Not here: any test, the generator
of tickets for people who have none (ticket_assets/tickets/sample.py), whose texts are alike by design.
"""

from collections.abc import Sequence

import numpy as np

REWORDED = 0.2  # share of new tickets; as many real ones have a near-duplicate


def grown(texts: Sequence[str], rows: int, seed: int = 11) -> list[str]:
    """The texts, then rewordings of them and tickets put together from pieces of several, up to `rows`.

    A rewording loses or swaps 2 to 25 % of its words. A new ticket is as long as a real one and made of runs of 3 to 11
    words, so that its words and pairs of words are as common as real ones.
    """
    rng = np.random.default_rng(seed)
    words = [text.split() for text in texts]
    words = [its for its in words if its]
    pool = [word for its in words[:5000] for word in its]
    made = list(texts[:rows])
    while len(made) < rows:
        source = words[rng.integers(len(words))]
        made.append(" ".join(_reworded(source, pool, rng) if rng.random() < REWORDED else _new(source, words, rng)))
    return made


def _reworded(source: list[str], pool: list[str], rng: np.random.Generator) -> list[str]:
    rate, fates = rng.uniform(0.02, 0.25), rng.random(len(source))
    kept = [(word, fate) for word, fate in zip(source, fates, strict=True) if fate >= rate / 2]
    return [pool[rng.integers(len(pool))] if fate < rate else word for word, fate in kept]


def _new(source: list[str], words: list[list[str]], rng: np.random.Generator) -> list[str]:
    made: list[str] = []
    while len(made) < len(source):
        piece = words[rng.integers(len(words))]
        start = rng.integers(len(piece))
        made += piece[start : start + int(rng.integers(3, 12))]
    return made[: len(source)]
