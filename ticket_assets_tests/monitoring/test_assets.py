"""The group monitoring through Dagster, in process, on a real log and a real bundle."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from ticket_assets.automation.runs import MONITORING
from ticket_assets.automation.schedules import days_to_read, range_tags
from ticket_assets.definitions import build_defs
from ticket_assets.monitoring.history import read_history
from ticket_assets.monitoring.reference import NoReferenceError
from ticket_assets.monitoring.verdict import Verdict, WindowRecord
from ticket_assets.resources.watch import NO_CHAMPION, NO_LOG
from ticket_assets.serving.prediction_log.engine import StoreDownError
from ticket_assets.settings import load_settings
from ticket_assets_tests.monitoring.watched import NEW_WORDS, NOON, TARGET, Watched, spoken

DAYS = (NOON.date(), NOON.date() + timedelta(days=1))
KEYS = {
    name: dg.AssetKey(["monitoring", name]) for name in ("predictions", "reference", "drift", "performance", "history")
}


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


def run(instance: dg.DagsterInstance, days: tuple[date, ...] = DAYS, fails: bool = False) -> dg.ExecuteInProcessResult:
    job = build_defs(load_settings()).resolve_job_def(MONITORING)
    return job.execute_in_process(instance=instance, tags=range_tags(days), raise_on_error=not fails)


def metadata(result: dg.ExecuteInProcessResult, name: str) -> Mapping[str, Any]:
    events = [one for one in result.get_asset_materialization_events() if one.asset_key == KEYS[name]]
    return {key: value.value for key, value in events[-1].materialization.metadata.items()}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str, str]]:
    return {
        one.check_name: (one.passed, one.severity.value, one.description or "")
        for one in result.get_asset_check_evaluations()
    }


def test_two_windows_are_judged_and_a_second_run_appends_nothing(
    watched: Watched, instance: dg.DagsterInstance
) -> None:
    watched.tables()
    champion, said = watched.crown(), spoken(650, 21)
    ids = watched.answer(champion, said)
    watched.correct(ids[:200], said.truth[:200])
    first = run(instance)
    assert metadata(first, "predictions")["dagster/row_count"] == 0, "the latest partition is the day after"
    assert metadata(first, "reference")["training_rows"] == 900
    assert (metadata(first, "drift")["windows_judged"], metadata(first, "drift")["predictions_waiting"]) == (2, 50)
    assert checks(first) == {
        "as_in_training": (True, "WARN", "window 2: pass: nothing speaks against it"),
        "as_promised": (True, "WARN", "window 2: pass: nothing speaks against it"),
    }
    told = WindowRecord.from_dict(metadata(first, "history")["window"])
    assert told == read_history(watched.folders.monitoring)[-1] and (told.number, told.feedback_rows) == (2, 200)
    assert told.performance[TARGET]["estimated"] and "data:image/png" in metadata(first, "history")["trend"]
    shown = [metadata(first, name)["reasons"] for name in ("drift", "performance")]
    assert shown == ["—", "—"], "nothing spoke, and an empty list would be shown as []"
    second = run(instance)
    assert metadata(second, "history")["windows_added"] == 0 and metadata(second, "drift")["windows_judged"] == 0
    assert len(read_history(watched.folders.monitoring)) == 2


def test_a_day_is_a_partition_with_its_own_figures(watched: Watched, instance: dg.DagsterInstance) -> None:
    watched.tables()
    champion = watched.crown()
    watched.answer(champion, spoken(30, 1), ticket_ids=[f"T-{row}" for row in range(30)])
    watched.answer(champion, spoken(7, 2), at=NOON + timedelta(days=1))
    run(instance)
    records = instance.fetch_materializations(KEYS["predictions"], limit=5).records
    rows = {one.partition_key: one.asset_materialization.metadata for one in records if one.asset_materialization}
    assert {key: its["dagster/row_count"].value for key, its in rows.items()} == {"2026-11-20": 30, "2026-11-21": 7}
    said = {
        name: rows["2026-11-20"][f"labels of {TARGET} {name}"].value for name in ("by tickets", "left out, trained on")
    }
    assert said == {"by tickets": 8, "left out, trained on": 22}


def test_a_drifted_window_fails_its_check_and_stops_nothing(watched: Watched, instance: dg.DagsterInstance) -> None:
    watched.tables()
    watched.answer(watched.crown(), spoken(300, 21, words=NEW_WORDS))
    result = run(instance)
    assert result.success
    passed, severity, said = checks(result)["as_in_training"]
    assert (passed, severity) == (False, "ERROR") and "word" in said
    told = [one.data["said"] for one in metadata(result, "drift")["reasons"].records]
    assert "; ".join(told) == said.removeprefix("window 1: ")
    loudest = metadata(result, "drift")["tests"].records[0].data
    assert loudest["adjusted p"] == loudest["p"] == "< 1e-12", "which is not 0"
    assert Verdict(metadata(result, "history")["window"]["verdicts"]["data_drift"]) is Verdict.ALARM


def test_a_new_champion_gets_a_reference_and_windows_of_its_own(watched: Watched, instance: dg.DagsterInstance) -> None:
    watched.tables()
    watched.answer(watched.crown(), spoken(300, 21))
    run(instance)
    later = NOON + timedelta(hours=3)
    second = watched.crown(worse=-1.01, version=2, since=later)
    watched.answer(second, spoken(300, 22), at=later + timedelta(minutes=1))
    result = run(instance)
    assert metadata(result, "reference")["former_references_removed"] == 1
    found = [(one.number, one.version) for one in read_history(watched.folders.monitoring)]
    assert found == [(1, 1), (1, 2)]


def test_without_a_champion_a_log_or_a_prediction_it_says_so_and_passes(
    watched: Watched, instance: dg.DagsterInstance
) -> None:
    assert {metadata(run(instance), name).get("state") for name in ("reference", "drift")} == {NO_CHAMPION}
    watched.tables()
    watched.crown()
    assert metadata(run(instance), "drift")["state"] == NO_LOG
    assert not watched.log.folder.exists(), "looking begins no log"
    with watched.engine():
        pass
    result = run(instance)
    assert (metadata(result, "drift")["windows_judged"], metadata(result, "history")["windows"]) == (0, 0)
    assert {passed for passed, _, _ in checks(result).values()} == {True}


def test_windows_without_a_reference_wait_and_the_checks_say_how_it_is_made(
    watched: Watched, instance: dg.DagsterInstance
) -> None:
    """Drift chosen alone in the UI ended in a stack trace of FileNotFoundError."""
    watched.tables()
    watched.answer(watched.crown(), spoken(300, 21))
    watched.read(NOON, NOON + timedelta(hours=8))
    job = build_defs(load_settings()).resolve_job_def(MONITORING)
    alone = [KEYS["drift"], KEYS["performance"]]
    result = job.execute_in_process(instance=instance, asset_selection=alone, tags=range_tags(DAYS))
    said = "champion v1 has no reference yet, so its windows wait: materialise monitoring/reference, or make monitor"
    assert metadata(result, "drift")["state"] == metadata(result, "performance")["state"] == said
    assert checks(result) == dict.fromkeys(("as_in_training", "as_promised"), (False, "WARN", said))
    with pytest.raises(NoReferenceError, match="materialise monitoring/reference"):
        watched.watch.bench()
    after = run(instance)
    assert metadata(after, "drift")["windows_judged"] == 1 and checks(after)["as_in_training"][0]


def test_a_log_that_is_out_of_reach_fails_the_run_without_its_password(
    watched: Watched, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.tables()
    watched.crown()
    url = "postgresql://monitor:sesame@127.0.0.1:9/none"
    monkeypatch.setenv("TICKET_ASSETS_SERVICE__LOG__URL", url)
    with pytest.raises(StoreDownError, match="the prediction log cannot be reached") as raised:
        days_to_read(watched.watch, NOON)
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(("fault", "said"), [("newer", "at schema 9999, this code knows up to"), ("torn", "reached: ")])
def test_a_log_that_this_code_cannot_read_is_told_by_schedule_and_asset_as_one_that_is_down(
    watched: Watched, instance: dg.DagsterInstance, fault: str, said: str
) -> None:
    """It was a SchemaError with its stack trace: nobody who reads the log for monitoring knew that there is one."""
    watched.tables()
    watched.answer(watched.crown(), spoken(10, 1))
    if fault == "newer":
        watched.log_becomes_newer()
    else:
        Path(watched.log.database.database or "").write_bytes(b"this is no database, of whatever version it may be")
    with pytest.raises(StoreDownError, match=said):
        days_to_read(watched.watch, NOON)
    result = run(instance, DAYS[:1], fails=True)
    [failed] = [one.step_failure_data.error for one in result.all_events if one.is_step_failure]
    while failed is not None and failed.cause is not None:
        failed = failed.cause
    assert failed is not None and failed.cls_name == "StoreDownError" and said in failed.message


def test_a_table_that_cannot_be_written_is_told_as_that_and_not_as_a_log_out_of_reach(
    watched: Watched, instance: dg.DagsterInstance
) -> None:
    watched.tables()
    watched.answer(watched.crown(), spoken(10, 1))
    watched.folders.monitoring.mkdir()
    (watched.folders.monitoring / "predictions").write_text("where a folder is to be")
    result = run(instance, DAYS[:1], fails=True)
    [failed] = [one.step_failure_data.error for one in result.all_events if one.is_step_failure]
    while failed is not None and failed.cause is not None:
        failed = failed.cause
    assert failed is not None and failed.cls_name in {"FileExistsError", "NotADirectoryError"}
    assert "monitoring/predictions" in failed.message and "prediction log" not in failed.message


def test_the_schedule_reads_what_is_new_and_else_says_why_not(watched: Watched, instance: dg.DagsterInstance) -> None:
    evening = NOON + timedelta(hours=8)
    assert tick(watched, instance, evening) == NO_CHAMPION
    watched.tables()
    champion = watched.crown()
    assert tick(watched, instance, evening) == NO_LOG
    watched.answer(champion, spoken(10, 1))
    asked = tick(watched, instance, evening)
    assert isinstance(asked, dg.RunRequest)
    assert asked.tags["dagster/asset_partition_range_start"] == "2026-11-20"
    assert asked.tags["dagster/asset_partition_range_end"] == "2026-11-20"
    run(instance, DAYS[:1])
    assert "say what they said before, since v1" in str(tick(watched, instance, evening))
    assert isinstance(tick(watched, instance, evening + timedelta(days=1)), dg.RunRequest), "the first look of a day"
    watched.answer(champion, spoken(1, 2), at=NOON + timedelta(minutes=30))
    assert isinstance(tick(watched, instance, evening), dg.RunRequest)


def test_the_schedule_starts_no_second_run_beside_one(watched: Watched, instance: dg.DagsterInstance) -> None:
    watched.answer(watched.crown(), spoken(10, 1))
    run_id = instance.create_run_for_job(
        build_defs(load_settings()).resolve_job_def(MONITORING), status=dg.DagsterRunStatus.STARTED
    ).run_id
    assert tick(watched, instance, NOON + timedelta(hours=8)) == f"run {run_id[:8]} is at it"


def test_a_profile_that_never_ran_is_not_begun_by_the_schedule(watched: Watched, instance: dg.DagsterInstance) -> None:
    defs, desk = build_defs(load_settings()), watched.watch.desk
    identity = watched.folders.root / "identity.json"
    identity.unlink()
    with dg.build_schedule_context(
        instance, NOON, resources={"desk": desk}, repository_def=defs.get_repository_def()
    ) as context:
        data = defs.resolve_schedule_def(MONITORING).evaluate_tick(context)
    assert f"profile {desk.profile} never ran" in str(data.skip_message)
    assert not identity.exists()


def test_days_that_the_log_has_forgotten_are_not_asked_for_again(
    watched: Watched, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were due at each look, and a run every ten minutes made nothing of them."""
    watched.tables()
    watched.answer(watched.crown(), spoken(10, 1))
    later = NOON + timedelta(days=30)
    assert not isinstance(days_to_read(watched.watch, later), str)
    monkeypatch.setenv("TICKET_ASSETS_SERVICE__LOG__RETENTION_DAYS", "7")
    found = days_to_read(watched.watch, later)
    assert isinstance(found, str) or min(found) >= (later - timedelta(days=7)).date()


