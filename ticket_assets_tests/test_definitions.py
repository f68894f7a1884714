"""House rules of the assembled definitions, and the shipped files that start them."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.assets import features, models, monitoring, serving, tickets
from ticket_assets.automation.runs import LINE, MONITORING
from ticket_assets.code_version import code_digest
from ticket_assets.definitions import build_defs
from ticket_assets.serving.bento import SERVICE_FILES
from ticket_assets.settings import Settings, load_settings

PROJECT = Path(__file__).resolve().parents[1]
FILES = {"tickets": tickets, "features": features, "models": models, "serving": serving, "monitoring": monitoring}
SINGLE = [
    *("tickets/mended", "tickets/raw", "tickets/feedback", "tickets/clean", "tickets/quarantine", "tickets/quality"),
    *("features/text", "features/embeddings"),
    *(
        "models/split",
        "models/explanation",
        "models/evaluation",
        "models/champion",
        "serving/bento",
        "serving/deployment",
    ),
    *("monitoring/predictions", "monitoring/reference", "monitoring/drift", "monitoring/performance"),
    "monitoring/history",
    "monitoring/shadow",
]
WATCHED = {"tickets/source", "tickets/mended", "tickets/corrections", "models/pin"}  # made by others, observed
BENTO = "ticket_assets.assets.serving:bento"
CURATED = {"tickets/clean", "tickets/quarantine"}
HEAVY = {"features/embeddings", "models/evaluation", "models/explanation"}
JUDGES = {"monitoring/reference", "monitoring/drift"}
SAYING = {"monitoring/drift:as_in_training", "monitoring/performance:as_promised"}  # checks that stop nothing
OF_CANDIDATES = {
    *("tickets/clean", "features/text", "models/split"),
    *("models/candidate_queue", "models/candidate_priority", "models/candidate_type"),
}
EDGES = {
    "tickets/raw": {"tickets/source", "tickets/mended"},
    "tickets/quality": {"tickets/raw", "tickets/clean", "tickets/quarantine"},
    "tickets/feedback": {"tickets/corrections"},
    "tickets/clean": {"tickets/raw", "tickets/feedback"},
    "tickets/quarantine": {"tickets/raw", "tickets/feedback"},
    "features/text": {"tickets/clean"},
    "features/embeddings": {"tickets/clean"},
    "models/split": {"tickets/clean"},
    "models/search_queue": {"tickets/clean", "features/text", "features/embeddings", "models/split"},
    "models/candidate_queue": {"tickets/clean", "features/text", "models/split", "models/search_queue"},
    "models/evaluation": OF_CANDIDATES,
    "models/explanation": OF_CANDIDATES,
    "models/champion": {
        *("tickets/clean", "features/text", "models/split", "models/pin"),
        *("models/evaluation", "models/explanation"),
    },
    "serving/bento": {"models/champion"},
    "monitoring/predictions": {"tickets/clean"},
    "monitoring/reference": {"tickets/clean", "models/split", "features/embeddings", "models/champion"},
    "monitoring/drift": {"monitoring/predictions", "monitoring/reference"},
    "monitoring/performance": {"monitoring/predictions", "monitoring/reference", "monitoring/drift"},
    "monitoring/history": {"monitoring/drift", "monitoring/performance"},
    "monitoring/shadow": {"monitoring/predictions", "monitoring/history", "models/champion"},
    "serving/deployment": {"serving/bento"},
}
Specs = dict[str, dg.AssetSpec]


def settings_of(profile: str) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TICKET_ASSETS_CONFIG", raising=False)
        return load_settings(profile=profile)


def specs_of(settings: Settings) -> Specs:
    return {one.key.to_user_string(): one for one in build_defs(settings).resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def helpdesk() -> dg.Definitions:
    return build_defs(settings_of("helpdesk"))


@pytest.fixture(scope="module")
def specs(helpdesk: dg.Definitions) -> Specs:
    return {one.key.to_user_string(): one for one in helpdesk.resolve_all_asset_specs()}


def test_the_line_has_these_assets_and_no_others(specs: Specs) -> None:
    per_target = [f"models/{kind}_{name}" for kind in ("search", "candidate") for name in ("queue", "priority", "type")]
    assert set(specs) == {*WATCHED, *SINGLE, *per_target}


def test_a_profile_with_one_target_has_one_search_and_one_candidate() -> None:
    assert set(specs_of(settings_of("it_service"))) == {
        *(*WATCHED, "models/search_topic_group", "models/candidate_topic_group", *SINGLE)
    }


def test_the_demo_makes_its_source_and_the_others_only_watch_theirs(specs: Specs) -> None:
    demo = build_defs(settings_of("demo"))
    graph = demo.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["tickets", "sample"])).is_executable
    assert graph.get(dg.AssetKey(["tickets", "raw"])).parent_keys == {
        dg.AssetKey(["tickets", "sample"]),
        dg.AssetKey(["tickets", "mended"]),
    }
    assert "tickets/source" not in specs_of(settings_of("demo"))
    assert "tickets/sample" not in specs


def test_keys_have_two_levels_and_the_first_is_group_and_file(specs: Specs) -> None:
    for name, spec in specs.items():
        group, last = name.split("/")
        assert spec.group_name == group
        base = re.sub("_(queue|priority|type)$", "", "clean" if last == "quarantine" else last)
        assert hasattr(FILES[group], base), f"{name} is not in assets/{group}.py"


def test_a_function_is_called_like_its_asset(helpdesk: dg.Definitions) -> None:
    """`ten seconds`: the asset models/champion is the function champion in assets/models.py."""
    for assets in helpdesk.resolve_asset_graph().assets_defs:
        if not (assets.is_executable and assets.keys):
            continue
        function = assets.op.compute_fn.decorated_fn  # type: ignore[union-attr]
        module = function.__module__.rpartition(".")[2]
        names = {key.path[-1] for key in assets.keys}
        assert all(key.path[0] == module for key in assets.keys)
        assert function.__name__ in names or any(one.startswith(f"{function.__name__}_") for one in names)


def test_every_asset_names_owner_kinds_description_and_code_version(helpdesk: dg.Definitions, specs: Specs) -> None:
    graph = helpdesk.resolve_asset_graph()
    for name, spec in specs.items():
        assert spec.owners == ["team:ticket-assets"], name
        assert spec.kinds, name
        assert graph.get(spec.key).description, name
        assert spec.code_version or name in WATCHED, name


def test_each_asset_has_a_code_of_its_own_which_its_target_is_no_part_of(specs: Specs) -> None:
    """Written by hand it stayed "1" through every change of the code."""
    codes = {name: str(spec.code_version).partition("-")[0] for name, spec in specs.items() if spec.code_version}
    assert all(re.fullmatch("[0-9a-f]{16}", code) for code in codes.values())
    functions = {re.sub("_(queue|priority|type)$", "", name): code for name, code in codes.items()}
    assert codes["tickets/clean"] == codes["tickets/quarantine"], "one function makes both"
    assert len(set(functions.values())) == len(functions) - 1 == len(set(codes.values()))


def test_the_bento_s_code_holds_the_service_and_what_is_built_with_it(specs: Specs) -> None:
    """A new service.py was never built: the bento looked up to date."""
    files = [PROJECT / name for name in SERVICE_FILES]
    assert {"service.py", "bentofile.yaml", "requirements/serve.txt"} <= set(SERVICE_FILES)
    assert specs["serving/bento"].code_version == code_digest(BENTO, files=files) != code_digest(BENTO)


def test_the_sample_s_code_holds_its_phrases() -> None:
    sample = specs_of(settings_of("demo"))["tickets/sample"]
    phrases = [*(PROJECT / "ticket_assets" / "tickets" / "sample_phrases").glob("*.toml")]
    assert len(phrases) > 3
    code = str(sample.code_version).partition("-")[0]
    assert code == code_digest("ticket_assets.assets.tickets:sample", files=phrases)


def test_lineage_is_as_drawn(helpdesk: dg.Definitions) -> None:
    graph = helpdesk.resolve_asset_graph()
    found = {
        name: {one.to_user_string() for one in graph.get(dg.AssetKey.from_user_string(name)).parent_keys}
        for name in EDGES
    }
    assert found == EDGES


def test_heavy_steps_take_turns_in_one_pool(helpdesk: dg.Definitions) -> None:
    for assets in helpdesk.resolve_asset_graph().assets_defs:
        for key in assets.keys if assets.is_executable else ():
            heavy = key.to_user_string() in HEAVY or key.path[-1].startswith(("search_", "candidate_"))
            judges = key.to_user_string() in JUDGES
            assert assets.op.pools == ({"heavy"} if heavy else {"monitoring"} if judges else set()), key


def test_every_check_blocks_and_stands_before_something(helpdesk: dg.Definitions) -> None:
    """A failed check that does not block stops nothing; one on an asset without a successor blocks nothing."""
    graph = helpdesk.resolve_asset_graph()
    assert {one.to_user_string() for one in graph.asset_check_keys} == {
        "tickets/clean:counts_add_up",
        "models/split:families_stay_whole",
        "serving/bento:answers_as_the_asset",
        *SAYING,
    }
    for key in graph.asset_check_keys:
        if key.to_user_string() in SAYING:
            assert not graph.get_check_spec(key).blocking
            continue
        assert graph.get_check_spec(key).blocking
        assert graph.get_check_spec(key).description
        assert graph.get(key.asset_key).child_keys


def test_a_resource_can_be_replaced_alone(helpdesk: dg.Definitions) -> None:
    replaced = build_defs(settings_of("helpdesk"), {"mlflow": "a fake"})
    assert replaced.resources is not None and helpdesk.resources is not None
    assert replaced.resources["mlflow"] == "a fake"
    assert set(replaced.resources) == set(helpdesk.resources) == {"desk", "io_manager", "mlflow"}


def test_the_job_holds_the_whole_line_one_step_at_a_time(helpdesk: dg.Definitions) -> None:
    job = helpdesk.resolve_job_def(LINE)
    keys = helpdesk.resolve_asset_graph().executable_asset_keys
    assert job.asset_layer.executable_asset_keys == {one for one in keys if one.path[0] != MONITORING}
    watching = helpdesk.resolve_job_def(MONITORING).asset_layer.executable_asset_keys
    assert watching == {one for one in keys if one.path[0] == MONITORING}
    assert job.executor_def.name == "multiprocess"


def test_the_shipped_workspace_validates_without_a_warning(tmp_path: Path) -> None:
    """But for the one that Dagster has of the command itself, and the one of its own look at any schedule."""
    command = "ignore:Function `definitions_validate_command` is superseded:FutureWarning"
    schedule = "ignore:Property `ScheduleDefinition.environment_vars` is deprecated:DeprecationWarning"
    quiet = f"error,{command},{schedule}"
    assert quiet in (PROJECT / "scripts" / "check").read_text()
    run = subprocess.run(
        [Path(sys.executable).parent / "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONWARNINGS": quiet},
        capture_output=True,
        text=True,
        check=False,
    )
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    assert "Validation successful for code location ticket_assets" in said
    assert "arning" not in said


def test_the_project_file_does_not_overrule_the_workspace() -> None:
    """Either block silently beats workspace.yaml."""
    tools = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
    assert not {"dagster", "dg"} & tools.keys()


def test_no_dagster_module_postpones_its_annotations() -> None:
    """With `from __future__ import annotations` a `dg.Config` parameter fails to resolve."""
    modules = [*PROJECT.glob("ticket_assets/assets/*.py"), *PROJECT.glob("ticket_assets/automation/*.py")]
    assert len(modules) > 8
    assert [one.name for one in modules if "from __future__ import annotations" in one.read_text()] == []


def test_the_shipped_instance_loads_with_telemetry_off_and_a_pool_of_one(tmp_path: Path) -> None:
    shutil.copyfile(PROJECT / "dagster.yaml", tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert not instance.telemetry_enabled
        assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
        pools = instance.get_concurrency_config().pool_config
        assert (pools.default_pool_limit, pools.pool_granularity.value) == (1, "op")
