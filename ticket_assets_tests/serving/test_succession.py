"""A challenger's way: refused, promoted or failed, and what each leaves behind; on real bundles and a real MLflow."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.candidate import read_candidate
from ticket_assets.models.promotion import Verdict
from ticket_assets.models.registry import Registry, require_experiment
from ticket_assets.profile import PromotionSettings
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.manifest import FOUND_OUT, BundleManifest
from ticket_assets.serving.store import Champion, read_champion, write_champion
from ticket_assets.serving.succession import Succession, settle
from ticket_assets.serving.throne import Court
from ticket_assets.serving.trial import HeldOut, contest
from ticket_assets_tests.serving.conftest import Served, change_manifest

# A busy machine must not decide these tests.
RULES = PromotionSettings(max_latency_ms=60_000)


class Stage:
    """A court of its own, with good and bad bundles of the same labels."""

    def __init__(self, served: Served, folder: Path, uri: str) -> None:
        from mlflow import MlflowClient

        self.served, self.bundles = served, folder / "bundles"
        require_experiment(uri, "tiny", folder / "artifacts")
        self.client = MlflowClient(tracking_uri=uri)
        self.registry = Registry(uri, f"ticket-assets-{folder.name}")
        self.court = Court(
            self.bundles, served.encoders, folder / "records", self.registry, RULES, 1, 1, folder / "trained"
        )
        self.ids = served.of_both_targets()
        self.good, self.bad = self._bundle(), self._bundle(turned=1)

    def _bundle(self, turned: int = 0, **said: object) -> BundleManifest:
        """The champion's models; with labels that are turned they are wrong wherever they were right."""
        models = []
        for target in self.served.manifest.targets:
            model = read_candidate(self.served.line.folders.candidates / target, 1)[0]
            models.append(replace(model, labels=(*model.labels[turned:], *model.labels[:turned])))
        fields = {name: value for name, value in vars(self.served.manifest).items() if name not in FOUND_OUT}
        return write_bundle(self.bundles, models, {**fields, **said}, "a card")

    def outdated(self) -> BundleManifest:
        """The good models as a bundle of an earlier cleaning."""
        return self._bundle(cleaning="0")

    def held(self, manifest: BundleManifest) -> dict[str, HeldOut]:
        bundle = self.served.load(self.bundles / manifest.id)
        answers = bundle.probabilities(bundle.features([self.served.tickets[one] for one in self.ids]))
        scored = self.served.scored.set_index(["ticket_id", "target"])
        held = {}
        for target, labels in manifest.targets.items():
            rows = scored.loc[[(one, target) for one in self.ids]]
            known = self.served.manifest.targets[target]
            truth = [known[y] for y in rows["y"]]
            families = rows["family_id"].to_numpy()
            held[target] = HeldOut(np.arange(len(truth)), truth, families, labels, answers[target], {known[0]: 1.0})
        return held

    def settle(self, challenger: BundleManifest, court: Court | None = None) -> tuple[Succession, str]:
        tickets = [self.served.tickets[one] for one in self.ids]
        tags: Mapping[str, str] = {"dagster_run": "a-run"}
        with self.registry.closing(self.open_run()) as run:
            return settle(court or self.court, challenger, tickets, self.held(challenger), run, tags), run

    def open_run(self) -> str:
        experiment = self.client.get_experiment_by_name("tiny")
        return str(self.client.create_run(experiment.experiment_id).info.run_id)

    def latest_status(self) -> str:
        [experiment] = self.client.search_experiments(filter_string="name = 'tiny'")
        return str(self.client.search_runs([experiment.experiment_id], max_results=1)[0].info.status)

    def status(self, run: str) -> str:
        return str(self.client.get_run(run).info.status)

    def records(self) -> list[dict]:
        path = self.court.records / "promotions.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all tests: its schema takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def stage(served_line: Served, tmp_path: Path, mlflow_uri: str) -> Stage:
    return Stage(served_line, tmp_path, mlflow_uri)


