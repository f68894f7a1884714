"""The language that a ticket is written in, told from its text; the same for training and for serving.

Belongs here: ISO 639-1 codes from cleaned text.
Does not belong here: the language that a source declares (a column of `schema`; on public help-desk mail a quarter of
the tickets declared German are English), and what follows from a language.

lingua in low-accuracy mode (character trigrams): one ticket takes about 0.1 ms and two languages some 15 MB.
The full mode keeps 100 MB for two and 200 MB for seven languages and agrees on all but 2 in 10,000 tickets;
it is better only below some 40 characters, where `und` is the honest answer more often.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ticket_assets.tickets.cleaning import URL_TOKEN
from ticket_assets.tickets.masking import TOKENS

if TYPE_CHECKING:
    from lingua import LanguageDetector

UNDETERMINED = "und"
"""ISO 639-2 code of a text too short or too mixed to tell."""

# "VPN" is German to any detector that must choose; a short sentence ("Server down") can be told.
_MIN_LETTERS = 10
_READ_CHARS = 300  # agreement with the whole text: 99.99 %; four times as fast
# Lead of the best language over the second, in shares of probability. At 0.5 a mixed line becomes `und`
# (0.1 % of real tickets); at 0.9 `Server down` does.
_MIN_LEAD = 0.5
_REPLACED = re.compile("|".join(map(re.escape, (URL_TOKEN, *TOKENS.values()))))
_PARALLEL_FROM = 32  # texts; below, starting threads costs more than it gives


def detect_languages(texts: Sequence[str], among: tuple[str, ...]) -> list[str]:
    """Return per cleaned text the ISO 639-1 code of its language, or "und" if it is too short or undecided.

    A text in a language outside `among` gets the nearest of them, or "und": name all languages that arrive.
    With one language there is nothing to tell apart, and every text of enough letters gets it. The detector
    is kept per `among`, whose order does not matter; large batches use all cores.

    Args:
        texts: cleaned text per ticket; the first 300 characters are read.
        among: lower-case ISO 639-1 codes, such as ("en", "de").

    Raises:
        ValueError: if `among` is empty or names a language that the detector does not know.
    """
    codes = tuple(sorted(set(among)))
    detector = _detector(codes)
    read = [_words_only(text) for text in texts]
    found = [UNDETERMINED] * len(read)
    decidable = [index for index, text in enumerate(read) if _has_letters(text)]
    if detector is None:
        for index in decidable:
            found[index] = codes[0]
        return found
    candidates = [read[index] for index in decidable]
    if len(candidates) >= _PARALLEL_FROM:
        languages = detector.detect_languages_in_parallel_of(candidates)
    else:
        languages = [detector.detect_language_of(text) for text in candidates]
    for index, language in zip(decidable, languages, strict=True):
        if language is not None:
            found[index] = language.iso_code_639_1.name.lower()
    return found


def _words_only(text: str) -> str:
    return _REPLACED.sub(" ", text[:_READ_CHARS]) if "[" in text else text[:_READ_CHARS]


def _has_letters(text: str) -> bool:
    letters = 0
    for character in text:
        letters += character.isalpha()
        if letters >= _MIN_LETTERS:
            return True
    return False


@lru_cache(maxsize=8)
def _detector(codes: tuple[str, ...]) -> LanguageDetector | None:
    """Return the detector for these languages, None for a single one (lingua refuses to choose among one)."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    if not codes:
        raise ValueError("name at least one language, such as ('en', 'de')")
    unknown = [code for code in codes if not code.islower() or not hasattr(IsoCode639_1, code.upper())]
    if unknown:
        raise ValueError(f"unknown languages {unknown}: name lower-case ISO 639-1 codes that lingua supports")
    if len(codes) == 1:
        return None
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*(getattr(IsoCode639_1, code.upper()) for code in codes))
    return builder.with_low_accuracy_mode().with_minimum_relative_distance(_MIN_LEAD).build()
