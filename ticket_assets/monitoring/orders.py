"""Retrainings that somebody ordered.

Belongs here: writing an order down, and that it was carried out; reading those that are open.
Does not belong here: when one is carried out (decision.py), the command (commands/retrain.py).
"""

import uuid
from datetime import UTC, datetime
from pathlib import Path

from ticket_assets.monitoring.evidence import Order
from ticket_assets.storage import append_record, read_records

ORDERS = "orders.jsonl"


def new_order(reason: str, now: datetime) -> Order:
    """An order that is not written down yet."""
    return Order(uuid.uuid4().hex[:8], reason, now.astimezone(UTC))


def write_order(records: Path, order: Order) -> None:
    """Write an order into the folder of a profile's records: from now on the daemon sees it."""
    told = {"id": order.id, "reason": order.reason, "at": order.at.isoformat(timespec="microseconds")}
    append_record(records / ORDERS, told)


def settle_order(records: Path, order: Order, run: str) -> None:
    """Write down which run an order had: once that is removed, or one of too many, it would be carried out again."""
    append_record(records / ORDERS, {"settled": order.id, "run": run})


def read_orders(records: Path) -> tuple[Order, ...]:
    """Those that are open, oldest first."""
    told = read_records(records / ORDERS).whole
    settled = {one["settled"] for one in told if "settled" in one}
    given = [one for one in told if "id" in one and one["id"] not in settled]
    return tuple(Order(one["id"], one["reason"], datetime.fromisoformat(one["at"])) for one in given)