def test_the_first_good_bundle_is_promoted_registered_and_recorded(stage: Stage) -> None:
    done, run = stage.settle(stage.good)
    assert done.decision.promoted
    assert {one.verdict for one in done.decision.targets.values()} == {Verdict.FIRST}
    assert done.champion == read_champion(stage.bundles)
    assert done.champion is not None and done.champion.bundle == stage.good.id
    assert stage.registry.champion_version() == done.champion.version == 1
    assert stage.status(run) == "FINISHED"
    [record] = stage.records()
    assert record["challenger"] == {"version": 1, "bundle": stage.good.id}
    assert (record["promoted"], record["champion_before"], record["dagster_run"]) == (True, None, "a-run")
    logged = stage.client.get_run(run).data
    assert logged.params["bundle"] == stage.good.id
    assert logged.tags["dagster_run"] == "a-run"
    assert logged.metrics["queue.macro_f1"] == pytest.approx(stage.good.scores["queue"]["macro_f1"])


def test_a_first_bundle_below_its_floor_is_refused_and_nobody_is_champion(stage: Stage) -> None:
    done, run = stage.settle(stage.bad)
    assert not done.decision.promoted
    assert "below the floor" in done.decision.reason
    assert done.champion is None and read_champion(stage.bundles) is None
    assert stage.registry.champion_version() is None
    assert stage.status(run) == "FINISHED"
    assert stage.records()[0]["promoted"] is False


def test_a_refused_challenger_leaves_pointer_and_alias(stage: Stage) -> None:
    stage.settle(stage.good)
    before = (stage.bundles / "champion.json").read_bytes()
    done, run = stage.settle(stage.bad)
    assert not done.decision.promoted
    assert {one.verdict for one in done.decision.targets.values()} == {Verdict.LOSES}
    assert (stage.bundles / "champion.json").read_bytes() == before
    assert stage.registry.champion_version() == 1
    assert int(stage.client.get_registered_model(stage.registry.name).aliases["challenger"]) == 2
    assert stage.status(run) == "FINISHED"
    assert [one["promoted"] for one in stage.records()] == [True, False]


def test_a_better_challenger_takes_the_throne_of_a_bad_champion(stage: Stage) -> None:
    write_champion(stage.bundles, Champion(41, stage.bad.id, "2026-01-02T03:04:05+00:00"))
    done, _ = stage.settle(stage.good)
    assert {one.verdict for one in done.decision.targets.values()} == {Verdict.GAINS}
    assert done.champion is not None and done.champion.bundle == stage.good.id
    assert stage.records()[0]["champion_before"] == 41
    assert done.decision.targets["queue"].difference.low > 0  # type: ignore[union-attr]


def test_the_champion_is_not_judged_against_itself(stage: Stage) -> None:
    stage.settle(stage.good)
    done, run = stage.settle(stage.good)
    assert "the challenger is the champion" in done.decision.reason
    assert stage.status(run) == "FINISHED"
    assert len(stage.records()) == 1


def test_the_alias_moves_before_the_pointer_and_the_record_before_both(stage: Stage) -> None:
    seen = []

    class Watching(Registry):
        def crown(self, version: int) -> None:
            seen.append((read_champion(stage.bundles), len(stage.records())))
            super().crown(version)

    watching = Watching(stage.registry._client.tracking_uri, stage.registry.name)
    done, _ = stage.settle(stage.good, replace(stage.court, registry=watching))
    assert seen == [(None, 1)]
    assert read_champion(stage.bundles) == done.champion is not None


@pytest.mark.parametrize("fails", ["log", "register", "crown"])
def test_whatever_fails_leaves_the_champion_serving_and_closes_the_run_as_failed(stage: Stage, fails: str) -> None:
    """Without this an evaluation that died counted as a score of 0, or its run stayed RUNNING for ever."""
    sitting = Champion(41, stage.bad.id, "2026-01-02T03:04:05+00:00")
    write_champion(stage.bundles, sitting)

    def broken(*arguments: object) -> None:
        raise ConnectionError("the registry is away")

    registry = Registry(stage.registry._client.tracking_uri, stage.registry.name)
    setattr(registry, fails, broken)
    with pytest.raises(ConnectionError, match="the registry is away"):
        stage.settle(stage.good, replace(stage.court, registry=registry))
    assert stage.latest_status() == "FAILED"
    assert read_champion(stage.bundles) == sitting


