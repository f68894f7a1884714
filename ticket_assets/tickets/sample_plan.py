"""What is drawn of generated tickets before a word is written: families, dates, labels, defects.

Belongs here: class shares, the rhythm of the week, who is a relative of whom, label noise, when drift starts.
Does not belong here: the wording (sample_text.py), what the customer hears back (sample.py).

Every array is drawn whether drift is asked for or not, so that the tickets before a drift stay the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ticket_assets.tickets.sample_spec import LANGUAGES, DriftKind, SampleSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

QUEUES = {
    "applications": 0.26,
    "devices": 0.20,
    "accounts": 0.17,
    "network": 0.15,
    "purchasing": 0.12,
    "facilities": 0.10,
}
TYPES = {"failure": 0.37, "request": 0.27, "question": 0.20, "change": 0.16}
PRIORITIES_BY_TYPE = {
    "failure": {"low": 0.17, "normal": 0.47, "high": 0.36},
    "request": {"low": 0.28, "normal": 0.50, "high": 0.22},
    "question": {"low": 0.38, "normal": 0.45, "high": 0.17},
    "change": {"low": 0.26, "normal": 0.49, "high": 0.25},
}
PRIORITIES = {"low": 0.26, "normal": 0.47, "high": 0.27}
CHANNELS = {"mail": 0.5, "portal": 0.28, "phone": 0.14, "chat": 0.08}
TARGETS = {"queue": QUEUES, "priority": PRIORITIES, "type": TYPES}

_FAMILY_SIZES = {2: 0.25, 3: 0.25, 4: 0.2, 5: 0.15, 6: 0.15}
_FAMILY_DAYS = 21
_RATED = 0.45
# Whoever files the second copy of a ticket copies the first one's label, right or wrong.
_FAMILY_NOISE_FACTOR = 1.6
_WEEKDAYS = np.array([1.15, 1.05, 1.0, 1.0, 0.85, 0.1, 0.06])


def plan(spec: SampleSpec) -> pd.DataFrame:
    """One row per ticket in order of time: what is true of it (`true_...`) and what its labels say.

    `family` and `member` name the seeds of its wording; `drifted` marks what a drift may change.
    """
    rng = np.random.default_rng(spec.seed)
    sizes = _family_sizes(spec, rng)
    first = np.cumsum(sizes) - sizes
    family = np.repeat(np.arange(len(sizes)), sizes)
    member = np.arange(spec.rows) - first[family]
    begins = (np.arange(len(sizes)) + rng.random(len(sizes))) / len(sizes)
    spread = rng.random(spec.rows) * np.minimum(_FAMILY_DAYS / _days(spec), 1 - begins[family])
    created_at = _timestamps(spec.start, _day_at(spec, begins[family] + np.where(member == 0, 0.0, spread)), rng)
    latest = np.maximum.reduceat(created_at.asi8, first)

    order = np.argsort(latest, kind="stable")
    families = _families(replace(spec, drift=None), sizes, begins, order)
    if spec.drift:
        # Dealing looks back, so a drift would leak into families that began before it: keep those.
        with_drift = _families(spec, sizes, begins, order)
        families[with_drift["drifted"]] = with_drift[with_drift["drifted"]]
    rows = families.loc[family].reset_index(drop=True)
    rows.insert(0, "family", family)
    rows.insert(1, "member", member)
    rows["created_at"] = created_at
    rows["channel"] = _pick(CHANNELS, rng.random(spec.rows))
    wrongly = rng.random(spec.rows) < spec.declared_wrong
    rows["declared"] = np.where(wrongly, _pick(dict.fromkeys(LANGUAGES, 1.0), rng.random(spec.rows)), rows["language"])
    rows["defect"] = rng.random(spec.rows)
    rows["effort"] = rng.standard_normal(spec.rows)
    rows["mood"] = rng.random(spec.rows)
    rows["rated"] = rng.random(spec.rows) < _RATED
    return rows.sort_values(["created_at", "family", "member"], ignore_index=True)


def drift_start(spec: SampleSpec) -> pd.Timestamp:
    """Midnight of the first day on which the drift of the specification shows; nothing earlier changes."""
    share = spec.drift.start_share if spec.drift else 1.0
    day = int(_day_at(spec, np.array([share]))[0])
    return pd.Timestamp(spec.start, tz="UTC") + pd.Timedelta(days=day)


def _family_sizes(spec: SampleSpec, rng: np.random.Generator) -> Integers:
    wanted = round(spec.rows * spec.family_share)
    largest = max(2, min(max(_FAMILY_SIZES), spec.rows // 400))
    sizes = np.minimum(rng.choice(list(_FAMILY_SIZES), size=wanted, p=list(_FAMILY_SIZES.values())), largest)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), wanted, side="right"))]
    singles = np.ones(spec.rows - int(sizes.sum()), dtype=np.int64)
    return rng.permutation(np.concatenate([sizes, singles]))


def _families(spec: SampleSpec, sizes: Integers, begins: Floats, order: Integers) -> pd.DataFrame:
    """One row per family; labels are dealt in order of the latest ticket, where a time-ordered split cuts."""
    rng = np.random.default_rng([spec.seed, 1])
    sizes, count, drift = sizes[order], len(sizes), spec.drift
    start = _day_at(spec, np.array([drift.start_share if drift else 1.0]))[0]
    drifted = (_day_at(spec, begins[order]) >= start) & (drift is not None)

    def deal(shares: Mapping[str, float], kind: DriftKind) -> NDArray[np.object_]:
        later = _reversed(shares, drift.strength if drift and drift.kind == kind else 0.0)
        expected = np.where(drifted[:, None], list(later.values()), list(shares.values()))
        return _dealt(list(shares), expected, sizes, rng.random(count))

    frame = pd.DataFrame({"drifted": drifted, "product_draw": rng.random(count)})
    frame["language"] = deal(spec.languages, "language_mix")
    frame["true_queue"] = deal(QUEUES, "class_mix")
    frame["true_type"] = deal(TYPES, "class_mix")
    priorities = np.array([[PRIORITIES_BY_TYPE[kind][name] for name in PRIORITIES] for kind in frame["true_type"]])
    frame["true_priority"] = _dealt(list(PRIORITIES), priorities, sizes, rng.random(count))
    chance = drift.strength if drift and drift.kind == "new_topic" else 0.0
    frame["new_topic"] = drifted & (rng.random(count) < chance)
    for target, shares in TARGETS.items():
        true = frame[f"true_{target}"].to_numpy()
        frame[target] = _with_noise(true, _noise_rate(spec, sizes), sizes, shares, rng.random((2, count)))
    return frame.set_axis(order).sort_index()


def _dealt(names: list[str], expected: Floats, sizes: Integers, draws: Floats) -> NDArray[np.object_]:
    """A class per family, drawn from those that are behind their expected number of tickets.

    Independent draws would let a class share of a few hundred tickets wander by more than the three points
    that a time-ordered split allows. Single tickets and families are dealt apart: a split cuts them at
    different places.
    """
    chosen = np.empty(len(sizes), dtype=np.int64)
    owed = {True: [0.0] * len(names), False: [0.0] * len(names)}
    for at, (shares, size, draw) in enumerate(zip(expected.tolist(), sizes.tolist(), draws.tolist(), strict=True)):
        behind = owed[size > 1]
        for label, share in enumerate(shares):
            behind[label] += share * size
        weights = [max(debt, 0.0) ** 2 if share > 0 else 0.0 for debt, share in zip(behind, shares, strict=True)]
        label = _weighted(weights if any(weights) else shares, draw)
        behind[label] -= size
        chosen[at] = label
    return np.array(names, dtype=object)[chosen]


def _weighted(weights: list[float], draw: float) -> int:
    point, last = draw * sum(weights), 0
    for label, weight in enumerate(weights):
        if weight > 0:
            point, last = point - weight, label
            if point < 0:
                break
    return last


def _noise_rate(spec: SampleSpec, sizes: Integers) -> Floats:
    related = float(sizes[sizes > 1].sum() / sizes.sum())
    in_family = min(_FAMILY_NOISE_FACTOR, 1 / max(related, 1e-9))
    alone = (1 - related * in_family) / max(1 - related, 1e-9)
    return spec.label_noise * np.where(sizes > 1, in_family, alone)


def _with_noise(
    true: NDArray[np.object_], rate: Floats, sizes: Integers, shares: dict[str, float], draws: Floats
) -> NDArray[np.object_]:
    """Labels of which a share is wrong; each class loses and gains in proportion, so that the shares hold."""
    noisy = true.copy()
    wrong = np.zeros(len(true), dtype=bool)
    for label in shares:
        of_label = true == label
        odds = np.column_stack([rate, 1 - rate])[of_label]
        wrong[of_label] = _dealt(["wrong", "right"], odds, sizes[of_label], draws[0, of_label]) == "wrong"
    others = np.array([[0.0 if name == label else share for name, share in shares.items()] for label in true[wrong]])
    if len(others):
        others /= others.sum(axis=1, keepdims=True)
        noisy[wrong] = _dealt(list(shares), others, sizes[wrong], draws[1, wrong])
    return noisy


def _pick(shares: dict[str, float], draws: Floats) -> NDArray[np.object_]:
    names = np.array(list(shares), dtype=object)
    edges = np.cumsum(list(shares.values()))
    return names[np.minimum(np.searchsorted(edges / edges[-1], draws, side="right"), len(names) - 1)]


def _reversed(shares: Mapping[str, float], strength: float) -> dict[str, float]:
    """The shares, moved by `strength` towards the same shares dealt out in reverse order of size."""
    order = sorted(shares, key=shares.__getitem__)
    turned = dict(zip(order, sorted(shares.values(), reverse=True), strict=True))
    return {name: (1 - strength) * share + strength * turned[name] for name, share in shares.items()}


def _days(spec: SampleSpec) -> int:
    return (pd.Timestamp(spec.start) + pd.DateOffset(months=spec.months) - pd.Timestamp(spec.start)).days


def _day_at(spec: SampleSpec, share: Floats) -> Integers:
    """Day of the period by which this share of all tickets has arrived: weekends are short."""
    weights = _WEEKDAYS[(spec.start.weekday() + np.arange(_days(spec))) % 7]
    edges = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(edges, share, side="right"), len(edges) - 1)


def _timestamps(start: date, day: Integers, rng: np.random.Generator) -> pd.DatetimeIndex:
    """Moments in UTC: two bumps of office hours and a thin stream at night."""
    count = len(day)
    hour = np.where(rng.random(count) < 0.55, rng.normal(9.6, 1.2, count), rng.normal(14.3, 1.5, count))
    hour = np.where(rng.random(count) < 0.06, rng.random(count) * 24, hour)
    seconds = (np.clip(hour, 0, 23.99) * 3600).astype("timedelta64[s]")
    return pd.DatetimeIndex(np.datetime64(start, "us") + day.astype("timedelta64[D]") + seconds, tz="UTC")
