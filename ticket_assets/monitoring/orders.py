"""Retrainings that somebody ordered.

Belongs here: writing an order down, reading them.
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


def read_orders(records: Path) -> tuple[Order, ...]:
    """All that were ever given, oldest first."""
    told = read_records(records / ORDERS).whole
    return tuple(Order(one["id"], one["reason"], datetime.fromisoformat(one["at"])) for one in told)