SILENCES: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (lambda folder: (folder / "queue" / "model.json").write_text("{}"), "queue/model.json was changed"),
    "gone": (shutil.rmtree, "it is no bundle"),
    "another library": (lambda folder: change_manifest(folder, libraries={"numpy": "1.0.0"}), "made with numpy 1.0.0"),
    "another cleaning": (lambda folder: None, "its cleaning is version 0, this code's"),
}


@pytest.mark.parametrize("silence", SILENCES)
def test_a_champion_that_no_longer_loads_is_succeeded_by_what_passes_the_floors(stage: Stage, silence: str) -> None:
    """It failed every retraining, so that a new cleaning or numpy left a desk with that champion for ever."""
    sitting, (damage, complaint) = stage.outdated(), SILENCES[silence]
    write_champion(stage.bundles, Champion(41, sitting.id, "2026-01-02T03:04:05+00:00"))
    damage(stage.bundles / sitting.id)
    done, run = stage.settle(stage.good)
    assert done.decision.promoted
    assert {one.verdict for one in done.decision.targets.values()} == {Verdict.UNOPPOSED}
    assert read_champion(stage.bundles) == done.champion
    assert done.champion is not None and done.champion.bundle == stage.good.id
    [record] = stage.records()
    assert complaint in record["unanswered"] and complaint in record["reason"]
    assert (record["champion_before"], record["promoted"]) == (41, True)
    assert "the champion did not answer" in stage.client.get_run(run).data.params["decision"]
    again, _ = stage.settle(stage.bad)
    assert again.decision.unanswered is None
    assert {one.verdict for one in again.decision.targets.values()} == {Verdict.LOSES}


def test_a_champion_that_no_longer_loads_is_not_succeeded_by_what_is_below_the_floors(stage: Stage) -> None:
    sitting = Champion(41, stage.outdated().id, "2026-01-02T03:04:05+00:00")
    write_champion(stage.bundles, sitting)
    done, _ = stage.settle(stage.bad)
    assert not done.decision.promoted
    assert "below the floor" in done.decision.reason and "its cleaning is version 0" in done.decision.reason
    assert done.champion == read_champion(stage.bundles) == sitting


def test_a_disk_that_cannot_be_read_is_a_failed_run_and_no_silence(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that passes must not cost a good champion its comparison."""
    sitting = Champion(41, stage.outdated().id, "2026-01-02T03:04:05+00:00")
    write_champion(stage.bundles, sitting)
    read_text = Path.read_text

    def failing(path: Path, *arguments: object, **more: object) -> str:
        if path.parent.name == sitting.bundle:
            raise OSError(5, "Input/output error")
        return read_text(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", failing)
    with pytest.raises(OSError, match="Input/output error"):
        stage.settle(stage.good)
    assert stage.latest_status() == "FAILED"
    assert read_champion(stage.bundles) == sitting


def test_a_class_that_one_side_does_not_know_is_its_error() -> None:
    """Over the champion's labels alone, a new class would vanish from both scores."""
    held = HeldOut(
        rows=np.array([2, 0, 1]),
        truth=("hr", "new", "it"),
        families=np.array(["a", "b", "c"]),
        labels=("it", "new"),
        challenger=np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]),
        shares={"it": 0.7, "new": 0.3},
    )
    champion = (("hr", "it"), np.array([[0.1, 0.9], [0.3, 0.7], [0.8, 0.2]]))
    made = contest(held, champion, latency_ms=3.0)
    assert made.labels == ("hr", "it", "new")
    assert made.y_true.tolist() == [0, 2, 1]
    assert made.challenger.tolist() == [1, 2, 1]
    assert made.champion is not None and made.champion.tolist() == [0, 1, 1]
    assert made.majority.tolist() == [1, 1, 1]
    assert contest(held, None, latency_ms=3.0).champion is None
