"""Which tickets are similar: of a LanceDB table where the settings name one, else of the bundle's own index.

Belongs here: the choice between the two for the bundle in the seat, what is wrong with the table.
Does not belong here: reading it (serving/solved.py), the bundle's index (serving/relatives.py).

Whatever is wrong with the table, the bundle's index answers, /healthz says that, and /info why.
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.endpoint.settings import SimilarSettings
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.relatives import NoIndexError, SimilarTicket

if TYPE_CHECKING:
    from ticket_assets.serving.solved import SolvedTickets

# A table that could not be read is tried again after so long: a disk is back, a run has encoded for the new encoder.
RETRY_SECONDS = 30.0
# Opening takes a second or two, most of it lancedb's import; whoever opens it waits no longer than this.
OPENING_SECONDS = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Opened:
    """What came of opening the table: the reader, or why there is none and when to try again (monotonic seconds).

    Attributes:
        wanted: id of the encoder, and the targets whose labels are told.
    """

    wanted: tuple[str, tuple[str, ...]] | None = None
    solved: "SolvedTickets | None" = None
    fault: str | None = None
    again_at: float = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time to try again."""
        return self.fault is not None and time.monotonic() >= self.again_at


class SimilarTickets:
    """Finds similar tickets for whichever bundle answers.

    Args:
        settings: which table, if any.
    """

    def __init__(self, settings: SimilarSettings | None = None) -> None:
        self._settings = settings or SimilarSettings()
        self._opening = threading.Lock()
        self._opened = _Opened()

    def nearest(self, bundle: TriageBundle, ticket: Ticket, limit: int) -> list[SimilarTicket]:
        """The tickets nearest to one, nearest first, with their labels.

        Raises:
            NoIndexError: neither the table nor the bundle can tell.
        """
        opened = self._open(bundle)
        if opened.solved is not None:
            try:
                return self._asked(opened.solved, bundle.vector(ticket), limit)
            # Whatever it is, the bundle's own index can still tell; the reason is told by /info.
            except Exception as error:
                logger.exception("the table of solved tickets cannot be read")
                opened = self._opened = _refused(opened.wanted, str(error))
        try:
            return bundle.similar(ticket, limit)
        except NoIndexError as error:
            raise NoIndexError(f"{error}; {opened.fault}" if opened.fault else str(error)) from None

    def look(self, bundle: TriageBundle) -> None:
        """Open the table for a bundle, or try again when it is time: whoever asks should not wait for it.

        Returns after OPENING_SECONDS at the latest; a disk that answers later is asked from then on.
        """
        self._open(bundle)

    @property
    def fault(self) -> str | None:
        """Why the table is not asked, though the settings name one, from memory; None where all is well."""
        return self._opened.fault

    def _asked(self, solved: "SolvedTickets", vector: np.ndarray, limit: int) -> list[SimilarTicket]:
        try:
            return solved.nearest(vector, limit)
        except (OSError, RuntimeError, ValueError):  # such as files that an erasure has just replaced: they are new now
            return solved.nearest(vector, limit)

    def _open(self, bundle: TriageBundle) -> _Opened:
        encoder, vectors, tickets = bundle.manifest.encoder, self._settings.vectors, self._settings.tickets
        if encoder is None or vectors is None or tickets is None:
            self._opened = _Opened()
            return self._opened
        wanted = (encoder["id"], tuple(bundle.manifest.targets))
        if (self._opened.wanted != wanted or self._opened.is_due) and self._opening.acquire(blocking=False):
            # In a thread that nobody has to wait for to the end: a disk that hangs cannot be interrupted.
            opening = threading.Thread(target=self._try, args=(vectors, tickets, wanted), name="opening", daemon=True)
            opening.start()
            opening.join(OPENING_SECONDS)
            if opening.is_alive():
                self._opened = _refused(wanted, f"{vectors} was not open after {OPENING_SECONDS:g} s")
        opened = self._opened
        return opened if opened.wanted == wanted else _Opened()  # while another opens it: the bundle's own index

    def _try(self, vectors: Path, tickets: Path, wanted: tuple[str, tuple[str, ...]]) -> None:
        try:
            self._opened = _tried(vectors, tickets, wanted)
        finally:
            self._opening.release()


def _tried(vectors: Path, tickets: Path, wanted: tuple[str, tuple[str, ...]]) -> _Opened:
    try:
        from ticket_assets.serving.solved import SolvedTickets, UnfitTableError

        return _Opened(wanted, SolvedTickets.open(vectors, tickets, *wanted))
    except ImportError as error:
        return _refused(
            wanted, f"{error.name or error} is not installed: pip install lancedb (or ticket-assets[lancedb])"
        )
    except UnfitTableError as error:
        return _refused(wanted, str(error))
    except Exception as error:
        logger.exception("the table of solved tickets cannot be opened")
        return _refused(wanted, str(error))


def _refused(wanted: tuple[str, tuple[str, ...]] | None, why: str) -> _Opened:
    fault = f"similar tickets are looked for in the model alone: {why}"
    logger.warning("%s", fault)
    return _Opened(wanted, None, fault, time.monotonic() + RETRY_SECONDS)
