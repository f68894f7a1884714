"""What of a ticket's text is kept: cleaned and masked, as it came, or nothing.

Belongs here: applying the setting to an answer and to a reviewer's comment.
Does not belong here: how personal data is found (tickets/masking.py), which kinds a bundle masks (its manifest).
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Literal

from ticket_assets.serving.prediction_log.records import Answer
from ticket_assets.tickets.cleaning import clean_text

Text = Literal["masked", "plain", "none"]


def as_kept(answer: Answer, text: Text, kinds: Collection[str]) -> Answer:
    """The answer with its subject, body and context as the settings want them kept.

    Cleaned by the function that the models read tickets through: what hides in markup or entities is masked as well.

    Args:
        answer: as it was given.
        text: the setting.
        kinds: of personal data to mask, those of the bundle that answered.

    Raises:
        ValueError: a kind that does not exist.
    """
    if text == "plain":
        return answer
    if text == "none":
        return replace(answer, subject="", body="", context={}, claimed_language=None)
    context = {name: value and clean_text(value, kinds=kinds) for name, value in answer.context.items()}
    subject, body = (clean_text(one, kinds=kinds) for one in (answer.subject, answer.body))
    # Meant for two letters, and yet whatever the sender wrote.
    claimed = answer.claimed_language and clean_text(answer.claimed_language, kinds=kinds)
    return replace(answer, subject=subject, body=body, context=context, claimed_language=claimed)


def comment_as_kept(comment: str | None, text: Text, kinds: Collection[str]) -> str | None:
    """The comment of a correction, as the settings want it kept."""
    if comment is None or text == "none":
        return None
    return comment if text == "plain" else clean_text(comment, kinds=kinds)
