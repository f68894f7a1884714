"""The wording of generated tickets: a draft per family, and reworded copies of it.

Belongs here: which phrases make a ticket, rewording, typos, markup.
Does not belong here: phrases and slots (sample_slots.py), labels and dates (sample_plan.py).

A draft fixes phrases, choices and slots. A relative of the draft makes some choices anew, changes one slot,
leaves out or moves a sentence, and signs with another name. Phrases of foreign classes are mixed in, so that
no single phrase gives a label away.
"""

import random
from dataclasses import dataclass
from typing import Any

from ticket_assets.tickets.sample_slots import Parts, Slots, compiled, phrases_of, rename_pattern, topics

# How often a piece of evidence belongs to the ticket's own class; the rest is what makes classes overlap.
_OWN_THING = 0.87
_OWN_DETAIL = 0.87
_OWN_FRAME = 0.91
_OWN_SUBJECT = 0.85
_OWN_IMPACT, _FOREIGN_IMPACT = 0.82, 0.09
_REWORD = 0.35


@dataclass(frozen=True)
class Brief:
    """What a family's tickets are about."""

    language: str
    queue: str
    kind: str
    priority: str
    product: str
    new_topic: bool = False
    renaming: float = 0.0


@dataclass(frozen=True)
class Message:
    """What the customer wrote, and what the desk will answer."""

    subject: str
    body: str
    answer: str


