"""A profile whose sensors are ticked by a test: its champion, its windows, its runs, its clock.

Here: what ticks need, as the daemon would have it: run keys are used once, runs keep their tags. Not here: any test.
Sensors, definitions, instance and records are the real ones; what a run would compute is said by the test.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from ticket_assets.automation.evidence import CLEAN, HISTORY
from ticket_assets.automation.retraining import retraining
from ticket_assets.definitions import build_defs
from ticket_assets.models.seen_tickets import SeenTickets
from ticket_assets.models.split import RECENT, Holdout, assign
from ticket_assets.monitoring.outbox import Outbox
from ticket_assets.monitoring.verdict import WindowRecord
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.record import RECORD
from ticket_assets.serving.store import Champion, read_champion, write_champion
from ticket_assets.storage import append_record
from ticket_assets.tables import write_parquet
from ticket_assets_tests.line import PROFILE, SETTINGS, Line
from ticket_assets_tests.monitoring.windows import window
from ticket_assets_tests.serving.conftest import toy_fields, toy_model

BEGUN = datetime(2026, 3, 1, 8, tzinfo=UTC)
EVERY = timedelta(seconds=30)
MONITORED = SETTINGS.replace(
    "[profiles.tiny.columns]\n",
    "[profiles.tiny.monitoring.retrain]\ncool_down_minutes = 60\n[profiles.tiny.columns]\n",
)


@dataclass
class Ticked:
    """What one tick came to: the run that was launched, or why none was."""

    run: dg.DagsterRun | None
    why_not: str | None


@dataclass
class World:
    """One profile in time.

    Attributes:
        line: its settings and folders.
        instance: Dagster's.
        now: the moment.
    """

    line: Line
    instance: dg.DagsterInstance
    now: datetime = BEGUN
    windows: int = 0
    cursors: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.defs = build_defs(self.line.settings())
        self.repository = self.defs.get_repository_def()

    @contextmanager
    def at_its_time(self) -> Iterator[None]:
        """Dagster writes the world's time into what happens inside."""
        with freeze_time(self.now):
            yield

    def tick(self, sensor: dg.SensorDefinition | None = None) -> Ticked:
        """Evaluate a sensor as the daemon does, by default the one of retraining; time goes on."""
        sensor = sensor or retraining(PROFILE, clock=lambda: self.now)
        with (
            self.at_its_time(),
            dg.build_sensor_context(
                self.instance,
                cursor=self.cursors.get(sensor.name),
                repository_def=self.repository,
                repository_name=self.repository.name,
                sensor_name=sensor.name,
                definitions=None,
            ) as context,
        ):
            came = sensor.evaluate_tick(context)
            self.cursors[sensor.name] = came.cursor
            runs = [one for request in came.run_requests or [] if (one := self._launched(sensor, request))]
        assert len(runs) <= 1
        self.now += EVERY
        return Ticked(runs[0] if runs else None, came.skip_message)

    def ticks(self, count: int, sensor: dg.SensorDefinition | None = None) -> list[dg.DagsterRun]:
        """So many ticks; the runs that they launched."""
        return [one.run for one in (self.tick(sensor) for _ in range(count)) if one.run]

    def _launched(self, sensor: dg.SensorDefinition, request: dg.RunRequest) -> dg.DagsterRun | None:
        """A run key is used once, ever."""
        key = {"dagster/run_key": request.run_key or "", "dagster/sensor_name": sensor.name}
        if request.run_key and self.instance.get_runs(dg.RunsFilter(tags=key)):
            return None
        job = self.repository.get_job(sensor.job_name)
        return self.instance.create_run_for_job(job, tags={**request.tags, **key})

    def queues(self, run: dg.DagsterRun) -> None:
        """A run stands in the queue, which asks to know its code location."""
        target = LoadableTargetOrigin(executable_path="python", module_name="ticket_assets.definitions")
        location = ManagedGrpcPythonEnvCodeLocationOrigin(target, "here")
        origin = RemoteRepositoryOrigin(location, "__repository__").get_job_origin(run.job_name)
        self.instance.delete_run(run.run_id)
        job = self.repository.get_job(run.job_name)
        queued = dg.DagsterRunStatus.QUEUED
        with self.at_its_time():
            self.instance.create_run_for_job(
                job, run_id=run.run_id, tags=run.tags, status=queued, remote_job_origin=origin
            )

    def ends(self, run: dg.DagsterRun, well: bool) -> None:
        """A run begins, takes half an hour, and ends."""
        with self.at_its_time():
            self._say(run, dg.DagsterEventType.PIPELINE_START)
        self.now += timedelta(minutes=30)
        with self.at_its_time():
            if well:
                self._say(run, dg.DagsterEventType.RUN_SUCCESS)
            else:
                self.instance.report_run_failed(run)

    def _say(self, run: dg.DagsterRun, kind: dg.DagsterEventType) -> None:
        self.instance.report_dagster_event(dg.DagsterEvent(kind.value, run.job_name), run.run_id)

    def made(self, key: dg.AssetKey, version: str = "", **metadata: Any) -> None:
        """An asset was made."""
        tags = {"dagster/data_version": version} if version else None
        with self.at_its_time():
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=metadata, tags=tags))

    def made_from(self, key: dg.AssetKey, version: str, inputs: dict[str, str]) -> None:
        """An asset was made from these versions of others."""
        tags = {f"dagster/input_data_version/{name}": told for name, told in inputs.items()}
        made = dg.AssetMaterialization(key, tags={**tags, "dagster/data_version": version})
        with self.at_its_time():
            self.instance.report_runless_asset_event(made)

    def judged(self, **said: Any) -> WindowRecord:
        """The next window of the champion is over."""
        self.windows += 1
        champion = self.champion
        seated = datetime.fromisoformat(champion.since)
        record = window(self.windows, champion.bundle, seated, **said)
        self.now = max(self.now, datetime.fromisoformat(record.until))
        self.made(HISTORY, window=record.as_dict())
        return record

    @property
    def champion(self) -> Champion:
        """Who is in the seat."""
        found = read_champion(self.line.folders.bundles)
        assert found is not None
        return found

    def promote(self, meanwhile: int = 0) -> Champion:
        """A new bundle, made from the tickets there are now, takes the seat; so often they were made meanwhile."""
        before = read_champion(self.line.folders.bundles)
        version = before.version + 1 if before else 1
        told = {**toy_fields(), "data": {"tickets/clean": f"tickets-{version}"}, "split": f"split-{version}"}
        bundle = write_bundle(self.line.folders.bundles, [toy_model()], told, "a card\n")
        self.made(CLEAN, f"tickets-{version}", clean=1000 * version)
        for number in range(meanwhile):
            self.made(CLEAN, f"meanwhile-{number}", clean=1000 * version + number)
        champion = Champion(version, bundle.id, self.now.isoformat(timespec="seconds"))
        self._decided(before, promoted=True, challenger={"version": version, "bundle": bundle.id})
        write_champion(self.line.folders.bundles, champion)
        self.windows = 0
        self.learnt(1000 * version + 500)
        return champion

    def refuse(self, run: dg.DagsterRun | None = None) -> None:
        """A challenger was worse; made by a run, where it is told."""
        by = {"dagster_run": run.run_id} if run else {}
        self._decided(self.champion, promoted=False, challenger={"version": 99, "bundle": "f" * 16}, **by)

    def break_off(self, run: dg.DagsterRun) -> None:
        """A challenger was promoted on record, and its run died before the pointer moved."""
        better = {"version": 99, "bundle": "f" * 16}
        self._decided(self.champion, promoted=True, challenger=better, dagster_run=run.run_id)

    def roll_back(self, to: Champion) -> None:
        """A former champion is back, without a pin."""
        at, before = self.now.isoformat(timespec="seconds"), self.champion
        told = {"event": "rollback", "at": at, "champion_before": before.version, "reason": "as the test says"}
        told |= {"champion": {"version": to.version, "bundle": to.bundle}, "pin": None, "scores": {}}
        append_record(self.line.folders.records / RECORD, told)
        write_champion(self.line.folders.bundles, Champion(to.version, to.bundle, at))
        self.windows = 0

    def learnt(self, rows: int) -> None:
        """So many labelled tickets are there now."""
        self.made(CLEAN, f"rows-{rows}", clean=rows)

    def tickets_are(self, new: int) -> None:
        """The tables have 100 tickets of before the champion, and so many that came since, each a family of its own."""
        ids = [*(f"old-{one}" for one in range(100)), *(f"new-{one}" for one in range(new))]
        clean = pd.DataFrame({"ticket_id": ids, "family_id": ids, "label_tone": "quiet"})
        holdout = Holdout("by the test", 0, tuple(ids[:15]))
        write_parquet(self.line.folders.parquet / "tickets" / "clean.parquet", clean)
        self.line.folders.split.mkdir(exist_ok=True)
        holdout.save(self.line.folders.split / "holdout.json")
        SeenTickets().and_those_of(assign(clean.head(100), holdout, 3), RECENT).save(self.line.folders.split)

    def _decided(self, before: Champion | None, **told: Any) -> None:
        line = {"event": "decision", "at": self.now.isoformat(timespec="seconds"), "reason": "as the test says", **told}
        append_record(self.line.folders.records / RECORD, {**line, "champion_before": before and before.version})

    @property
    def notices(self) -> list[str]:
        """Ids of the notices in the outbox."""
        return [one.notice.id for one in Outbox(self.line.folders.notices).pending()]


@contextmanager
def begun(
    folder: Path, instance: dg.DagsterInstance, settings: str = MONITORED, at: datetime = BEGUN
) -> Iterator[World]:
    """A world with its first champion, five hours ago."""
    line = Line.begin(folder, settings=settings)
    with line.environment():
        world = World(line, instance, at)
        world.promote()
        world.now += timedelta(hours=5)
        yield world
