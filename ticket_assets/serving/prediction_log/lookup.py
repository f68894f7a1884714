"""Looking a record up wherever it may be: in the store, or still in a journal of any worker.

Belongs here: the order of looks, in which nothing slips through on its way from journal to store; how sure "none" is.
Does not belong here: searching bytes (search.py), statements (store.py), what follows from an answer (log.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ticket_assets.serving.prediction_log.drain import Drain
from ticket_assets.serving.prediction_log.engine import StoreDownError
from ticket_assets.serving.prediction_log.feedback import Given
from ticket_assets.serving.prediction_log.journal import Journal
from ticket_assets.serving.prediction_log.records import FeedbackRecord, PredictionRecord
from ticket_assets.serving.prediction_log.search import Found
from ticket_assets.serving.prediction_log.store import Store

# A spool of 512 MiB takes a quarter of a second where the file cache has it.
SEARCH_SECONDS = 5.0
T = TypeVar("T")


@dataclass(frozen=True)
class Look(Generic[T]):
    """What a look found.

    Attributes:
        found: None: nothing.
        sure: whether nothing means that there is none; else a part could not be asked.
    """

    found: T | None
    sure: bool = True


class Lookup:
    """Asks the store and the journals; safe to use from several threads."""

    def __init__(self, store: Store, journal: Journal, drain: Drain) -> None:
        self._store, self._journal, self._drain = store, journal, drain

    def prediction(self, prediction_id: str) -> Look[PredictionRecord]:
        """A prediction by its id."""
        return self._look(prediction_id, self._store.find, PredictionRecord.KIND, PredictionRecord.from_payload)

    def correction(self, feedback_id: str) -> Look[Given]:
        """What a correction said that was taken under an id."""
        return self._look(
            feedback_id,
            self._store.given,
            FeedbackRecord.KIND,
            lambda payload: Given.of(FeedbackRecord.from_payload(payload)),
        )

    def _look(
        self, its_id: str, written: Callable[[str], T | None], kind: str, made: Callable[[Mapping[str, Any]], T]
    ) -> Look[T]:
        if self._drain.answers:
            try:
                if (found := written(its_id)) is not None:
                    return Look(found)
                waiting = self._waiting(its_id, kind, made)
                if waiting.found is not None:
                    return waiting
                # Again: it may have left its journal between the two looks.
                return Look(written(its_id), waiting.sure)
            except StoreDownError as error:
                self._drain.noticed(error)
        waiting = self._waiting(its_id, kind, made)
        return Look(waiting.found, sure=waiting.found is not None)

    def _waiting(self, its_id: str, kind: str, made: Callable[[Mapping[str, Any]], T]) -> Look[T]:
        try:
            found: Found = self._journal.search(kind, [its_id], SEARCH_SECONDS)
            payload = found.payloads.get(its_id)
            return Look(None, found.complete) if payload is None else Look(made(payload))
        except (OSError, KeyError, TypeError, ValueError):  # a journal that cannot be read, a line that is no record
            return Look(None, sure=False)
