"""The service's answers without a server: for a file of tickets that is scored from the command line.

Belongs here: opening what answers and logs, closing it when all is written.
Does not belong here: the file (serving/scoring.py).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ticket_assets.serving.endpoint.messages import Batch
from ticket_assets.serving.endpoint.runtime import Runtime
from ticket_assets.serving.endpoint.settings import SimilarSettings, load_service_settings
from ticket_assets.serving.endpoint.triage import require_seat
from ticket_assets.serving.scoring import BATCH


@dataclass(frozen=True)
class Backlog:
    """Answers to a backlog, all by one bundle.

    Attributes:
        runtime: of this process alone.
        bundle: that answers.
        context: names of the context values that it knows.
    """

    runtime: Runtime
    bundle: str
    context: tuple[str, ...]

    def ask(self, tickets: list[Any]) -> list[dict[str, Any]]:
        """Rows of a batch's answer as JSON's values."""
        if not tickets:
            return []
        told = self.runtime.triage.predict_batch(Batch(tickets=tickets), "score")
        return [row.model_dump(mode="json", include={"answer", "error"}) for row in told.rows]


@contextmanager
def open_backlog(variables: Mapping[str, str]) -> Iterator[Backlog]:
    """The champion, and the log that its answers go into.

    Args:
        variables: of the environment, for what is not set in it.

    Raises:
        BundleError: no champion answers.
    """
    for name, value in variables.items():
        os.environ.setdefault(name, value)
    settings = load_service_settings().service
    # A promotion in the middle would give one file the answers of two models; and our batches are our own.
    runtime = Runtime(settings.model_copy(update={"most_tickets": BATCH, "similar": SimilarSettings()}), follow=False)
    try:
        seat = require_seat(runtime.engine)
        yield Backlog(runtime, seat.champion.bundle, seat.bundle.manifest.context)
    finally:
        runtime.close()
