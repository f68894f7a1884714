"""The packaged phrases of generated tickets, their choices and their slots.

Belongs here: reading sample_phrases/*.toml, cutting a phrase into choices, values for slots.
Does not belong here: which phrases make a ticket (sample_text.py).

A phrase holds `[this|that]` choices and `{slots}`.
"""

import random
import re
import string
import tomllib
from functools import cache
from importlib import resources
from typing import Any

Parts = tuple[str | tuple[str, ...], ...]

_CHOICE = re.compile(r"\[([^\]]*)\]")


@cache
def phrases_of(name: str) -> dict[str, Any]:
    """The packaged phrases of a language, or those that all languages share."""
    file = resources.files("ticket_assets.tickets") / "sample_phrases" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def topics(language: str, queue: str, new: bool) -> list[dict[str, Any]]:
    """What tickets of a queue are about; `new` topics appear only under drift."""
    return [topic for topic in phrases_of(language)["new_topics" if new else "topics"] if topic["queue"] == queue]


def new_topic_queues(language: str) -> list[str]:
    """The queues for which this language has topics that appear only under drift."""
    return [topic["queue"] for topic in phrases_of(language)["new_topics"]]


def products(queue: str | None = None) -> list[str]:
    """Products of a queue, or all of them."""
    by_queue = phrases_of("shared")["products"]
    return [name for each in ([queue] if queue else by_queue) for name in by_queue[each]]


@cache
def compiled(template: str) -> Parts:
    """A phrase cut into plain pieces and choices."""
    pieces = _CHOICE.split(template)
    return tuple(tuple(piece.split("|")) if at % 2 else piece for at, piece in enumerate(pieces))


@cache
def rename_pattern(language: str) -> re.Pattern[str]:
    """Matches the words that a drift of the vocabulary renames."""
    words = "|".join(map(re.escape, phrases_of(language)["renames"]))
    return re.compile(rf"\b({words})\b")


class Slots(dict[str, str]):
    """Slot values, drawn when first asked for."""

    def __init__(self, rng: random.Random, phrases: dict[str, Any], product: str) -> None:
        super().__init__(product=product)
        self._rng, self._phrases = rng, phrases

    def __missing__(self, name: str) -> str:
        self[name] = value = self._draw(name)
        return value

    def _draw(self, name: str) -> str:
        rng, shared = self._rng, phrases_of("shared")
        if name in ("when", "by", "team"):
            return str(rng.choice(self._phrases[name if name != "team" else "teams"]))
        lists = {
            "first": "first_names",
            "last": "last_names",
            "site": "sites",
            "project": "projects",
            "host": "hosts",
        }
        if name in lists:
            value = str(rng.choice(shared[lists[name]]))
            return f"{value.lower()}{rng.randint(1, 40):02d}" if name == "host" else value
        if name == "person":
            return f"{rng.choice(shared['first_names'])} {rng.choice(shared['last_names'])}"
        return _number_like(name, rng)

    def changed(self, rng: random.Random) -> "Slots":
        """A copy in which one slot got a new value."""
        copy = Slots(rng, self._phrases, self["product"])
        copy.update(self)
        copy.pop(rng.choice([name for name in copy if name != "product"] or ["product"]), None)
        copy.setdefault("product", self["product"])
        return copy


def _number_like(name: str, rng: random.Random) -> str:
    match name:
        case "room":
            return f"{rng.choice(string.ascii_uppercase[:8])}{rng.randint(1, 9)}.{rng.randint(10, 60)}"
        case "tag":
            return f"{rng.choice(('NB', 'PR', 'MB', 'WS'))}-{rng.randint(10000, 99999)}"
        case "code":
            return f"{rng.choice(string.ascii_uppercase)}{rng.randint(100, 999)}-{rng.randint(10, 99)}"
        case "version":
            return f"{rng.randint(2, 19)}.{rng.randint(10, 60)}"
        case "few":
            return str(rng.randint(3, 60))
        case "amount":
            return f"{rng.randint(20, 9000)},{rng.randint(10, 99)} EUR"
        case "number":
            return str(rng.randint(100, 99999))
    raise KeyError(f"the phrases use the unknown slot {{{name}}}")