@pytest.mark.parametrize(
    ("seated", "kept", "since"), [(10, None, 10), (200, None, 92), (60, "30", 30), (10, "30", 10), (200, "120", 92)]
)
def test_days_are_read_since_the_champion_s_seat_unless_that_is_months_ago_or_the_log_forgot(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, seated: int, kept: str | None, since: int
) -> None:
    watched.crown(since=NOON - timedelta(days=seated))
    with watched.engine():
        pass
    if kept is not None:
        monkeypatch.setenv("TICKET_ASSETS_SERVICE__LOG__RETENTION_DAYS", kept)
    assert watched.watch.since(NOON) == NOON - timedelta(days=since)


def tick(watched: Watched, instance: dg.DagsterInstance, at: datetime) -> dg.RunRequest | str:
    """What the schedule does at an instant: a run, or why there is none."""
    defs = build_defs(load_settings())
    schedule = defs.resolve_schedule_def(MONITORING)
    with dg.build_schedule_context(
        instance, at, resources={"desk": watched.watch.desk}, repository_def=defs.get_repository_def()
    ) as context:
        data = schedule.evaluate_tick(context)
    return data.run_requests[0] if data.run_requests else str(data.skip_message)


def test_the_line_never_waits_for_what_watches_it(watched: Watched, instance: dg.DagsterInstance) -> None:
    from ticket_assets.automation.staleness import due_assets

    defs = build_defs(load_settings())
    assert not [key for key in due_assets(defs, instance) if key.path[0] == "monitoring"]
    assert not [one for one in defs.resolve_job_def("line").asset_layer.executable_asset_keys if one in KEYS.values()]


def test_monitoring_says_when_nobody_looked_for_long(watched: Watched) -> None:
    graph = build_defs(load_settings()).resolve_asset_graph()
    for name in ("drift", "performance", "history"):
        policy = graph.get(KEYS[name]).freshness_policy
        assert isinstance(policy, TimeWindowFreshnessPolicy) and policy.warn_window, name
        assert policy.warn_window.to_timedelta() < policy.fail_window.to_timedelta()
