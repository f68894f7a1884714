"""What the drift benchmark does to the text of a ticket.

Belongs here: typing errors, cut texts, renamed products; seeded.
Does not belong here: how many tickets of a window it is done to (drift_kinds.py).
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_WORD = re.compile(r"\w+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Of 100 letters so many are hit: about every third word. Damerau (1964): nearly all misspellings are one of these four.
TYPO_SHARE = 0.05
KEPT_SHARE = 0.5
_SYLLABLES = ("zen", "qua", "vor", "lyx", "tri", "mo", "kest", "ula", "prax", "nim", "dra", "fyn")
# Words of the desk by rank of frequency, from four letters: common enough to be there, none of them grammar alone.
_RENAMED = slice(60, 140)


@dataclass(frozen=True)
class Perturbation:
    """What is known of the whole pool: which words a new vendor names otherwise, and how."""

    renamed: dict[str, str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Perturbation":
        """Coin a name for each of 80 common words."""
        counted = Counter(word for text in texts for word in set(_WORD.findall(text.lower())) if len(word) > 3)
        words = [word for word, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))[_RENAMED]]
        rng = np.random.default_rng(14)
        return cls({word: "".join(rng.choice(_SYLLABLES, 3)) for word in words})


def with_typos(_: Perturbation, text: str, rng: np.random.Generator) -> str:
    """Letters swapped with the next, left out, doubled or replaced."""
    made: list[str] = []
    place = 0
    while place < len(text):
        letter = text[place]
        if letter.isalpha() and rng.random() < TYPO_SHARE:
            way = rng.integers(4)
            if way == 0 and place + 1 < len(text):
                made += [text[place + 1], letter]
                place += 1
            elif way == 1:
                made += [letter, letter]
            elif way == 2:
                made.append(_LETTERS[rng.integers(26)])
        else:
            made.append(letter)
        place += 1
    return "".join(made)


def cut_short(_: Perturbation, text: str, rng: np.random.Generator) -> str:
    """The first half."""
    return text[: max(1, int(KEPT_SHARE * len(text)))].rstrip() or text


def with_vendor(known: Perturbation, text: str, rng: np.random.Generator) -> str:
    """Common words of the desk under the names of a new vendor."""
    return _WORD.sub(lambda word: known.renamed.get(word[0].lower(), word[0]), text)


PERTURBED: dict[str, Callable[[Perturbation, str, np.random.Generator], str]] = {
    "typos": with_typos,
    "length": cut_short,
    "vendor": with_vendor,
}
