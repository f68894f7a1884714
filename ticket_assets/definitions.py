"""The assembly: the one module that sees everything.

Belongs here: which assets a profile has, their versions, jobs, resources.
Does not belong here: any declaration of an asset, check or resource.
"""

import json
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from ticket_assets.assets import features, models, monitoring, serving, tickets
from ticket_assets.assets.declaration import settings_of_tags
from ticket_assets.automation import checks, monitoring_checks
from ticket_assets.automation.conditions import NAME as NEW_DATA
from ticket_assets.automation.deployment import deploy_job, deployment
from ticket_assets.automation.progress import peak_memory, progress
from ticket_assets.automation.retraining import retrain_job, retraining
from ticket_assets.automation.runs import LANE, LINE, MONITORING, RETRAIN, TABLES, WATCHING
from ticket_assets.automation.schedules import monitoring_schedule
from ticket_assets.automation.telling import notices, run_failed, run_recovered
from ticket_assets.automation.triggers import triggered
from ticket_assets.automation.watch import watch
from ticket_assets.resources.desk import Desk
from ticket_assets.resources.parquet import ParquetTables
from ticket_assets.resources.tracking import mlflow_resource
from ticket_assets.settings import Settings, load_settings, resolve
from ticket_assets.storage import digest, file_digest

WATCHED = dg.AssetSelection.groups(MONITORING)
NEW_DATA_SECONDS = 15
# Where a file lies is not what it says.
NO_CONTENT: dict[str, Any] = {"source": {"path"}, "targets": {"__all__": {"taxonomy"}}}
FOR_ALL_PROFILES = {"seed"}  # of the settings beside the profiles, those that change a result
# A step uses all threads, and has a process of its own, so that memory is given back and a crash stays in it. The
# fork server imports the definitions once; a spawned process would spend seconds on that at every step.
ONE_STEP_AT_A_TIME = {
    "max_concurrent": 1,
    "start_method": {"forkserver": {"preload_modules": ["ticket_assets.definitions"]}},
}


def build_resources(settings: Settings) -> dict[str, object]:
    """Resources of one profile by the name that assets ask for."""
    return {
        "desk": Desk(profile=settings.profile),
        "io_manager": ParquetTables(root=str(settings.profile_root)),
        "mlflow": mlflow_resource(settings),
    }


def build_defs(settings: Settings | None = None, resources: Mapping[str, object] | None = None) -> dg.Definitions:
    """Definitions of the active profile.

    Args:
        settings: those of the environment when None.
        resources: replace single resources, in tests.
    """
    settings = settings or load_settings()
    return dg.Definitions(
        assets=[
            *(triggered(versioned(one, settings), settings) for one in line_assets(settings)),
            *(versioned(one, settings) for one in monitoring_assets()),
        ],
        asset_checks=[
            *(checks.counts_add_up, checks.families_stay_whole, checks.answers_as_the_asset),
            *(monitoring_checks.as_in_training, monitoring_checks.as_promised),
        ],
        jobs=[
            dg.define_asset_job(
                LINE,
                dg.AssetSelection.all() - WATCHED,
                description="The whole line, from source to bento.",
                hooks={peak_memory},
                tags={LANE: TABLES},
            ),
            dg.define_asset_job(
                MONITORING,
                WATCHED,
                description="Live traffic against what the champion was made for.",
                tags={LANE: WATCHING},
            ),
            retrain_job({peak_memory}),
            deploy_job({peak_memory}),
        ],
        schedules=[monitoring_schedule(settings)],
        sensors=sensors(settings),
        loggers={"console": progress},
        resources={**build_resources(settings), **(resources or {})},
        executor=dg.multiprocess_executor.configured(ONE_STEP_AT_A_TIME),
    )


