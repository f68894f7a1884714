"""Corrections of a profile: read from its service's prediction log, wherever the settings say that it lies.

Belongs here: finding the log, reading what training wants of it, saying that it is down without credentials.
Does not belong here: the statements (prediction_log/corrections.py), which corrections hold (tickets/feedback.py).
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Engine

from ticket_assets.serving.endpoint.settings import log_of
from ticket_assets.serving.prediction_log.corrections import NOTHING, Correction, corrections_in, fingerprint
from ticket_assets.serving.prediction_log.schema import reached
from ticket_assets.storage import ProfileFolders

T = TypeVar("T")


def read_corrections(folders: ProfileFolders) -> Sequence[Correction]:
    """All corrections, superseded ones too; none where there is no log.

    Raises:
        StoreDownError: the log cannot be reached, or is of a newer version. Trained without its corrections, a model
            would look like one that nobody had corrected.
    """
    return _asked(folders, corrections_in, [])


def corrections_fingerprint(folders: ProfileFolders) -> str:
    """What tells whether there are other corrections than before; NOTHING where there are none.

    Raises:
        StoreDownError: the log cannot be reached, or is of a newer version.
    """
    return _asked(folders, fingerprint, NOTHING)


def _asked(folders: ProfileFolders, ask: Callable[[Engine], T], nothing: T) -> T:
    log = log_of(folders)
    if log is None:
        return nothing
    with reached(log) as engine:
        return ask(engine)
