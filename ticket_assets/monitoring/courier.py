"""Telling one address: Slack, mail, Discord, Telegram, a webhook, by Apprise.

Belongs here: the message, and saying why it did not arrive without saying the address.
Does not belong here: when it is tried again (outbox.py), what is told (notices.py).

Apprise logs what servers answer, and on its lowest level whole requests. Its lines go nowhere: an address is a secret,
and a server may repeat it.
"""

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ticket_assets.monitoring.outbox import Notice

if TYPE_CHECKING:
    from apprise import Apprise

SECONDS = 10.0  # to connect, and to be answered
_KIND = re.compile(r"[a-z0-9+]+", re.IGNORECASE)
_CODE = re.compile(r"error[ =:]*(?:code )?(\d{3})", re.IGNORECASE)
_TALKATIVE = (
    "apprise",
    "urllib3",
    "requests_oauthlib",
    "oauthlib",
)  # they tell paths of webhooks
_SEVERITY = {"drift": "warning", "promotion": "success", "refusal": "info", "failure": "failure", "recovery": "success"}


def send(address: str, notice: Notice, link: str | None) -> str | None:
    """Tell one address; return why that failed, without a secret in it, or None.

    Args:
        address: Apprise's URL.
        notice: what to tell.
        link: address of the Dagster UI, for a line that leads to the notice's page.
    """
    kind = _KIND.match(address)
    named = f"({kind[0].lower()})" if kind else "(of no kind)"
    body = notice.body + (f"\n\n{link.rstrip('/')}{notice.page}" if link else "")
    with _in_silence() as said:
        try:
            courier = _courier(address)
            if courier is None:
                return f"{named} is none that Apprise knows"
            if courier.notify(body=body, title=notice.title, notify_type=_SEVERITY[notice.occasion]):
                return None
        except Exception as error:  # noqa: BLE001  # of any of a hundred plugins; the message may hold the address
            return f"{named} could not be told: {type(error).__name__}"
        code = _CODE.search(said())
    return f"{named} was not reached" + (f": answered {code[1]}" if code else "")


def is_known(address: str) -> bool:
    """Whether Apprise knows this kind of address, and it is whole; nothing is sent."""
    with _in_silence():
        return _courier(address) is not None


def _courier(address: str) -> "Apprise | None":
    with warnings.catch_warnings():
        # Its plugin for mail looks whether a module is there that Python 3.13 dropped.
        warnings.filterwarnings("ignore", "'imghdr' is deprecated", DeprecationWarning)
        import apprise

        made = apprise.Apprise(asset=apprise.AppriseAsset(app_id="ticket-assets", app_desc="ticket-assets"))
        return made if made.add(_timed(address)) else None


@contextmanager
def _in_silence() -> Iterator[Callable[[], str]]:
    """Keep Apprise's lines from every log; yields what they said, for the number of an answer alone."""
    import apprise

    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [one.propagate for one in loggers]
    try:
        for one in loggers:
            one.propagate = False
        with apprise.LogCapture(level=logging.WARNING) as said:
            yield said.getvalue
    finally:
        for one, propagates in zip(loggers, before, strict=True):
            one.propagate = propagates


def _timed(address: str) -> str:
    """The address with times to connect and to be answered, where it names none."""
    if "cto=" in address or "rto=" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}cto={SECONDS}&rto={SECONDS}"
