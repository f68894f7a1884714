"""The kinds of drift of the benchmark, what their strength means, and the windows that have them.

Belongs here: rounds (a champion with its reference, and the tickets that are left for windows), the draw of a window.
Does not belong here: the pools (drift_pools.py), judging (drift.py).
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.drift_pools import Champion, Pool, joined
from ticket_assets.monitoring.sample import Reference, Sample

# Truths are told of so many rows of a window where the kind says nothing else.
TOLD = 0.2
Truth = dict[str, np.ndarray]


@dataclass(frozen=True)
class Sizes:
    """Rows of the reference and of the champion's hold-out."""

    inputs: int = 5000
    held_out: int = 2000


@dataclass(frozen=True)
class Round:
    """One champion: its reference, and the positions in the pool that it has not seen, without the class left out."""

    pool: Pool
    champion: Champion
    reference: Reference
    left: np.ndarray
    new: np.ndarray
    target: str

    @classmethod
    def begin(cls, pool: Pool, number: int, seed: int, sizes: Sizes, left_out: str | None = None) -> "Round":
        """Draw the rows of reference and hold-out by family, none of them perturbed or of the class left out."""
        rng = np.random.default_rng([seed, number])
        target = next(iter(pool.labels))
        rank = rng.permutation(int(pool.families.max()) + 1)[pool.families]
        reserved = np.isin(pool.families, pool.families[pool.reserved])
        new = pool.labels[target] == left_out if left_out else np.zeros(len(pool.families), bool)
        order = np.argsort(rank, kind="stable")
        order = order[~reserved[order] & ~new[order]]
        inputs, rest = _by_family(order, pool.families, sizes.inputs)
        held_out, _ = _by_family(rest, pool.families, sizes.held_out)
        used = np.zeros(len(rank), bool)
        used[np.concatenate([inputs, held_out])] = True
        champion = Champion.fit(pool, inputs)
        truth = {name: tuple(labels[held_out].tolist()) for name, labels in pool.labels.items()}
        answers = champion.answer(pool.rows.take(held_out), truth)
        reference = Reference(f"round-{number}", pool.rows.take(inputs), answers)
        return cls(pool, champion, reference, np.flatnonzero(~used & ~new), np.flatnonzero(new), target)


class PoolTooSmallError(ValueError):
    """Without a class, or of few rows, a pool does not suffice for reference and hold-out."""


@dataclass(frozen=True)
class Drawn:
    """Rows of a window: positions in the pool, of the reserved ones that are perturbed; what is told of them."""

    rows: np.ndarray
    perturbed: str | None = None
    places: np.ndarray = field(default_factory=lambda: np.array([], dtype=int))
    told: float = 0.0
    swap: tuple[str, str] | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of drift.

    Attributes:
        pools: that it applies to.
        strength: what it is the share of.
        draw: round, strength, rows, index of the window, rng to rows.
    """

    pools: tuple[str, ...]
    strength: str
    draw: Callable[[Round, float, int, int, np.random.Generator], Drawn]
    left_out: str | None = None


def window(kind: str, one: Round, strength: float, n: int, index: int, seed: int) -> Sample:
    """Window number `index` of a kind, with the champion's answers; the same for the same arguments."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{kind} {strength} {n}".encode()), index])
    return made(KINDS[kind].draw(one, strength, n, index, rng), one, f"{kind}-{strength}-{n}-{index}", rng)


def made(drawn: Drawn, one: Round, name: str, rng: np.random.Generator) -> Sample:
    """Rows of a draw with answers and the truth that is told."""
    parts, sources = [one.pool.rows.take(drawn.rows)], [drawn.rows]
    if drawn.perturbed:
        parts.append(one.pool.perturbed[drawn.perturbed].take(drawn.places))
        sources.append(one.pool.reserved[drawn.places])
    rows = joined(parts)
    positions = np.concatenate(sources)
    known = rng.random(len(rows)) < drawn.told
    truth = {}
    for target, labels in one.pool.labels.items():
        its = labels[positions]
        if drawn.swap and target == one.target:
            first, second = drawn.swap
            its = np.where(its == first, second, np.where(its == second, first, its))
        truth[target] = tuple(label if told else None for label, told in zip(its.tolist(), known, strict=True))
    # Ids name the window: its permutations are its own.
    named = Sample(tuple(f"{name}-{row}" for row in rows.ids), *(getattr(rows, field) for field in _FIELDS))
    return one.champion.answer(named, truth)


_FIELDS = ("texts", "languages", "columns", "column_names", "context", "vectors")


