"""Judging the windows that are complete: what the assets of drift and performance do, window by window.

Belongs here: the order of work, which window is next, what is written for each.
Does not belong here: the tests (drift/, performance.py), what is recorded for decisions (history.py).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring.day_tables import TRAINED_ON
from ticket_assets.monitoring.evidently_report import write_report
from ticket_assets.monitoring.judged import Judged, escalated
from ticket_assets.monitoring.performance import (
    LABELLED_SHARE,
    LOW_CONFIDENCE,
    PERFORMANCE,
    Outcome,
    Rules,
    left_to_people,
    live_scores,
)
from ticket_assets.monitoring.promise import promise
from ticket_assets.monitoring.reading import probabilities, window_sample
from ticket_assets.monitoring.reference import Basis
from ticket_assets.monitoring.sample import Sample, TargetSample
from ticket_assets.monitoring.verdict import DriftSummary, Verdict
from ticket_assets.monitoring.window import Plan, Window, plan_windows, read_rows
from ticket_assets.monitoring_settings import MonitoringSettings
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.store import Champion

DATA, EMBEDDING, PREDICTION = "data_drift", "embedding_drift", "prediction_drift"
KINDS = (DATA, EMBEDDING, PREDICTION)
SHARE_WITHOUT_TEXT = 0.5
LATE_WINDOWS = 60
"""In so many windows back labels are looked for that came later."""


class Judge(Protocol):
    """What tests a window (drift.detector.Detector)."""

    def judge(self, window: Sample) -> DriftSummary:
        """Compare a window with the reference."""


@dataclass(frozen=True)
class Bench:
    """What windows are judged with.

    Attributes:
        folder: folders.monitoring.
        bundle: the champion's.
        basis: its reference.
        settings: of the profile.
        since: when the champion took its seat, ISO 8601.
        seed: of samples and resamples.
        former: ids that the bundle had before erasures.
    """

    folder: Path
    bundle: TriageBundle
    basis: Basis
    settings: MonitoringSettings
    since: str
    seed: int
    former: frozenset[str] = frozenset()

    def before(self, name: str, window: Window) -> list[Judged]:
        """What was found of the windows before one, oldest first."""
        found = files.judged_windows(self.folder, name, self.bundle.manifest.id, self.since, self.former)
        return [one for one in found if one.window.first < window.first]

    def rows(self, window: Window) -> tuple[list[dict[str, Any]], str | None]:
        """As of `read_rows`."""
        return read_rows(self.folder, window, self.settings.window.max_rows, self.seed, self.former)

    def read(self, window: Window) -> tuple[Sample, tuple[str, ...], list[dict[str, Any]]]:
        """A window as the champion reads it, what is to be said of it, and its rows."""
        rows, drawn = self.rows(window)
        sample, notes = window_sample(rows, self.bundle)
        return sample, (*((drawn,) if drawn else ()), *notes), rows


def judge_drift(bench: Bench, window: Window, judge: Callable[[], Judge]) -> Judged:
    """Compare a window with the reference, and write summary and report; `judge` is called where it is needed."""
    sample, notes, rows = bench.read(window)
    least = bench.settings.window.min_sample
    is_judged = window.rows >= least and len(sample) >= min(least, window.rows)
    if not is_judged:
        words = f"{window.rows:,} predictions, below the {least:,} that are asked for"
        summary = DriftSummary(
            Verdict.UNJUDGED, len(sample), window.rows, len(bench.basis.reference.inputs), (), (words,)
        )
    else:
        sample, scarce = _without_scarce_labels(sample)
        notes = (*notes, *scarce)
        summary = judge().judge(sample)
        silent = sum(not (row["subject"] or row["body"]) for row in rows)
        if silent > SHARE_WITHOUT_TEXT * len(rows):
            summary = _of_answers_alone(summary, f"the log keeps no text of {silent:,} of {len(rows):,} predictions")
        elif silent:
            notes = (*notes, f"{silent:,} predictions are logged without text")
    summary = replace(summary, of_rows=window.rows, notes=(*bench.basis.notes, *notes, *summary.notes))
    alone = {kind: summary.verdict_of(kind) for kind in KINDS}  # type: ignore[arg-type]
    verdicts, said = escalated(alone, bench.before(files.SUMMARY, window), bench.settings.drift.warnings)
    reasons = [one.words for one in summary.findings if one.verdict in (Verdict.WARN, Verdict.ALARM)]
    found = Judged(window, verdicts, (*said, *reasons), {"summary": json.loads(json.dumps(summary.as_dict()))})
    files.write_judged(bench.folder, files.SUMMARY, found)
    if is_judged:  # behind the verdict, which must not hang on a page for people
        write_report(files.window_folder(bench.folder, window.id), bench.basis.reference, sample)
    return found


def _without_scarce_labels(sample: Sample) -> tuple[Sample, list[str]]:
    """The window without the labels of targets that only some answers have one of, and what is to be said.

    People correct what is wrong: such labels are for performance, and no test of drift sees them.
    """
    targets, notes = dict(sample.targets), []
    for name, its in sample.targets.items():
        told = sum(one is not None for one in its.truth)
        if 0 < told < LABELLED_SHARE * len(its.truth):
            targets[name] = replace(its, truth=(None,) * len(its.truth))
            notes.append(f"{name}: {told:,} of {len(its.truth):,} answers have a label, too few to compare labels")
    return replace(sample, targets=targets), notes


def _of_answers_alone(summary: DriftSummary, why: str) -> DriftSummary:
    """Without the tests of inputs: an empty text is not a short one."""
    kept = tuple(one for one in summary.findings if one.kind == PREDICTION)
    order = list(Verdict)
    worst = max((one.verdict for one in kept), key=order.index, default=Verdict.UNJUDGED)
    notes = (*summary.notes, f"{why}: only answers are compared")
    return replace(summary, findings=kept, verdict=worst, notes=notes)


def judge_performance(bench: Bench, window: Window) -> Judged:
    """Hold a window's answers and the labels that came until now against the promise, and write what was found."""
    before = bench.before(files.PERFORMANCE, window)
    sample, notes, rows = bench.read(window)
    counted = {
        target: {one for its in before for one in its.told["labelled"].get(target, ())} for target in sample.targets
    }
    pool = _labelled(bench, [*(one.window for one in before), window], counted, window, rows)
    answers = bench.basis.reference.answers
    shared = [target for target in sample.targets if target in answers.targets]
    rules = Rules(bench.settings.drift, bench.settings.retrain, max(1, len(shared)), bench.seed)
    scores: dict[str, Outcome] = {}
    shares: dict[str, Outcome] = {}
    used: dict[str, list[str]] = {}
    for target in shared:
        bands = bench.bundle.manifest.bands[target]
        promised = promise(answers.targets[target], bench.basis.families, bands, bench.seed)
        ids, labelled, silent = pool[target]
        live = sample.targets[target]
        scores[target] = live_scores(target, labelled, silent, live, promised, rules)
        # Labels that were too few wait for more.
        used[target] = ids if scores[target].counted else []
        if window.rows >= bench.settings.window.min_sample:
            shares[target] = left_to_people(target, live, bands, promised, rules)
    verdicts = {PERFORMANCE: _worst(scores.values()), LOW_CONFIDENCE: _worst(shares.values())}
    verdicts, said = escalated(verdicts, before, bench.settings.drift.warnings)
    spoken = [one for one in (*scores.values(), *shares.values()) if one.verdict in (Verdict.WARN, Verdict.ALARM)]
    told = {
        "performance": {target: dict(one.figures) for target, one in scores.items()},
        "by_hand": {target: dict(one.figures) for target, one in shares.items() if one.figures},
        "words": [one.words for one in (*scores.values(), *shares.values())],
        "labelled": used,
        "notes": list(notes),
    }
    found = Judged(window, verdicts, (*said, *(one.words for one in spoken)), told)
    files.write_judged(bench.folder, files.PERFORMANCE, found)
    return found


