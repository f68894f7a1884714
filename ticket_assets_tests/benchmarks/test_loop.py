"""The loop closes without a hand on it, with a real daemon, MLflow and service; its scene. A few generated tickets."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from benchmarks import loop
from benchmarks import loop_events as events
from benchmarks.loop_desk import Desk, DeskSettings
from benchmarks.loop_outcome import LOOP, ORACLE, Outcome, Score
from benchmarks.loop_scene import GENERATED, Scene, cut, known_from_the_start, read_tickets
from benchmarks.loop_traffic import Phase

# Half of the traffic is new, which small windows see at strict levels too; so chance makes an alarm in no run of a
# hundred. 180 held-out tickets move by two points by chance, and so do models of 1,500. The control desk is for
# `make loop`: it would take as long again.
SMALL = loop.Plan(
    **{"history": 1200, "test": 2000, "rate": 6, "before": 2, "after": 20, "control": False, "within": 0.05},
    desk=DeskSettings(window=100, alpha=0.01, sure_alpha=0.0001, max_loss=0.05),
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    tickets = read_tickets(GENERATED, None, tmp_path_factory.mktemp("tickets"))
    return cut(GENERATED, tickets, SMALL.history, SMALL.test, SMALL.seed)


@pytest.fixture(scope="module")
def closed(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[loop.Loop, Outcome]]:
    """A loop that ran to its end."""
    one = loop.Loop(SMALL, scene, tmp_path_factory.mktemp("loop"), print)
    yield one, one.run()


def test_no_ticket_of_the_history_is_new_and_none_is_sent_twice_or_scored(scene: Scene) -> None:
    assert not scene.novelty.of(scene.history).any() and not scene.novelty.of(scene.usual).any()
    assert abs(scene.novelty.of(scene.changed).mean() - 0.5) < 0.02 and scene.novelty.of(scene.test).mean() == 0.5
    sent = {*scene.usual.ticket_id, *scene.changed.ticket_id}
    assert scene.changed.ticket_id.is_unique and not sent & {*scene.history.ticket_id, *scene.test.ticket_id}
    assert not {*scene.history.ticket_id} & {*scene.test.ticket_id}


def test_who_knew_the_new_tickets_from_the_start_has_them_at_all_dates(scene: Scene) -> None:
    """At dates of today the latest tickets, which are held out, would be of another mixture than the others."""
    known = known_from_the_start(scene, range(400), 1)
    new = known[scene.novelty.of(known)]
    assert len(known) == len(scene.history) + 400 and known.ticket_id.is_unique
    assert known["created_at"].dtype == scene.history["created_at"].dtype
    middle = scene.history["created_at"].median()
    assert 0.35 < (new["created_at"] > middle).mean() < 0.65


def test_a_loop_that_did_not_close_says_what_is_not_as_it_must_be() -> None:
    good = Outcome(
        scores={"first": Score(0.4, 0.5, 600), LOOP: Score(0.8, 0.8, 600), ORACLE: Score(0.815, 0.8, 600)},
        **{"retrains": 1, "control_retrains": 0, "versions": [1, 2], "windows_after": 20, "alarms_after": 0},
        **{"windows_control": 40, "alarms_control": 0, "failures": [], "requests": 9000, "failed_runs": []},
        **{"corrections": 400, "moments": {}, "delays": {}, "within": 0.02},
    )
    assert good.faults == []
    for change in (
        {"retrains": 2}, {"control_retrains": 1}, {"versions": [1]}, {"alarms_after": 1}, {"failures": ["loop: 503"]},
        {"failed_runs": ["deploy"]}, {"scores": {**good.scores, ORACLE: Score(0.83, 0.8, 600)}},
    ):  # fmt: skip
        assert len(replace(good, **change).faults) == 1  # type: ignore[arg-type]


def test_a_run_that_was_at_work_when_the_daemon_was_ended_is_none_that_failed(tmp_path: Path) -> None:
    desk = Desk(LOOP, tmp_path, 1, "")
    (desk.folders.root / "dagster").mkdir(parents=True)
    (desk.folders.root / "dagster" / "dagster.yaml").touch()
    with dg.DagsterInstance.from_config(str(desk.folders.root / "dagster")) as instance:
        instance.report_run_failed(instance.create_run_for_job(nothing))
        [record] = instance.get_run_records()
    ended = record.end_time or 0
    assert ended and [one.split()[0] for one in events.failed(desk, ended + 1)] == ["nothing"]
    assert events.failed(desk, ended - 1) == []


@dg.job
def nothing() -> None:
    pass


@pytest.mark.slow
def test_without_a_hand_on_it_drift_leads_to_one_retraining_a_better_champion_and_quiet(
    closed: tuple[loop.Loop, Outcome],
) -> None:
    one, outcome = closed
    assert outcome.faults == [], one.tell()
    assert outcome.windows_after >= SMALL.after
    first, last = outcome.scores["first"].macro_f1, outcome.scores[LOOP].macro_f1
    assert last > first + 0.1  # nobody had taught it the new queue
    assert 0 < outcome.delays["alarm"] < outcome.delays["retraining"] < outcome.delays["swap"]


@pytest.mark.slow
def test_what_a_closed_loop_says_of_itself_names_what_happened_in_its_order(
    closed: tuple[loop.Loop, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    one, outcome = closed
    assert loop.report(one, outcome) == 0
    told = capsys.readouterr().out
    places = [
        told.index(words) for words in ("new tickets appear", "alarm", "people begin to say", "run retrain begins")
    ]
    places.append(told.rindex("decision: promoted"))  # the first is the first champion's
    assert places == sorted(places) and "run deploy: success" in told
    assert {"outcome.json", "timeline.txt", "loop.png"} <= {path.name for path in one.folder.iterdir()}
    assert [*one.began] == [*Phase]