class Draft:
    """The ticket from which a family is made."""

    def __init__(self, brief: Brief, rng: random.Random) -> None:
        self.brief = brief
        self.phrases = phrases_of(brief.language)
        self.slots = Slots(rng, self.phrases, brief.product)
        topic = rng.choice(topics(brief.language, brief.queue, brief.new_topic))
        thing = rng.choice((topic if rng.random() < _OWN_THING else self._foreign_topic(rng))["things"])
        self._thing = thing
        self.subject = self._fix(self._subject(rng), rng)
        self.sentences = [self._fix(each, rng) for each in self._sentences(topic, rng)]
        answer = self._fix(rng.choice(self.phrases["answers"][brief.kind]), rng)
        # Draw every slot now: a relative keeps what the draft says, whichever sentences it shows.
        self.answer = _speak(*answer, self.slots)
        for each in (self.subject, *self.sentences):
            _speak(*each, self.slots)

    def _fix(self, template: str, rng: random.Random) -> tuple[Parts, list[int]]:
        parts = compiled(template.replace("{thing}", self._thing))
        return parts, [_choose(part, rng) for part in parts]

    def _foreign_topic(self, rng: random.Random) -> dict[str, Any]:
        queue = rng.choice([name for name in phrases_of("shared")["products"] if name != self.brief.queue])
        return dict(rng.choice(topics(self.brief.language, queue, False)))

    def _kind(self, own: float, rng: random.Random) -> str:
        kinds = list(self.phrases["frames"])
        return self.brief.kind if rng.random() < own else str(rng.choice(kinds))

    def _subject(self, rng: random.Random) -> str:
        if rng.random() < 0.3:
            return str(rng.choice(self.phrases["vague_subjects"]))
        return str(rng.choice(self.phrases["subjects"][self._kind(_OWN_SUBJECT, rng)]))

    def _sentences(self, topic: dict[str, Any], rng: random.Random) -> list[str]:
        phrases = self.phrases
        sentences = rng.sample(phrases["fillers"], rng.choice((0, 1, 1, 2)))
        sentences.append(rng.choice(phrases["frames"][self._kind(_OWN_FRAME, rng)]))
        for detail in rng.sample(topic["details"], rng.choice((1, 2, 2))):
            own = rng.random() < _OWN_DETAIL
            sentences.append(detail if own else rng.choice(self._foreign_topic(rng)["details"]))
        if rng.random() < 0.75:
            sentences.append(rng.choice(phrases["followups"][self._kind(_OWN_FRAME, rng)]))
        if rng.random() < 0.7:
            sentences.append(rng.choice(phrases["mentions"]))
        if rng.random() < 0.45:
            foreign = rng.choice(self._foreign_topic(rng)["things"])
            sentences.append(rng.choice(phrases["offtopic"]).replace("{other}", foreign))
        for _ in range(rng.choice((1, 2))):
            sentences.append(rng.choice(phrases["impact"][self._impact(rng)]))
        return sentences

    def _impact(self, rng: random.Random) -> str:
        draw = rng.random()
        if draw < _OWN_IMPACT:
            return self.brief.priority
        if draw < _OWN_IMPACT + _FOREIGN_IMPACT:
            return str(rng.choice(("low", "normal", "high")))
        return "unclear"

    def write(self, rng: random.Random, channel: str, first: bool) -> Message:
        """One ticket of the family: the draft itself, or a reworded copy."""
        slots, subject, sentences = self.slots, self.subject, list(self.sentences)
        if not first:
            slots = slots.changed(rng) if rng.random() < 0.6 else slots
            subject = _reworded(subject, rng)
            sentences = [_reworded(each, rng) for each in sentences]
            if len(sentences) > 4 and rng.random() < 0.3:
                sentences.pop(rng.randrange(len(sentences)))
            if rng.random() < 0.5:
                at = rng.randrange(len(sentences) - 1)
                sentences[at], sentences[at + 1] = sentences[at + 1], sentences[at]
        spoken = [_capital(_speak(*each, slots)) for each in sentences]
        title = _speak(*subject, slots)
        if self.brief.renaming:
            title, *spoken = (_renamed(each, self.brief, rng) for each in (title, *spoken))
        title = title.upper() if rng.random() < 0.03 else _capital(title)
        return Message(title, self._laid_out(spoken, channel, rng), self.answer)

    def _laid_out(self, sentences: list[str], channel: str, rng: random.Random) -> str:
        """Greeting, paragraphs, signature; in some tickets typos, markup or escaped line breaks."""
        if rng.random() < 0.12:
            sentences = [_with_typo(each, rng) for each in sentences]
        half = (len(sentences) + 1) // 2
        paragraphs = [" ".join(sentences[:half]), " ".join(sentences[half:])]
        if channel == "mail" or rng.random() < 0.3:
            shared = phrases_of("shared")
            name = f"{rng.choice(shared['first_names'])} {rng.choice(shared['last_names'])}"
            greeting, closing = rng.choice(self.phrases["greetings"]), rng.choice(self.phrases["closings"])
            paragraphs = [greeting, *paragraphs, f"{closing}\n{name}"]
        paragraphs = [each for each in paragraphs if each]
        if channel == "chat" and rng.random() < 0.5:
            paragraphs = [each.lower() for each in paragraphs]
        style = rng.random()
        if style < 0.06:
            return "".join(f"<p>{each.replace(chr(10), '<br>')}</p>" for each in paragraphs)
        if style < 0.12:
            return "\\n\\n".join(paragraphs).replace("\n", "\\n")
        return "\n\n".join(paragraphs)


def _choose(part: str | tuple[str, ...], rng: random.Random) -> int:
    return rng.randrange(len(part)) if isinstance(part, tuple) else 0


def _speak(parts: Parts, choices: list[int], slots: Slots) -> str:
    chosen = (part if isinstance(part, str) else part[at] for part, at in zip(parts, choices, strict=True))
    return "".join(chosen).format_map(slots)


def _reworded(fixed: tuple[Parts, list[int]], rng: random.Random) -> tuple[Parts, list[int]]:
    parts, choices = fixed
    again = (_choose(part, rng) if rng.random() < _REWORD else at for part, at in zip(parts, choices, strict=True))
    return parts, list(again)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _renamed(text: str, brief: Brief, rng: random.Random) -> str:
    renames = phrases_of(brief.language)["renames"]
    return rename_pattern(brief.language).sub(
        lambda match: renames[match[0]] if rng.random() < brief.renaming else match[0], text
    )


def _with_typo(sentence: str, rng: random.Random) -> str:
    """Two neighbouring letters change places, half of the time."""
    letters = [at for at in range(1, len(sentence) - 1) if sentence[at : at + 2].isalpha()]
    if not letters or rng.random() < 0.5:
        return sentence
    at = rng.choice(letters)
    return sentence[:at] + sentence[at + 1] + sentence[at] + sentence[at + 2 :]
