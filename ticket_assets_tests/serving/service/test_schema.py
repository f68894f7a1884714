"""The live service against its own description: schemathesis asks what it allows, and what it does not."""

import json
import urllib.request
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ticket_assets.serving.endpoint.description import ROUTES
from ticket_assets_tests.serving.service.conftest import Guarded

pytestmark = pytest.mark.slow

OPERATIONS = [("POST", path) for path in ROUTES] + [
    ("GET", path) for path, route in ROUTES.items() if route.query is not None
]
HONEST = settings(
    max_examples=60,
    derandomize=True,  # the same requests each time
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def described(guarded: Guarded) -> schemathesis.BaseSchema:
    """As a client reads it from /docs.json."""
    base = f"http://127.0.0.1:{guarded.server.port}"
    with urllib.request.urlopen(f"{base}/docs.json", timeout=30) as response:
        schema = schemathesis.openapi.from_dict(json.loads(response.read()))
    schema.config.update(base_url=base)
    # What the schema allows may still be no ticket, no label, no time: 422, never 400.
    schema.config.checks.positive_data_acceptance.expected_statuses = ["2xx", "404", "409", "422"]
    return schema


def test_the_description_has_every_route(described: schemathesis.BaseSchema) -> None:
    found = {(one.ok().method.upper(), one.ok().path) for one in described.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part.strip("/"))
def test_every_answer_is_one_that_the_description_tells_of(
    guarded: Guarded, described: schemathesis.BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    """No server error, a status and a body as described; what breaks the schema is refused; keys are asked for."""
    statuses: set[int] = set()
    # A row may be anything, but no JSON of the whole body may hold a number that nothing can reckon with.
    excluded = [positive_data_acceptance] if path == "/predict_batch" else []

    @HONEST
    @given(case=described[path][method].as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call_and_validate(
            headers={"Authorization": f"Bearer {guarded.key}"}, timeout=20, excluded_checks=excluded
        )
        statuses.add(response.status_code)

    ask()
    print(method, path, mode.value, statuses)