def line_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Assets of a profile; the demo's source is generated, any other's is kept by others."""
    targets = tuple(settings.active.targets)
    generated = settings.active.source.kind == "sample"
    return [
        tickets.sample if generated else tickets.source,
        tickets.mended,
        tickets.corrections,
        tickets.feedback,
        tickets.raw(tickets.SAMPLE if generated else tickets.SOURCE),
        tickets.clean,
        tickets.quality,
        features.text,
        features.embeddings,
        models.split,
        *(models.search(target) for target in targets),
        *(models.candidate(target) for target in targets),
        models.explanation(targets),
        models.evaluation(targets),
        models.pin,
        models.champion(targets),
        serving.bento,
        serving.deployment,
    ]


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """What runs by itself once a daemon runs: all on from the start, each for the active profile."""
    profile = settings.profile
    return [
        watch(profile),
        new_data_sensor(),
        retraining(profile),
        deployment(profile),
        run_failed(profile),
        run_recovered(profile),
        notices(profile),
    ]


def new_data_sensor() -> dg.SensorDefinition:
    """The sensor that evaluates the condition of the assets which follow the data."""
    with warnings.catch_warnings():
        # In a code server, which knows our part of the condition; the lock holds Dagster's version.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.AutomationConditionSensorDefinition(
            NEW_DATA,
            target=dg.AssetSelection.all(),
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=NEW_DATA_SECONDS,
            run_tags={"ticket-assets/causes": "new data", "dagster/max_retries": "1", LANE: TABLES},
            use_user_code_server=True,  # of its parts one is our own
            description="Carries new data from the source to the vectors (automation/conditions.py says how).",
        )


def monitoring_assets() -> list[dg.AssetsDefinition]:
    """What watches the champion, for every profile."""
    return [
        monitoring.predictions,
        monitoring.reference,
        monitoring.drift,
        monitoring.performance,
        monitoring.history,
        monitoring.shadow,
    ]


def versioned(one: dg.AssetsDefinition | dg.AssetSpec, settings: Settings) -> dg.AssetsDefinition | dg.AssetSpec:
    """Add the settings that an asset depends on to its code version: changing one makes the asset stale."""

    def extend(spec: dg.AssetSpec) -> dg.AssetSpec:
        sections = settings_of_tags(spec.tags)
        if not sections:
            return spec
        values = settings.active.model_dump(include=included(sections), exclude=NO_CONTENT, mode="json")
        values |= settings.model_dump(include=sections & FOR_ALL_PROFILES)
        values |= taxonomy_digests(settings) if "targets" in sections else {}
        return spec.replace_attributes(
            code_version=f"{spec.code_version}-{digest([json.dumps(values, sort_keys=True)])}"
        )

    [mapped] = dg.map_asset_specs(extend, [one])
    return mapped


def included(sections: Iterable[str]) -> dict[str, Any]:
    """Sections of a profile as pydantic wants them named; `monitoring.feedback.weight` is one value in two others."""
    wanted: dict[str, Any] = {}
    for section in sections:
        *outer, last = section.split(".")
        place = wanted
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = True
    return wanted


def taxonomy_digests(settings: Settings) -> dict[str, str]:
    """Target to the content of its taxonomy file: what stands in it counts, not where it lies.

    Without the file the definitions still load; `tickets/clean` says what is missing.
    """
    named = {name: target.taxonomy for name, target in settings.active.targets.items()}
    files = {name: resolve(path) for name, path in named.items() if path}
    return {f"taxonomy of {name}": file_digest(file) for name, file in files.items() if file.is_file()}


defs = build_defs()


def monitoring_job() -> dg.JobDefinition:
    """The job `monitoring`, likewise."""
    return defs.resolve_job_def(MONITORING)


def line_job() -> dg.JobDefinition:
    """The job `line`, as a process of its own finds it."""
    return defs.resolve_job_def(LINE)


def retrain_here() -> dg.JobDefinition:
    """The job `retrain`, as a process of its own finds it."""
    return defs.resolve_job_def(RETRAIN)
