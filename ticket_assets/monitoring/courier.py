"""Telling one address: Slack, mail, Discord, Telegram, a webhook, by Apprise.

Belongs here: the message, and saying why it did not arrive without saying the address.
Does not belong here: when it is tried again (outbox.py), what is told (notices.py).

Apprise logs what servers answer, and on its lowest level whole requests. Its lines go nowhere: an address is a secret,
and a server may repeat it.
"""

import logging
import re

from ticket_assets.monitoring.outbox import Notice

SECONDS = 10.0  # to connect, and to be answered
_KIND = re.compile(r"[a-z0-9+]+", re.IGNORECASE)
_CODE = re.compile(r"error[ =:]*(?:code )?(\d{3})", re.IGNORECASE)
_SEVERITY = {"drift": "warning", "promotion": "success", "refusal": "info", "failure": "failure", "recovery": "success"}


def send(address: str, notice: Notice, link: str | None) -> str | None:
    """Tell one address; return why that failed, without a secret in it, or None.

    Args:
        address: Apprise's URL.
        notice: what to tell.
        link: address of the Dagster UI, for a line that leads to the notice's page.
    """
    import apprise

    kind = _KIND.match(address)
    named = f"({kind[0].lower()})" if kind else "(of no kind)"
    body = notice.body + (f"\n\n{link.rstrip('/')}{notice.page}" if link else "")
    logger = logging.getLogger("apprise")
    before = logger.level, logger.propagate
    try:
        logger.propagate = False
        with apprise.LogCapture(level=logging.WARNING) as said:
            courier = apprise.Apprise(asset=apprise.AppriseAsset(app_id="ticket-assets", app_desc="ticket-assets"))
            if not courier.add(_timed(address)):
                return f"{named} is none that Apprise knows"
            try:
                told = courier.notify(body=body, title=notice.title, notify_type=_SEVERITY[notice.occasion])
            except Exception as error:  # noqa: BLE001  # of any of a hundred plugins; the message may hold the address
                return f"{named} could not be told: {type(error).__name__}"
            if told:
                return None
            code = _CODE.search(said.getvalue())
            return f"{named} was not reached" + (f": answered {code[1]}" if code else "")
    finally:
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _timed(address: str) -> str:
    """The address with times to connect and to be answered, where it names none."""
    if "cto=" in address or "rto=" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}cto={SECONDS}&rto={SECONDS}"
