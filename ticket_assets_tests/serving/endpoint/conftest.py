"""A bundle store of toy models, and the parts of a service on it."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.models.bands import Bands
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.endpoint.engine import BundlePlace, Engine
from ticket_assets.serving.endpoint.metrics import Metrics, metrics_of_process
from ticket_assets.serving.endpoint.office import Office
from ticket_assets.serving.endpoint.runtime import Runtime
from ticket_assets.serving.endpoint.settings import ServiceSettings
from ticket_assets.serving.endpoint.switch import ActingSwitch
from ticket_assets.serving.endpoint.threads import Pools
from ticket_assets.serving.endpoint.triage import Triage
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets_tests.serving.conftest import toy_fields, toy_model

NEVER = 3600.0
LOUD, QUIET = "HELP NOW HELP NOW HELP NOW", "please help please help"


@dataclass(frozen=True)
class ToyStore:
    """A bundle store whose champions differ in their bands, and so in their ids."""

    root: Path

    @property
    def place(self) -> BundlePlace:
        return BundlePlace(self.root, self.root)

    def write(self, act: float = 0.85) -> str:
        """Write a bundle; return its id."""
        fields = toy_fields() | {"bands": {"tone": Bands(act=act, suggest=0.6)}}
        return write_bundle(self.root, [toy_model()], fields, "a toy").id

    def crown(self, version: int, act: float = 0.85) -> Champion:
        """Write a bundle and make it champion."""
        champion = Champion(version, self.write(act), f"2026-01-{version:02d}T00:00:00+00:00")
        write_champion(self.root, champion)
        return champion


@pytest.fixture(scope="session")
def _written(tmp_path_factory: pytest.TempPathFactory) -> ToyStore:
    """Bundles for all tests: fitting one takes longer than any test of it."""
    store = ToyStore(tmp_path_factory.mktemp("toys") / "bundles")
    for act in (0.85, 0.9, 0.7):
        store.write(act)
    return store


@pytest.fixture
def store(_written: ToyStore, tmp_path: Path) -> ToyStore:
    return ToyStore(Path(shutil.copytree(_written.root, tmp_path / "bundles")))


@pytest.fixture
def engine(store: ToyStore) -> Engine:
    """An engine on which the store's first champion is seated."""
    store.crown(1)
    made = Engine([store.place])
    made.start()
    return made


@dataclass(frozen=True)
class Parts:
    """A service without its transports."""

    engine: Engine
    log: PredictionLog
    switch: ActingSwitch
    triage: Triage
    office: Office
    pools: Pools


@pytest.fixture(scope="session")
def metrics() -> Metrics:
    return metrics_of_process()


@pytest.fixture
def open_parts(engine: Engine, metrics: Metrics, tmp_path: Path) -> Iterator[Callable[..., Parts]]:
    opened: list[PredictionLog] = []
    pools: list[Pools] = []

    def made(**settings: object) -> Parts:
        log = PredictionLog.open(PredictionLogSettings.model_validate({"folder": tmp_path / "log", **settings}))
        opened.append(log)
        switch = ActingSwitch(tmp_path / "acting.json")
        triage = Triage(engine, log, switch, metrics, most_tickets=5)
        pools.append(Pools())
        return Parts(engine, log, switch, triage, Office(engine, log, switch), pools[-1])

    yield made
    for its in pools:
        its.close()
    for log in opened:
        log.close()


@pytest.fixture
def parts(open_parts: Callable[..., Parts]) -> Parts:
    return open_parts()


@pytest.fixture
def run() -> Callable[..., Any]:
    """Run a coroutine to its end."""
    return asyncio.run


@pytest.fixture
def beside(store: ToyStore, tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    """Services of a store whose champion is v1; they look for a challenger when a test says so, not by the clock."""
    store.crown(1)
    runtimes: list[Runtime] = []

    def made(**more: Any) -> Runtime:
        given = {"state": tmp_path / "state", "bundles": store.root, "encoders": store.root, "watch_seconds": NEVER}
        runtimes.append(Runtime(ServiceSettings.model_validate(given | {"grpc": {"address": "none"}} | more)))
        return runtimes[-1]

    yield made
    for one in runtimes:
        one.close()
