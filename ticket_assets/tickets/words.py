"""Which words of a ticket are counted: stop words, words of the trade, stems; the same for training and for serving.

Belongs here: the rules of a profile and what they leave of a text.
Does not belong here: the lists (stop_words.py), counting (models/ngrams.py), the text that an encoder reads, which is
always whole: it was trained on sentences.

Snowball's stemmers: pure Python of 400 kB without dependencies, one to a language, and the only ones that all four
languages have in one well-kept package. Loaded they take 13 MB, so only where stems are asked for. A stem takes some 30
microseconds, so they are remembered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ticket_assets.tickets.stop_words import STOP_WORDS

STEMMERS = {"en": "english", "de": "german", "es": "spanish", "fr": "french"}
"""ISO 639-1 code to Snowball's name."""
ANY_LANGUAGE = "any"

_WORD = re.compile(r"\w+")
_REMEMBERED = 50_000  # some 8 MB at most; a desk's whole vocabulary


@dataclass(frozen=True)
class WordRules:
    """What is done to words before they are counted; by default nothing.

    Attributes:
        stop_words: drop function words of the ticket's language.
        stem: cut words to their stem.
        drop: pairs of a language, or "any", and the lower-case words of the trade to drop in it.
    """

    stop_words: bool = False
    stem: bool = False
    drop: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def idle(self) -> bool:
        """Whether they change nothing."""
        return not (self.stop_words or self.stem or any(words for _, words in self.drop))


def counted_words(text: str, language: str, rules: WordRules) -> str:
    """The words of a cleaned text that are counted, lower-case, parted by blanks; the text itself under idle rules.

    Args:
        text: cleaned.
        language: detected code; of one without lists and stemmer, "und" included, only the words for any are dropped.
        rules: of the profile, or of the bundle.
    """
    if rules.idle:
        return text
    dropped = _dropped(language, rules)
    words = [word for word in _WORD.findall(text.lower()) if word not in dropped]
    if rules.stem and language in STEMMERS:
        words = [_stem(word, language) for word in words]
    return " ".join(words)


@lru_cache(maxsize=64)
def _dropped(language: str, rules: WordRules) -> frozenset[str]:
    mine = {word for code, words in rules.drop if code in (language, ANY_LANGUAGE) for word in words}
    return frozenset(mine) | (STOP_WORDS.get(language, frozenset()) if rules.stop_words else frozenset())


@lru_cache(maxsize=_REMEMBERED)
def _stem(word: str, language: str) -> str:
    # What masking put there (`phone_number`) and pasted attachments are no words.
    return word if "_" in word or len(word) > 40 else str(_stemmer(language).stemWord(word))


@lru_cache(maxsize=len(STEMMERS))
def _stemmer(language: str) -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer(STEMMERS[language])
