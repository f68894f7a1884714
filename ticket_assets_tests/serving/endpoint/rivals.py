"""A challenger beside the champion: putting one there, asking, reading what both answered.

Here: what tests of the shadow and of A/B share. Not here: any test.
"""

from datetime import UTC, datetime
from pathlib import Path

from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.endpoint.messages import Answer, TicketIn
from ticket_assets.serving.endpoint.runtime import Runtime
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.shadows import Pair, pairs_in
from ticket_assets.serving.store import Challenger, read_champion, write_challenger
from ticket_assets_tests.serving.conftest import toy_fields
from ticket_assets_tests.serving.endpoint.conftest import LOUD
from ticket_assets_tests.serving.toys import DEAF, hearing

PATIENCE = 60.0
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SINCE = "2026-02-01T00:00:00+00:00"


def write_deaf(root: Path) -> str:
    """A bundle that finds everything quiet; its id."""
    return write_bundle(root, [hearing("tone", DEAF)], toy_fields(), "a toy").id


def put_beside(root: Path, bundle: str, version: int = 2) -> Challenger:
    champion = read_champion(root)
    assert champion is not None
    challenger = Challenger(version, bundle, SINCE, champion.bundle)
    write_challenger(root, challenger)
    return challenger


def look(runtime: Runtime) -> None:
    assert runtime.challenger is not None
    runtime.challenger.look()


def ask(runtime: Runtime, body: str = LOUD, ticket_id: str | None = None) -> Answer:
    return runtime.triage.predict(TicketIn(body=body, id=ticket_id), "http")


def pairs(runtime: Runtime, champion: str, challenger: str) -> list[Pair]:
    assert runtime.shadow is not None
    assert runtime.shadow.wait(PATIENCE)
    assert runtime.log.flush(PATIENCE)
    with store_of(runtime.settings.prediction_log) as engine:
        return pairs_in(engine, [champion], [challenger], LONG_AGO)


def counted(name: str, **labels: str) -> float:
    """A metric of this process: tests compare with what it was before."""
    from prometheus_client import REGISTRY

    return REGISTRY.get_sample_value(f"ticket_assets_{name}", labels) or 0.0
