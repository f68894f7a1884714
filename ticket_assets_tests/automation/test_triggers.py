"""Who makes an asset run: one owner each, all on from the start, and by when an asset should have been made."""

from datetime import timedelta

import dagster as dg
import pytest

from ticket_assets.automation.freshness import AGELESS
from ticket_assets.automation.triggers import BY_HAND, OBSERVED, WATCHED, owner
from ticket_assets.definitions import build_defs
from ticket_assets_tests.test_definitions import settings_of

# What sensors and schedules ask for, by the job that they launch.
JOBS = {"retraining": "retrain", "deployment": "deploy"}


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs(settings_of("helpdesk"))


def specs(defs: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {one.key.to_user_string(): one for one in defs.resolve_all_asset_specs()}


def test_every_sensor_runs_from_the_start_and_says_what_it_is_for(defs: dg.Definitions) -> None:
    sensors = {one.name: one for one in defs.get_repository_def().sensor_defs}
    assert {"watch", "new_data", "retraining", "deployment", "run_failed", "run_recovered", "notices"} <= set(sensors)
    assert "default_automation_condition_sensor" not in sensors, "it is off until toggled, and would ask twice"
    for name, sensor in sensors.items():
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING, name
        assert sensor.description, name


def test_every_asset_that_can_be_made_has_one_owner(defs: dg.Definitions) -> None:
    """Two owners of one asset make it twice, none never."""
    graph = defs.get_repository_def().asset_graph
    by_job = {name: defs.resolve_job_def(job).asset_layer.executable_asset_keys for name, job in JOBS.items()}
    for key in graph.executable_asset_keys:
        owners = [name for name, keys in by_job.items() if key in keys]
        owners += ["new_data"] if graph.get(key).automation_condition else []
        if key.path[0] != "monitoring":
            assert owners == [owner(key)], key
    assert {key.to_user_string() for key in graph.external_asset_keys} <= WATCHED


def test_the_demo_s_sample_is_made_by_hand_for_it_changes_with_the_settings_alone() -> None:
    graph = build_defs(settings_of("demo")).get_repository_def().asset_graph
    key = dg.AssetKey(["tickets", "sample"])
    assert owner(key) == BY_HAND and graph.get(key).automation_condition is None


def test_what_others_make_is_watched(defs: dg.Definitions) -> None:
    assert {owner(dg.AssetKey.from_user_string(one)) for one in WATCHED} == {OBSERVED}


def test_every_asset_of_the_line_that_ages_has_a_warning_before_its_failure(defs: dg.Definitions) -> None:
    for name, spec in specs(defs).items():
        if name.startswith("monitoring/"):
            continue
        fresh = spec.freshness_policy
        assert (fresh is None) is (name in AGELESS), name
        if fresh:
            assert fresh.warn_window.to_timedelta() < fresh.fail_window.to_timedelta(), name  # type: ignore[attr-defined]


def test_a_champion_is_too_old_after_the_age_at_which_it_is_retrained(defs: dg.Definitions) -> None:
    fresh = specs(defs)["models/champion"].freshness_policy
    assert fresh.warn_window.to_timedelta() == timedelta(days=72)  # type: ignore[union-attr]
    assert fresh.fail_window.to_timedelta() == timedelta(days=97)  # type: ignore[union-attr]


def test_generated_tickets_do_not_age() -> None:
    demo = specs(build_defs(settings_of("demo")))
    assert demo["tickets/clean"].freshness_policy is None
    assert demo["models/champion"].freshness_policy is not None


def test_data_that_failed_is_tried_once_more_by_the_instance(defs: dg.Definitions) -> None:
    [sensor] = [one for one in defs.get_repository_def().sensor_defs if one.name == "new_data"]
    assert sensor.run_tags["dagster/max_retries"] == "1"  # type: ignore[attr-defined]
