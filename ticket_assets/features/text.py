"""The one feature function: what training and serving compute from a ticket as it arrives.

Belongs here: stateless columns and the document that n-grams are counted in.
Does not belong here: anything fitted (models/), vectors (encoder.py), which columns are allowed (leakage.py).

No pandas: the service's request path imports this module.
"""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from ticket_assets.storage import digest
from ticket_assets.tickets.words import WordRules, counted_words

FEATURES_VERSION = "1"

_WORD = re.compile(r"\w+")
_PUNCTUATION = frozenset(string.punctuation)
_MEASURES = (
    "log_characters",
    "log_words",
    "log_lines",
    "mean_word_length",
    "distinct_word_share",
    "upper_share",
    "digit_share",
    "punctuation_share",
    "log_question_marks",
    "log_exclamation_marks",
)


@dataclass(frozen=True)
class FeatureSchema:
    """What the feature function makes: part of a bundle, compared by hash before one is loaded.

    Attributes:
        languages: codes with a column of their own; any other sets none of them.
        context: names of the context values that enter the document as words.
        words: which words of the text enter it.
    """

    languages: tuple[str, ...]
    context: tuple[str, ...] = ()
    words: WordRules = field(default_factory=WordRules)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numeric columns, in order."""
        return (*_MEASURES, *(f"language_{code}" for code in self.languages))

    @property
    def hash(self) -> str:
        """Content hash over everything that changes the features."""
        words = [] if self.words.idle else ["words", repr(self.words)]
        apart = [tag for tag in _context_tags(self.context).values() if not _is_plain(tag)]
        return digest([FEATURES_VERSION, *self.columns, "context", *self.context, *words, *apart])


@dataclass(frozen=True)
class TicketFeatures:
    """Features of n tickets, row by row.

    Attributes:
        documents: n texts for n-grams, context words included.
        columns: float32 (n, len(schema.columns)), no unit, finite.
        vectors: float32 (n, dimensions of the encoder), L2 norm 1; None where no encoder is used.
    """

    documents: tuple[str, ...]
    columns: np.ndarray
    vectors: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.documents)

    def take(self, rows: np.ndarray) -> "TicketFeatures":
        """The features of the given rows (integer positions), in their order."""
        vectors = None if self.vectors is None else self.vectors[rows]
        return TicketFeatures(tuple(self.documents[row] for row in rows), self.columns[rows], vectors)


def text_columns(text: str, language: str, schema: FeatureSchema) -> list[float]:
    """Numeric columns of one cleaned ticket, in the order of `schema.columns`; an empty text gives zeros."""
    words = _WORD.findall(text)
    length = len(text)
    share = 1.0 / length if length else 0.0
    measures = [
        np.log1p(length),
        np.log1p(len(words)),
        np.log1p(text.count("\n") + 1 if text else 0),
        sum(map(len, words)) / len(words) if words else 0.0,
        len({word.lower() for word in words}) / len(words) if words else 0.0,
        sum(map(str.isupper, text)) * share,
        sum(map(str.isdigit, text)) * share,
        sum(character in _PUNCTUATION for character in text) * share,
        np.log1p(text.count("?")),
        np.log1p(text.count("!")),
    ]
    return [*map(float, measures), *(float(language == code) for code in schema.languages)]


def document(text: str, language: str, context: Mapping[str, str | None], schema: FeatureSchema) -> str:
    """The counted words with the context values appended as words of their own: `channel` = mail is `ctx_channel_mail`.

    Where the name of one column begins another's, its words have its number too, `ctx0_channel_mail`: beside a column
    `channel_type`, nobody could tell whose `ctx_channel_type_web` is.

    Args:
        text: cleaned.
        language: detected code.
        context: name to value.
        schema: which values and which words enter.
    """
    text = counted_words(text, language, schema.words)
    tags = _context_tags(schema.context)
    words = ["_".join([tags[name], *_words(value)]) for name in schema.context if (value := context.get(name))]
    return "\n".join([text, " ".join(words)]) if words else text


def context_of(word: str, schema: FeatureSchema) -> tuple[str, str] | None:
    """Name and value that a word of a document stands for, the value as it was counted; None for a word of the text."""
    for name, tag in _context_tags(schema.context).items():
        if _begins(tag, word):
            return name, word.removeprefix(tag).removeprefix("_").replace("_", " ")
    return None


@cache
def _context_tags(context: tuple[str, ...]) -> dict[str, str]:
    """Context name to what its words begin with; none of them begins another."""
    plain = {name: "_".join(["ctx", *_words(name)]) for name in context}
    return {
        name: tag.replace("ctx", f"ctx{place}", 1)
        if any(_begins(tag, other) for its, other in plain.items() if its != name)
        else tag
        for place, (name, tag) in enumerate(plain.items())
    }


def _is_plain(tag: str) -> bool:
    return _begins("ctx", tag)


def _begins(tag: str, word: str) -> bool:
    return word == tag or word.startswith(f"{tag}_")


def _words(said: str) -> list[str]:
    return _WORD.findall(said.lower())


def text_features(
    texts: Sequence[str],
    languages: Sequence[str],
    contexts: Sequence[Mapping[str, str | None]],
    schema: FeatureSchema,
) -> TicketFeatures:
    """Features of cleaned tickets, vectors apart.

    Args:
        texts: n cleaned texts (tickets.cleaning.ticket_text).
        languages: n detected codes.
        contexts: n mappings from context name to value.
        schema: which columns to make.
    """
    columns = np.array(
        [text_columns(text, code, schema) for text, code in zip(texts, languages, strict=True)],
        dtype=np.float32,
    ).reshape(len(texts), len(schema.columns))
    documents = tuple(
        document(text, code, context, schema) for text, code, context in zip(texts, languages, contexts, strict=True)
    )
    return TicketFeatures(documents, columns)