def _by_family(order: np.ndarray, families: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The first rows of an order, whole families of them, and the rest."""
    if most >= len(order):
        raise PoolTooSmallError(f"{len(order):,} rows are left of the pool, {most:,} are wanted")
    end = most
    while end < len(order) and families[order[end]] == families[order[end - 1]]:
        end += 1
    return order[:end], order[end:]


def _some(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(rows, n, replace=len(rows) < n)


def _usual(one: Round, strength: float, n: int, index: int, rng: np.random.Generator) -> Drawn:
    """Nothing moved; in every other window some truths are told, so that those tests have their say too."""
    return Drawn(_some(one.left, n, rng), told=TOLD if index % 2 else 0.0)


def _new_topic(one: Round, strength: float, n: int, index: int, rng: np.random.Generator) -> Drawn:
    replaced = round(strength * n)
    return Drawn(np.concatenate([_some(one.left, n - replaced, rng), _some(one.new, replaced, rng)]))


def _class_mix(one: Round, strength: float, n: int, index: int, rng: np.random.Generator) -> Drawn:
    labels, replaced = one.pool.labels[one.target], round(strength * n)
    classes = np.unique(labels[one.left].astype(str))
    of_one = one.left[labels[one.left] == classes[index % len(classes)]]
    return Drawn(np.concatenate([_some(one.left, n - replaced, rng), _some(of_one, replaced, rng)]))


def _language_mix(one: Round, strength: float, n: int, index: int, rng: np.random.Generator) -> Drawn:
    replaced = round(strength * n)
    german = one.left[np.array(one.pool.rows.languages, object)[one.left] == "de"]
    return Drawn(np.concatenate([_some(one.left, n - replaced, rng), _some(german, replaced, rng)]))


def _label_shift(one: Round, strength: float, n: int, index: int, rng: np.random.Generator) -> Drawn:
    """The share of the window is drawn with the commonest class as rare as the rarest was, and so on."""
    replaced = round(strength * n)
    labels = one.pool.labels[one.target][one.left].astype(str)
    classes, counts = np.unique(labels, return_counts=True)
    order = np.argsort(counts)
    turned = np.empty(len(classes))
    turned[order] = np.sort(counts)[::-1] / len(labels)
    weights = (turned / (counts / len(labels)))[np.searchsorted(classes, labels)]
    drawn = rng.choice(one.left, replaced, replace=False, p=weights / weights.sum())
    return Drawn(np.concatenate([_some(one.left, n - replaced, rng), drawn]), told=TOLD)


def _concept_shift(one: Round, strength: float, n: int, index: int, rng: np.random.Generator) -> Drawn:
    classes, counts = np.unique(one.pool.labels[one.target][one.left].astype(str), return_counts=True)
    common = classes[np.argsort(-counts, kind="stable")]
    pairs = [(first, second) for place, first in enumerate(common[:4]) for second in common[place + 1 : 4]]
    return Drawn(_some(one.left, n, rng), told=strength, swap=pairs[index % len(pairs)])


def _perturbed(name: str) -> Callable[[Round, float, int, int, np.random.Generator], Drawn]:
    def draw(one: Round, strength: float, n: int, index: int, rng: np.random.Generator) -> Drawn:
        replaced = round(strength * n)
        usual = np.setdiff1d(one.left, one.pool.reserved)
        return Drawn(_some(usual, n - replaced, rng), name, _some(np.arange(len(one.pool.reserved)), replaced, rng))

    return draw


BOTH = ("it_service", "helpdesk")
NEW_TOPICS = ("Purchase", "Access", "Administrative rights", "Miscellaneous")
NONE = "none"
KINDS: dict[str, Kind] = {
    NONE: Kind(BOTH, "none", _usual),
    **{
        f"new topic: {name}": Kind(("it_service",), "rows of a class that was left out of training", _new_topic, name)
        for name in NEW_TOPICS
    },
    "class mix": Kind(BOTH, "rows replaced by rows of one class", _class_mix),
    "language mix": Kind(("helpdesk",), "rows replaced by German ones, of which 3 in 10 are usual", _language_mix),
    "length": Kind(BOTH, "rows cut to their first half", _perturbed("length")),
    "typos": Kind(BOTH, "rows of which 5 % of the letters are mistyped", _perturbed("typos")),
    "vendor": Kind(BOTH, "rows in which 80 common words have new names", _perturbed("vendor")),
    "label shift": Kind(BOTH, "rows drawn with class shares turned round, 20 % of labels told", _label_shift),
    "concept shift": Kind(BOTH, "labels told, where those of two classes changed places", _concept_shift),
}
