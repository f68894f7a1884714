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


def give_order(records: Path, reason: str, now: datetime) -> Order:
    """Write an order into the folder of a profile's records."""
    order = Order(uuid.uuid4().hex[:8], reason, now.astimezone(UTC))
    append_record(
        records / ORDERS, {"id": order.id, "reason": reason, "at": order.at.isoformat(timespec="microseconds")}
    )
    return order


def read_orders(records: Path) -> tuple[Order, ...]:
    """All that were ever given, oldest first."""
    told = read_records(records / ORDERS).whole
    return tuple(Order(one["id"], one["reason"], datetime.fromisoformat(one["at"])) for one in told)
