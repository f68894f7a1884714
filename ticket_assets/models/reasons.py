"""Why a model gave a ticket its label, in terms of what a help-desk worker sees: words, context, similar tickets.

Belongs here: turning contributions of columns into reasons; columns that say nothing to people are grouped or resolved.
Does not belong here: the contributions (estimators.py), asking for them (attribution.py).

The service answers with it: nothing heavy is imported. A contribution is in units of the calibrated score, a log-odds:
with all else equal, +0.69 doubles the odds of the label. All reasons of a ticket and the base add up to that score.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import sparse

from ticket_assets.features.text import FeatureSchema, context_of
from ticket_assets.models.representation import Columns, linear_scores
from ticket_assets.models.target_model import TargetModel

Kind = Literal[
    "word",
    "context",
    "similar_tickets",
    "nearest_ticket",
    "measure",
    "language",
    "absent_words",
    "linear_model",
    "wording",
    "meaning",
]
Key = tuple[Kind, str]
# Columns that no one can read one by one, and what they say together.
TOGETHER: dict[str, Key] = {
    "svd": ("wording", "which words stand together"),
    "vector": ("meaning", "meaning of the sentences"),
    "nearest": ("nearest_ticket", "likeness of the nearest ticket"),
}
ABSENT_WORDS: Key = ("absent_words", "words that it does not hold")
MEASURES = {
    "log_characters": "length in characters",
    "log_words": "length in words",
    "log_lines": "number of lines",
    "mean_word_length": "mean length of its words",
    "distinct_word_share": "share of different words",
    "upper_share": "share of capital letters",
    "digit_share": "share of digits",
    "punctuation_share": "share of punctuation",
    "log_question_marks": "question marks",
    "log_exclamation_marks": "exclamation marks",
}
_LANGUAGE = "language_"


@dataclass(frozen=True)
class Reason:
    """One reason for or against a label.

    Attributes:
        kind: what sort of thing it is.
        name: the word, the context column, the label of the similar tickets, …
        contribution: to the calibrated score of the label; positive speaks for it, negative against it.
        detail: the value that it had, for people; may be empty.
    """

    kind: Kind
    name: str
    contribution: float
    detail: str = ""


@dataclass(frozen=True)
class ScoredTicket:
    """One ticket and the score that is explained.

    Attributes:
        model: that scored it.
        schema: its features were made with.
        label: class number that is explained.
        grams: its TF-IDF row, float32 CSR (1, terms); None where the model counts no words.
        measures: its numeric columns, float32.
        vector: its sentence vector; None where the model needs none.
        spoken: counted word to the word as it stands in the text; a word that is missing stands for itself.
    """

    model: TargetModel
    schema: FeatureSchema
    label: int
    grams: sparse.csr_matrix | None
    measures: np.ndarray
    vector: np.ndarray | None
    spoken: Mapping[str, str]

    def reasons(self, columns: Sequence[Columns], values: np.ndarray, top: int | None) -> tuple[Reason, ...]:
        """Reasons, largest first.

        Args:
            columns: of the matrix, in its order.
            values: float64 (d,), what each column adds.
            top: so many reasons, with their details; None: all of them, without.
        """
        total: dict[Key, float] = defaultdict(float)
        start = 0
        for its in columns:
            for key, value in self._told(its, values[start : start + len(its.names)]):
                total[key] += float(value)
            start += len(its.names)
        # By rounded size, so that another batch or another machine's last digit does not change the order.
        keys = sorted((key for key in total if total[key]), key=lambda key: (-round(abs(total[key]), 6), key))
        return tuple(Reason(*key, total[key], "" if top is None else self._detail(key)) for key in keys[:top])

    def _told(self, columns: Columns, values: np.ndarray) -> Iterator[tuple[Key, float]]:
        """What columns of one kind add, by what people call them."""
        if columns.kind in TOGETHER:
            yield TOGETHER[columns.kind], values.sum()
        elif columns.kind == "ngram":
            present = self.grams.indices  # type: ignore[union-attr]
            for one in present:
                yield from self._shared(columns.names[one], float(values[one]))
            yield ABSENT_WORDS, values.sum() - values[present].sum()
        elif columns.kind == "score":
            for place, value in enumerate(values):
                yield from self._words_of_score(place, value)
        elif columns.kind == "vote":
            yield from ((("similar_tickets", name), value) for name, value in zip(columns.names, values, strict=True))
        else:
            yield from ((self._measure(name), value) for name, value in zip(columns.names, values, strict=True))

    def _words_of_score(self, place: int, value: float) -> Iterator[tuple[Key, float]]:
        """Split what the linear model's score for one label adds over the words that made the score what it is.

        Positive parts alone share, in proportion: the rule z+ of Montavon et al. (2017), Explaining nonlinear
        classification decisions with deep Taylor decomposition. Parts of both signs would divide by a score near zero.
        A score that speaks for its own label was raised by its words; one for another label speaks against it.
        """
        weights = self.model.representation.score_weights
        assert weights is not None and self.grams is not None
        raised = (value > 0) == (place == self.label)
        parts = self.grams.data * weights[self.grams.indices, place]
        parts = np.maximum(parts if raised else -parts, 0.0)
        whole = float(parts.sum())
        if not whole:
            yield ("linear_model", self.model.labels[place]), value
            return
        terms = self.model.representation.tfidf.terms  # type: ignore[union-attr]
        for column, part in zip(self.grams.indices, parts, strict=True):
            if part:
                yield from self._shared(terms[column], value * float(part) / whole)

    def _shared(self, term: str, value: float) -> Iterator[tuple[Key, float]]:
        """A word or pair of words as it stands in the ticket; a pair with context values in it is theirs alone."""
        words = term.split(" ")
        contexts = [found[0] for word in words if (found := context_of(word, self.schema))]
        if not contexts:
            yield ("word", " ".join(self.spoken.get(word, word) for word in words)), value
        for name in contexts:
            yield ("context", name), value / len(contexts)

    def _measure(self, name: str) -> Key:
        if not name.startswith(_LANGUAGE):
            return "measure", MEASURES.get(name, name)
        return "language", self._language

    @property
    def _language(self) -> str:
        values = zip(self.schema.columns, self.measures, strict=True)
        codes = [name.removeprefix(_LANGUAGE) for name, value in values if name.startswith(_LANGUAGE) and value]
        return codes[0] if codes else "none of those known"

    def _detail(self, key: Key) -> str:
        """The value that a reason had in this ticket."""
        kind, name = key
        if kind == "similar_tickets":
            return self._counted(name)
        if kind == "linear_model":
            weights, place = self.model.representation.score_weights, self.model.labels.index(name)
            return f"score {linear_scores(self.grams, weights)[0, place]:.2f}"  # type: ignore[arg-type]
        if kind == "measure":
            column = next((one for one, said in MEASURES.items() if said == name), name)
            value = float(self.measures[self.schema.columns.index(column)])
            return f"{np.expm1(value):.0f}" if column.startswith("log_") else f"{value:.2f}"
        return self._context_value(name) if kind == "context" else ""

    def _counted(self, label: str) -> str:
        counts = self._nearest_counts
        return f"{counts[self.model.labels.index(label)]} of the {counts.sum()} nearest training tickets"

    @cached_property
    def _nearest_counts(self) -> np.ndarray:
        index = self.model.representation.neighbours
        assert index is not None and self.vector is not None
        return index.counts(self.vector)

    def _context_value(self, name: str) -> str:
        """The value of a context column, read from the ticket's own n-grams."""
        terms = self.model.representation.tfidf.terms  # type: ignore[union-attr]
        columns = self.grams.indices  # type: ignore[union-attr]
        said = (context_of(word, self.schema) for one in columns for word in terms[one].split(" "))
        return next(one[1] for one in said if one and one[0] == name)
