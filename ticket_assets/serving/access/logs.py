"""The log of the service: one JSON object per line.

Belongs here: the form of a line, what never stands in one, putting it in force.
Does not belong here: what is logged (each module, by the standard library's logging).

Every line is escaped by JSON, so that nothing a client sends can begin a line of its own.
"""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import IO, Any

from pydantic import ValidationError

from ticket_assets.serving.access.current import current_request
from ticket_assets.serving.access.refusal import Refusal

MASK = "***"
# Attribute of a log record under which further fields of its line stand: log.info("…", extra={FIELDS: {…}}).
FIELDS = "ticket_assets_fields"
# uvicorn's line stands beside ours and shows the query; alembic tells of its parts at each start.
_SILENT, _TERSE = ("uvicorn.access",), ("alembic",)
_SECRETS = re.compile(
    r"ta_[A-Za-z0-9_-]{16,}"  # keys
    r"|eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"  # JSON web tokens
    r"|\$argon2[a-z]*\$[^\s\"\\]+"  # password hashes
    r"|(?i:(?<=bearer )|(?<=basic ))[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^\s/:@\"\\]*:[^\s@/\"\\]+(?=@)"  # name and password in a URL
)


def masked(text: str) -> str:
    """Without anything that looks like a key, a token or a password."""
    return _SECRETS.sub(MASK, text)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time in UTC, level, logger, message, request id; then the record's own fields, and an exception as one."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := current_request():
            line["request_id"] = request.id
        line.update(getattr(record, FIELDS, {}))
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ValidationError | Refusal):
            # BentoML logs a client's mistake as an error of its own, with the input: that is the ticket's text.
            line.update(level="info", refused=_told(error))
        elif error is not None:
            line["exception"] = _trace(error)
        return masked(json.dumps(line, default=str))


def configure_logging(level: int = logging.INFO, stream: IO[str] | None = None) -> None:
    """Write whatever the process logs as JSON lines to one stream, by default stderr.

    To be called when the service begins, after BentoML has set up its own handlers, which it takes away.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    named = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    for logger in named:
        logger.handlers = [one for one in logger.handlers if not isinstance(one, logging.StreamHandler)]
        logger.propagate = True
    for name in _SILENT:
        logging.getLogger(name).propagate = False
    for name in _TERSE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.root.handlers = [handler]
    logging.root.setLevel(level)


def _told(error: BaseException) -> str:
    """What an exception says, of a wrong input without the input."""
    if isinstance(original := getattr(error, "orig", None), BaseException):
        # SQLAlchemy's error shows the values of its statement: the ticket's text. The driver's own first line does not.
        return f"{type(original).__name__}: {str(original).partition(chr(10))[0]}"
    if isinstance(error, ValidationError):
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in wrong)
    return str(error)


def _place(loc: tuple[int | str, ...]) -> str:
    """Where an input is wrong: names below the first may be the client's own words, such as those of a context."""
    return ".".join(str(part) for at, part in enumerate(loc) if at == 0 or isinstance(part, int))


def _trace(error: BaseException) -> str:
    """The traces of an exception and of those before it, each ending in what it says."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    parts = [f"{''.join(traceback.format_tb(one.__traceback__))}{type(one).__name__}: {_told(one)}" for one in chain]
    return "\n\nwhich led to\n\n".join(reversed(parts))
