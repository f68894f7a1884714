"""What an erasure prints of its steps: sentences, for every step there is."""

import pytest

from ticket_assets.serving.erasure import STEPS
from ticket_assets.serving.erasure_words import step_lines

NONE: dict[str, object] = {
    "bundles": {},
    "bentos": [],
    "ledger": None,
    "kept results": None,
    "copies of monitoring": [],
}


@pytest.mark.parametrize("step", [name for name, _ in STEPS])
def test_every_step_has_its_line_also_where_it_found_nothing(step: str) -> None:
    [line] = step_lines(step, NONE.get(step, 0))
    assert line.startswith(f"  {step} ") and not {*"{}[]'"} & {*line.replace("MLflow's", "")}


def test_what_went_is_told_in_words() -> None:
    logged = {"predictions": 2, "rejected": 0, "lines": 1}
    bundles = {"0123": "4567", "89ab": "removed: of an earlier contract"}
    told = {"prediction log": logged, "bundles": bundles, "bentos": ["ticket-assets-x:v1"], "vectors": 1, "tables": 12}
    lines = [" ".join(line.split()) for step, came in told.items() for line in step_lines(step, came)]
    assert lines == [
        "prediction log 2 answers, 1 journal line removed",
        *("bundles 2 bundles touched", "0123 is 4567 now", "89ab removed: of an earlier contract"),
        *("bentos 1 bento removed", "ticket-assets-x:v1"),
        *("vectors 1 vector removed", "tables 12 rows removed"),
    ]


def test_an_empty_log_is_nothing() -> None:
    assert step_lines("prediction log", {"predictions": 0, "rejected": 0, "lines": 0})[0].endswith(" nothing")
