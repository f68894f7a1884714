"""A challenger beside the champion: clients are told what the champion says, whatever the challenger does or is."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.endpoint import challenger as seated
from ticket_assets.serving.endpoint.messages import Batch, Correction
from ticket_assets.serving.endpoint.runtime import Runtime
from ticket_assets.serving.prediction_log.shadows import Pair
from ticket_assets.serving.store import remove_challenger
from ticket_assets_tests.serving.endpoint.conftest import LOUD, QUIET, ToyStore
from ticket_assets_tests.serving.endpoint.differing import write_numberless, write_unfinished
from ticket_assets_tests.serving.endpoint.rivals import PATIENCE, ask, counted, look, pairs, put_beside, write_deaf


def test_clients_are_told_what_the_champion_says_and_the_challenger_is_logged_beside_it(
    beside: Callable[..., Runtime], store: ToyStore
) -> None:
    runtime = beside()
    rival = put_beside(store.root, write_deaf(store.root))
    look(runtime)
    alone = beside(state=runtime.settings.state.parent / "alone", challenger={"follow": False})
    told = [ask(runtime, body, name) for body, name in ((LOUD, "T-1"), (QUIET, "T-2"))]
    batch = runtime.triage.predict_batch(Batch(tickets=[{"body": LOUD, "id": "T-3"}, {"body": ""}]), "batch")
    given = [*told, *(row.answer for row in batch.rows if row.answer)]
    for answer, body in zip(given, (LOUD, QUIET, LOUD), strict=True):
        expected = ask(alone, body)
        assert (answer.model_version, answer.bundle) == (1, rival.against)
        assert answer.targets == expected.targets
    assert given[0].prediction_id is not None
    runtime.triage.feedback(Correction(prediction_id=given[0].prediction_id, labels={"tone": "loud"}))
    assert {*pairs(runtime, rival.against, rival.bundle)} == {
        Pair("tone", "T-1", "loud", "quiet", "loud"),
        Pair("tone", "T-2", "quiet", "quiet", None),
        Pair("tone", "T-3", "loud", "quiet", None),
    }


def test_what_happens_in_the_shadow_is_counted_by_role(beside: Callable[..., Runtime], store: ToyStore) -> None:
    runtime = beside()
    rival = put_beside(store.root, write_deaf(store.root))
    look(runtime)
    names = {
        ("role_answers_total", ("role", "champion"), ("model_version", "1")): 2,
        ("role_answers_total", ("role", "shadow"), ("model_version", "2")): 2,
        ("shadow_labels_total", ("target", "tone"), ("agrees", "false")): 1,
        ("shadow_labels_total", ("target", "tone"), ("agrees", "true")): 1,
        ("shadow_seconds_count",): 2,
    }
    before = {key: counted(key[0], **dict(key[1:])) for key in names}
    ask(runtime, LOUD)
    ask(runtime, QUIET)
    assert len(pairs(runtime, rival.against, rival.bundle)) == 2
    for key, more in names.items():
        assert counted(key[0], **dict(key[1:])) - before[key] == more, key
    assert counted("challenger_version", bundle=rival.bundle) == 2
    remove_challenger(store.root)
    look(runtime)
    assert counted("challenger_version", bundle=rival.bundle) == 0


def test_no_client_waits_for_the_shadow_and_what_finds_it_full_is_dropped_and_counted(
    beside: Callable[..., Runtime], store: ToyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = beside(challenger={"waiting": 3})
    rival = put_beside(store.root, write_deaf(store.root))
    look(runtime)
    assert runtime.challenger is not None
    seat = runtime.challenger.seat
    assert seat is not None
    gate, reached = threading.Event(), threading.Event()
    read = seat.bundle.read

    def stuck(tickets: Any) -> Any:
        reached.set()
        assert gate.wait(PATIENCE)
        return read(tickets)

    monkeypatch.setattr(seat.bundle, "read", stuck)
    dropped = counted("challenger_dropped_total", role="shadow", why="queue")
    try:
        ask(runtime, LOUD, "T-0")
        assert reached.wait(PATIENCE)
        # Answered, each of them, while the challenger is stuck in the first: three wait, two find no room.
        assert all(ask(runtime, LOUD, f"T-{number}").prediction_id for number in range(1, 6))
    finally:
        gate.set()
    found = pairs(runtime, rival.against, rival.bundle)
    assert sorted(one.ticket for one in found) == ["T-0", "T-1", "T-2", "T-3"]
    assert counted("challenger_dropped_total", role="shadow", why="queue") - dropped == 2


def test_long_tickets_fill_the_shadow_s_queue_by_their_length(
    beside: Callable[..., Runtime], store: ToyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ticket_assets.serving.endpoint import shadow as scoring

    monkeypatch.setattr(scoring, "MOST_CHARACTERS", len(LOUD) - 1)
    runtime = beside()
    rival = put_beside(store.root, write_deaf(store.root))
    look(runtime)
    ask(runtime, LOUD, "T-long")
    ask(runtime, QUIET, "T-short")
    assert [one.ticket for one in pairs(runtime, rival.against, rival.bundle)] == ["T-short"]


def _gone(root: Path) -> str:
    bundle = write_deaf(root)
    shutil.rmtree(root / bundle)
    return bundle


@pytest.mark.parametrize("spoil", [write_unfinished, write_numberless, _gone])
def test_a_challenger_that_does_not_load_is_told_of_once_and_changes_nothing(
    beside: Callable[..., Runtime],
    store: ToyStore,
    spoil: Callable[[Path], str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seated, "RETRY_SECONDS", 0.0)
    runtime = beside(challenger={"share": 1.0})
    put_beside(store.root, spoil(store.root))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            look(runtime)
    [line] = [one for one in caplog.messages if "the challenger was refused" in one]
    assert "the champion answers as before" in line
    assert runtime.challenger is not None
    assert runtime.challenger.seat is None
    assert ask(runtime, ticket_id="T-1").model_version == 1
    assert runtime.office.is_answering()
    assert runtime.office.faults() == []
    rival = put_beside(store.root, write_deaf(store.root), 3)
    look(runtime)
    assert runtime.challenger.seat is not None
    assert runtime.challenger.seat.champion.bundle == rival.bundle


def test_a_pointer_that_is_no_pointer_is_no_challenger(beside: Callable[..., Runtime], store: ToyStore) -> None:
    runtime = beside()
    (store.root / "challenger.json").write_text("{")
    look(runtime)
    assert ask(runtime).model_version == 1
    assert runtime.office.faults() == []


def test_a_challenger_that_fails_loses_nothing_and_is_asked_no_more_after_some_tickets(
    beside: Callable[..., Runtime],
    store: ToyStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runtime = beside(challenger={"share": 1.0})
    put_beside(store.root, write_deaf(store.root))
    look(runtime)
    assert runtime.challenger is not None
    seat = runtime.challenger.seat
    assert seat is not None
    asked: list[int] = []

    def broken(*_: Any) -> Any:
        asked.append(1)
        raise MemoryError("no room for the vectors")

    monkeypatch.setattr(seat.bundle, "answer", broken)
    failed = counted("challenger_dropped_total", role="challenger", why="error")
    with caplog.at_level(logging.WARNING):
        told = [ask(runtime, ticket_id=f"T-{number}") for number in range(8)]
        batch = runtime.triage.predict_batch(Batch(tickets=[{"body": LOUD, "id": "T-9"}]), "batch")
    assert all(one.model_version == 1 and one.prediction_id for one in told)
    assert batch.failed == 0
    # The champion answers in its place, and is shadowed: that fails as well, and counts.
    assert runtime.shadow is not None
    assert runtime.shadow.wait(PATIENCE)
    assert runtime.challenger.seat is None
    assert 0 < counted("challenger_dropped_total", role="challenger", why="error") - failed <= seated.MOST_FAILURES
    assert len(asked) <= seated.MOST_FAILURES + 1  # one may be under way in the shadow
    assert sum("the challenger failed to answer" in one for one in caplog.messages) == 1
    assert sum("is asked no more" in one for one in caplog.messages) == 1
    assert runtime.office.faults() == []


def test_beside_another_champion_than_the_one_it_was_put_against_it_does_not_answer(
    beside: Callable[..., Runtime], store: ToyStore
) -> None:
    """A rollback, or its own promotion: whoever put it there has to say whether it goes on."""
    runtime = beside(challenger={"share": 1.0})
    rival = put_beside(store.root, write_deaf(store.root))
    look(runtime)
    assert ask(runtime, ticket_id="T-1").bundle == rival.bundle
    other = store.crown(3, act=0.9)
    assert runtime.engine.offer().taken
    assert ask(runtime, ticket_id="T-1").bundle == other.bundle
    assert runtime.challenger is not None
    assert runtime.challenger.seat is None


def test_the_shadow_ends_with_the_service_and_drops_what_waits(
    beside: Callable[..., Runtime], store: ToyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = beside()
    put_beside(store.root, write_deaf(store.root))
    look(runtime)
    assert runtime.challenger is not None
    seat = runtime.challenger.seat
    assert seat is not None
    reached, gate, read = threading.Event(), threading.Event(), seat.bundle.read

    def slow(tickets: Any) -> Any:
        reached.set()
        gate.wait(PATIENCE)
        return read(tickets)

    monkeypatch.setattr(seat.bundle, "read", slow)
    for number in range(4):
        ask(runtime, ticket_id=f"T-{number}")
    assert reached.wait(PATIENCE)
    dropped = counted("challenger_dropped_total", role="shadow", why="queue")
    assert runtime.shadow is not None
    ending = threading.Thread(target=runtime.close)
    ending.start()
    until = time.monotonic() + PATIENCE
    while counted("challenger_dropped_total", role="shadow", why="queue") - dropped < 3:
        assert time.monotonic() < until
        time.sleep(0.01)
    gate.set()
    ending.join(PATIENCE)
    assert not ending.is_alive()
    assert not any(one.name in ("shadow", "challenger-watcher") and one.is_alive() for one in threading.enumerate())
