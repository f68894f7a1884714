"""What a run says on the console."""

import threading
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.automation.progress import peak_memory, progress
from ticket_assets.models.split import SplitError


@dg.asset(key=["toy", "first"])
def first(context: dg.AssetExecutionContext) -> None:
    context.log.info("encoded 3 of 9 texts")
    context.log.debug("a detail nobody asked for")


@dg.asset(key=["toy", "second"], deps=[first])
def second() -> None:
    raise ValueError("no row is left")


@dg.asset(key=["toy", "third"], deps=[second])
def third() -> None: ...


@dg.asset_check(asset=first)
def holds() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=first)
def breaks() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines of a run with a step that fails."""
    defs = dg.Definitions(
        assets=[first, second, third],
        asset_checks=[holds, breaks],
        jobs=[dg.define_asset_job("all", hooks={peak_memory})],
        loggers={"console": progress},
    )
    job = defs.resolve_job_def("all")
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, raise_on_error=False, run_config={"loggers": {"console": {}}})
    assert not done.success
    return capsys.readouterr().err.splitlines()


def about(told: list[str], words: str) -> list[str]:
    return [line.split("  ", 1)[1] for line in told if words in line]


def test_steps_are_told_by_asset_with_their_time(told: list[str]) -> None:
    started, done = about(told, "toy/first: started"), about(told, "toy/first: done in ")
    assert len(started) == len(done) == 1
    assert done[0].endswith(" s")


def test_what_an_asset_logs_is_told_and_its_details_are_not(told: list[str]) -> None:
    assert about(told, "encoded") == ["toy/first: encoded 3 of 9 texts"]
    assert about(told, "nobody asked") == []


def test_checks_are_told_with_their_verdict(told: list[str]) -> None:
    assert about(told, "holds passed") and about(told, "breaks FAILED")


def test_a_failure_is_told_with_its_reason(told: list[str]) -> None:
    assert len(about(told, "toy/second failed: ")) == 1
    assert about(["x  " + line for line in told], "ValueError: no row is left")


def test_an_error_of_ours_is_told_without_the_stack_that_hides_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    @dg.asset(key=["toy", "splits"])
    def splits() -> None:
        raise SplitError("3 families are too few to hold some out: give more tickets")

    defs = dg.Definitions(assets=[splits], jobs=[dg.define_asset_job("all")], loggers={"console": progress})
    with dg.DagsterInstance.ephemeral() as instance:
        defs.resolve_job_def("all").execute_in_process(
            instance=instance, raise_on_error=False, run_config={"loggers": {"console": {}}}
        )
    lines = capsys.readouterr().err.splitlines()
    assert about(lines, "toy/splits failed") == [
        "toy/splits failed: SplitError: 3 families are too few to hold some out: give more tickets"
    ]
    assert not [line for line in lines if "Traceback" in line or "Stack Trace" in line or "File " in line]


def test_nothing_is_said_of_steps_that_never_ran_or_of_dagster_s_own_business(told: list[str]) -> None:
    assert about(told, "third") == []
    assert not [line for line in told if "ASSET_MATERIALIZATION" in line or "ENGINE_EVENT" in line]


def test_the_peak_memory_of_a_step_is_told_when_it_is_done(told: list[str]) -> None:
    """Megabytes that a Python process with Dagster in it can hold, so that a wrong unit shows."""
    [line] = about(told, "toy/first: peak memory ")
    assert 50 < float(line.split("peak memory ")[1].removesuffix(" MiB").replace(",", "")) < 50_000
    assert not about(told, "toy/second: peak memory ")


def test_a_step_that_waits_for_its_pool_says_so_once_and_names_who_has_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run searched for an hour, and this one stood in silence."""
    (tmp_path / "dagster.yaml").write_text(
        "concurrency:\n  pools:\n    default_limit: 1\ntelemetry:\n  enabled: false\n"
    )
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr("dagster._core.execution.plan.active.CONCURRENCY_CLAIM_MESSAGE_INTERVAL", 0.1)

    @dg.asset(key=["toy", "waits"], pool="heavy")
    def waits() -> None: ...

    defs = dg.Definitions(assets=[waits], jobs=[dg.define_asset_job("all")], loggers={"console": progress})
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        log = instance.event_log_storage
        log.initialize_concurrency_limit_to_default("heavy")
        log.claim_concurrency_slot("heavy", "0123456789abcdef", "toy__searches")
        free = threading.Timer(3, log.free_concurrency_slots_for_run, ["0123456789abcdef"])
        free.start()
        done = defs.resolve_job_def("all").execute_in_process(
            instance=instance, run_config={"loggers": {"console": {}}}
        )
        free.join()
    assert done.success
    lines = [line.split("  ", 1)[1] for line in capsys.readouterr().err.splitlines() if "heavy" in line]
    assert lines == ["toy/waits: waits for a place in pool heavy, held by run 01234567 (toy/searches)"]
