"""The overall decision on a window: every test that its rows allow, corrected together.

Belongs here: what is computed once of a reference, the run over all tests, correction, verdicts, notes.
Does not belong here: the tests (beside this module), which rows form a window or a reference (window.py, reference.py),
what follows from a window (decision.py).
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ticket_assets.monitoring.drift import answers, inputs, vectors
from ticket_assets.monitoring.drift.correction import weighted_holm
from ticket_assets.monitoring.drift.mean_difference import Permutations
from ticket_assets.monitoring.drift.outcome import Outcome, chance
from ticket_assets.monitoring.drift.relatives import CUT, Relatives
from ticket_assets.monitoring.drift.vector_features import FourierFeatures, usable, whitened
from ticket_assets.monitoring.drift.word_features import hashed_words, unseen_shares, vocabulary, weighted_words
from ticket_assets.monitoring.sample import Reference, Sample
from ticket_assets.monitoring.verdict import DriftSummary, Finding, Verdict
from ticket_assets.monitoring_settings import DriftRule, WindowSettings

# Below, held-out texts say too little of unseen words, and training texts speak for themselves.
_LEAST_HELD_OUT = 200


@dataclass(frozen=True)
class Detector:
    """All that is costly about a champion's reference, ready to judge windows.

    Attributes:
        inputs: training rows that are compared, sampled.
        answers: held-out rows that are compared, sampled.
        rule: levels and permutations.
        size: least and most rows of a window.
        seed: of samples and permutations.
        cut: cosine of near-duplicates.
    """

    inputs: Sample
    answers: Sample
    rule: DriftRule
    size: WindowSettings
    seed: int
    cut: float
    _notes: tuple[str, ...]
    _relatives: tuple[Relatives, Relatives]
    _words: Any
    _unseen: np.ndarray
    _known: frozenset[str]
    _whose: str
    _vectors: np.ndarray | None
    _fourier: FourierFeatures | None

    @classmethod
    def fit(
        cls, reference: Reference, rule: DriftRule, seed: int, size: WindowSettings | None = None, cut: float = CUT
    ) -> "Detector":
        """Do once what windows share.

        Args:
            reference: of the champion.
            rule: levels and permutations.
            seed: of samples and permutations.
            size: least and most rows that are compared; its defaults without.
            cut: cosine from which on two texts are near-duplicates: the profile's `families.cut`.
        """
        size = size or WindowSettings()
        notes: list[str] = []
        given = _sampled(reference.inputs, size.max_rows, seed, "the reference", notes)
        held_out = _sampled(reference.answers, size.max_rows, seed, "the hold-out", notes)
        known = vocabulary(given.texts)
        if len(held_out) >= _LEAST_HELD_OUT:
            unseen, whose = unseen_shares(held_out.texts, known), "of a held-out text's"
        else:  # leave one out: a word of one training text would be unseen without it
            shared = {word for word, texts in known.items() if texts > 1}
            unseen, whose = unseen_shares(given.texts, shared), "of a training text's were in no other"
        held = None
        if given.vectors is not None and len(given):
            held = np.ascontiguousarray(given.vectors[usable(given.vectors)], dtype=np.float32)
        fourier = FourierFeatures(held, np.random.default_rng(seed)) if held is not None and len(held) else None
        words = hashed_words(given.texts) if len(given) else None
        relatives = (Relatives.among(given.texts, cut), Relatives.among(held_out.texts, cut))
        its = (cut, tuple(notes), relatives, words, unseen, frozenset(known), whose, held, fourier)
        return cls(given, held_out, rule, size, seed, *its)

    def judge(self, window: Sample, of_rows: int | None = None) -> DriftSummary:
        """Run every test that the rows allow.

        Args:
            window: its rows; of more than `size.max_rows` a seeded sample is compared.
            of_rows: rows of the window before the caller sampled it; none where it did not.

        Returns:
            UNJUDGED without findings where window or reference has too few rows.
        """
        notes = list(self._notes)
        total = len(window) if of_rows is None else of_rows
        if total > len(window):
            notes.append(f"{len(window):,} of the window's {total:,} rows were read")
        compared = _sampled(window, self.size.max_rows, self.seed, "the window", notes)
        facts = {"rows": len(compared), "of_rows": total, "reference_rows": len(self.inputs)}
        for name, rows in (("window", len(compared)), ("reference", len(self.inputs))):
            if rows < self.size.min_sample:
                notes.append(f"the {name} has {rows:,} rows, fewer than window.min_sample = {self.size.min_sample:,}")
                return DriftSummary(Verdict.UNJUDGED, findings=(), notes=tuple(notes), **facts)
        # Of the window's own rows, so that chance does not strike every window of a champion alike.
        key = zlib.crc32("\n".join(compared.ids).encode())
        rng = np.random.default_rng([self.seed, key])
        its = Relatives.among(compared.texts, self.cut)
        of_inputs = self._of_inputs(compared, its, rng, notes)
        findings = self._judged([*of_inputs, *self._of_answers(compared, its, rng, notes)])
        worst = max((one.verdict for one in findings), key=list(Verdict).index, default=Verdict.PASS)
        return DriftSummary(worst, findings=findings, notes=tuple(notes), **facts)

    def _of_inputs(
        self, window: Sample, its: Relatives, rng: np.random.Generator, notes: list[str]
    ) -> Iterator[Outcome]:
        permutations = self.rule.permutations
        apart = sorted({*self.inputs.column_names, *self.inputs.context} ^ {*window.column_names, *window.context})
        if apart:
            notes.append(f"not compared, as one side has them alone: {', '.join(apart)}")
        shares = (self._relatives[0].share, its.share)
        of_unseen = (self._relatives[len(self.answers) >= _LEAST_HELD_OUT].share, its.share)
        length = inputs.text_length(self.inputs, window, shares)
        unseen = inputs.unseen_words(self._unseen, unseen_shares(window.texts, self._known), self._whose, of_unseen)
        yield from (one for one in (length, unseen) if one is not None)
        yield from inputs.columns(self.inputs, window, shares)
        yield from inputs.categories(self.inputs, window, permutations, rng, shares)
        membership = Permutations(self._relatives[0].blocks, its.blocks, permutations, rng)
        words = weighted_words(self._words, hashed_words(window.texts))
        if words.shape[1]:
            yield vectors.words_outcome(membership.compare(words))
        yield from self._of_vectors(window, its, membership, rng, notes)

    def _of_vectors(
        self, window: Sample, its: Relatives, membership: Permutations, rng: np.random.Generator, notes: list[str]
    ) -> Iterator[Outcome]:
        if self.inputs.vectors is None or self._vectors is None or self._fourier is None or window.vectors is None:
            notes.append("embeddings were not compared: the models or the window have no vectors")
            return
        kept = usable(window.vectors)
        held = window.vectors[kept]
        if len(held) < len(window):
            notes.append(f"embeddings: {len(window) - len(held):,} rows without a vector were left out")
        if held.shape[1] != self._vectors.shape[1] or min(len(held), len(self._vectors)) < self.size.min_sample:
            notes.append("embeddings were not compared: too few vectors, or of another encoder")
            return
        if (len(self._vectors), len(held)) != (membership.m, membership.n):
            usual = self._relatives[0].take(usable(self.inputs.vectors))
            membership = Permutations(usual.blocks, its.take(kept).blocks, self.rule.permutations, rng)
        both = np.vstack([self._vectors, held]).astype(np.float32)
        yield vectors.whitened_outcome(membership.compare(whitened(both)))
        yield vectors.mmd_outcome(membership.compare(self._fourier(both)))

    def _of_answers(
        self, window: Sample, its: Relatives, rng: np.random.Generator, notes: list[str]
    ) -> Iterator[Outcome]:
        permutations, shares = self.rule.permutations, (self._relatives[1].share, its.share)
        for target, now in window.targets.items():
            before = self.answers.targets.get(target)
            if before is None or len(self.answers) < self.size.min_sample:
                notes.append(f"{target}: answers were not compared, as too few held-out ones are known")
                continue
            if answers.only_errors_told(now):
                notes.append(f"{target}: only corrections were told, no confirmation: nothing is said of errors")
            found = (
                answers.predictions(target, before, now, permutations, rng, shares),
                answers.confidence(target, before, now, shares),
                answers.true_classes(target, before, now, permutations, rng, shares),
                answers.errors(target, before, now, shares),
            )
            yield from (one for one in found if one is not None)

    def _judged(self, outcomes: list[Outcome]) -> tuple[Finding, ...]:
        groups = [one.group for one in outcomes]
        adjusted = weighted_holm([one.p_value for one in outcomes], [1 / groups.count(one) for one in groups])
        found = [self._finding(one, float(p), len(outcomes)) for one, p in zip(outcomes, adjusted, strict=True)]
        return tuple(sorted(found, key=lambda one: (one.adjusted, one.p_value)))

    def _finding(self, one: Outcome, adjusted: float, tests: int) -> Finding:
        verdict = Verdict.PASS
        if adjusted <= self.rule.sure_alpha:
            verdict = Verdict.ALARM
        elif adjusted <= self.rule.alpha:
            verdict = Verdict.WARN
        words = f"{one.subject}: {one.said}; {chance(one.p_value)}, {adjusted:.2g} corrected for {tests} tests"
        return Finding(
            kind=one.kind,
            subject=one.subject,
            test=one.test,
            statistic=one.statistic,
            effect=one.effect,
            effect_name=one.effect_name,
            p_value=one.p_value,
            adjusted=adjusted,
            verdict=verdict,
            words=words,
        )


def _sampled(rows: Sample, most: int, seed: int, what: str, notes: list[str]) -> Sample:
    """At most so many rows, drawn with a seed, in their order; a note where it drew."""
    if len(rows) <= most:
        return rows
    notes.append(f"of {what}, {most:,} of {len(rows):,} rows were drawn at random with seed {seed}")
    return rows.take(np.sort(np.random.default_rng(seed).permutation(len(rows))[:most]))