def _labelled(
    bench: Bench,
    windows: Sequence[Window],
    counted: Mapping[str, set[str]],
    window: Window,
    rows: list[dict[str, Any]],
) -> dict[str, tuple[list[str], TargetSample, TargetSample]]:
    """Target to ids and answers of rows with a label that was not counted before, the latest ones, oldest first; and to
    the answers without a label of the windows that those are of."""
    found: dict[str, list[dict[str, Any]]] = {target: [] for target in counted}
    silent: dict[str, list[dict[str, Any]]] = {target: [] for target in counted}
    most = bench.settings.window.max_rows
    for one in reversed(windows[-LATE_WINDOWS:]):
        its = rows if one == window else bench.rows(one)[0]
        for target, taken in found.items():
            told = [row for row in reversed(its) if row.get(f"truth_{target}") and row["id"] not in counted[target]]
            taken += told[: most - len(taken)]
            if told:
                untold = [row for row in its if f"truth_{target}" in row and _is_untold(row, target)]
                silent[target] += untold[: most - len(silent[target])]
    return {
        target: (
            [row["id"] for row in taken[::-1]],
            _pooled(target, taken[::-1], bench.bundle),
            _pooled(target, silent[target], bench.bundle),
        )
        for target, taken in found.items()
    }


def _is_untold(row: Mapping[str, Any], target: str) -> bool:
    """Whether nobody said what is right of an answer; to a ticket that was trained on answers are surer than others."""
    return not row[f"truth_{target}"] and row[f"truth_source_{target}"] != TRAINED_ON


def _pooled(target: str, rows: list[dict[str, Any]], bundle: TriageBundle) -> TargetSample:
    labels = bundle.manifest.targets[target]
    shares, _ = probabilities([row[f"probabilities_{target}"] for row in rows], labels)
    return TargetSample(labels, shares.reshape(len(rows), len(labels)), tuple(row[f"truth_{target}"] for row in rows))


def _worst(outcomes: Any) -> Verdict:
    order = list(Verdict)
    return max((one.verdict for one in outcomes), key=order.index, default=Verdict.UNJUDGED)


def next_windows(bench: Bench, champion: Champion, read_until: datetime) -> Plan:
    """The champion's complete windows that drift was not looked for in."""
    done = files.judged_windows(bench.folder, files.SUMMARY, champion.bundle, champion.since, bench.former)
    number = files.next_number(bench.folder, champion.bundle, bench.former)
    after = done[-1].window.last if done else None
    return plan_windows(bench.folder, champion, bench.settings.window, read_until, number, after, bench.former)
