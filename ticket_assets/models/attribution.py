"""The reasons of many tickets: contributions in blocks that fit into memory, one explanation per ticket.

Belongs here: which label of a ticket is explained, from which matrix; stems back into words.
Does not belong here: what a contribution is called (reasons.py), what counts over many tickets (explanation.py).

The service answers with it: nothing heavy is imported.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ticket_assets.features.text import FeatureSchema, TicketFeatures
from ticket_assets.models.reasons import Reason, ScoredTicket
from ticket_assets.models.representation import Matrix
from ticket_assets.models.target_model import TargetModel
from ticket_assets.tickets.words import WordRules, counted_words

_WORD = re.compile(r"\w+")
_CELLS = 4_000_000  # of one block of contributions, float64: 32 MB


@dataclass(frozen=True)
class Explanation:
    """Everything that made up one ticket's score for one label.

    Attributes:
        label: class number that is explained, the likeliest.
        base: score before anything of the ticket counts.
        reasons: largest contribution first, whatever its sign.
    """

    label: int
    base: float
    reasons: tuple[Reason, ...]


def explain(
    model: TargetModel,
    features: TicketFeatures,
    schema: FeatureSchema,
    *,
    top: int | None = None,
    matrix: Matrix | None = None,
    spoken: Sequence[Mapping[str, str]] | None = None,
) -> Iterator[Explanation]:
    """Explain the likeliest label of each ticket.

    Args:
        model: of one target.
        features: of n tickets.
        schema: that they were made with.
        top: so many reasons, with their details; None: all of them, without.
        matrix: of the tickets, float32 (n, d); what the model makes of their features where None.
        spoken: per ticket, counted word to the word as it stands in its text (`spoken_words`).
    """
    fitted, vectors = model.representation, features.vectors
    grams = fitted.tfidf.transform(features.documents) if fitted.tfidf else None
    given = fitted.assemble(grams, features) if matrix is None else matrix
    columns = fitted.columns(model.labels, schema.columns, 0 if vectors is None else vectors.shape[1])
    block = max(1, _CELLS // (given.shape[1] * len(model.labels)))
    for start in range(0, len(features), block):
        part = given[start : start + block]
        chosen = model.estimator.scores(part).argmax(axis=1)
        parts = model.inverse_temperature * model.estimator.contributions(part, chosen)
        for row, (label, values) in enumerate(zip(chosen, parts, strict=True), start):
            ticket = ScoredTicket(
                model=model,
                schema=schema,
                label=int(label),
                grams=None if grams is None else grams[row],
                measures=features.columns[row],
                vector=None if vectors is None else vectors[row],
                spoken=spoken[row] if spoken else {},
            )
            yield Explanation(int(label), float(values[-1]), ticket.reasons(columns, values[:-1], top))


def spoken_words(text: str, language: str, rules: WordRules) -> dict[str, str]:
    """Stem to the first word of a cleaned text that has it; empty where words are counted as they stand."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text.lower()) if rules.stem else ():
        found.setdefault(counted_words(word, language, rules), word)
    return found
