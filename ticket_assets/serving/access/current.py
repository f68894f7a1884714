"""The request that is being answered: its id and who asks.

Belongs here: the context variable, what an id may look like.
Does not belong here: where it is read from and sent back (http.py, grpc.py), how it is logged (logs.py).
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass

REQUEST_ID_HEADER = "x-request-id"
# What may stand in a header, a log and a file name as it is.
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


@dataclass
class CurrentRequest:
    """The request being answered; whoever learns who asks writes it here.

    One object for all threads and tasks of a request: BentoML answers in a worker thread, which has the context only
    as a copy.
    """

    id: str
    caller: str | None = None


_current: ContextVar[CurrentRequest | None] = ContextVar("ticket_assets_request", default=None)


def current_request() -> CurrentRequest | None:
    """The request that this code answers; None outside of one."""
    return _current.get()


def request_id() -> str:
    """Id of the request being answered; '-' outside of one."""
    request = _current.get()
    return request.id if request else "-"


def note_caller(name: str) -> None:
    """Remember who asks, for the log; of a request that is refused as well."""
    request = _current.get()
    if request:
        request.caller = name


@contextmanager
def answering(given_id: str | None) -> Iterator[CurrentRequest]:
    """Be in a request until the block ends, under the id the client gave if that is a sane one."""
    request = CurrentRequest(given_id if given_id and is_sane(given_id) else uuid.uuid4().hex)
    token = _current.set(request)
    try:
        yield request
    finally:
        with suppress(ValueError):  # a stream that is thrown away is closed in another context, where nothing was set
            _current.reset(token)


def is_sane(given_id: str) -> bool:
    """Whether a client's id is taken over: up to 64 letters, digits and . _ : -, the first no sign."""
    return _SANE.fullmatch(given_id) is not None
