"""A service's answers, settings, and counting what the store has of them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, func, select

from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.outcome import Logged
from ticket_assets.serving.prediction_log.records import Answer, TargetAnswer
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import predictions

LABELS = {"queue": ("billing", "network", "hardware"), "type": ("incident", "request")}
PATIENCE = 60.0


def answer(**changes: Any) -> Answer:
    targets = {
        "queue": TargetAnswer("billing", 0.91, "act", "suggest", {"billing": 0.91, "network": 0.06, "hardware": 0.03}),
        "type": TargetAnswer("request", 0.55, "by_hand", "by_hand", {"incident": 0.45, "request": 0.55}),
    }
    made = Answer("http", "b-1", "3", targets, "Invoice", "Please send the invoice of May again.", {"product": "x"})
    return replace(made, **{"ticket_id": "T-100", "key": "desk", "request_id": "r-1", "language": "en"} | changes)


def settings(folder: Path, url: str | None = None, **changes: Any) -> PredictionLogSettings:
    quick = {"flush_seconds": 0.02, "retry_seconds": 0.3}
    return PredictionLogSettings(folder=folder, url=url, **(quick | changes))


def logged(log: PredictionLog, **changes: Any) -> str:
    """The id of an answer that was acknowledged."""
    outcome = log.append(answer(**changes))
    assert isinstance(outcome, Logged), outcome
    return outcome.id


def ids(engine: Engine) -> list[str]:
    """Of all predictions in the store, in the order of their moments."""
    with engine.connect() as connection:
        return list(connection.execute(select(predictions.c.id).order_by(predictions.c.moment)).scalars())


def rows(engine: Engine, table: Table) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def count(engine: Engine, table: Table) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def balance(acknowledged: list[str], found: list[str]) -> dict[str, int]:
    """What was lost and what is there more than once."""
    return {
        "acknowledged": len(acknowledged),
        "lost": len({*acknowledged} - {*found}),
        "duplicated": sum(times - 1 for times in Counter(found).values()),
    }
