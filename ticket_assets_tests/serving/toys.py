"""A small desk: bundles of toy models that answer in a millisecond, held-out tickets, a real MLflow.

Here: what tests of succession, rollback and record share. Not here: any test; what needs an encoder (conftest.py).

A ticket shouts 0 to 8 of its 8 words. It is loud from 6 on, and the toy knows that. A toy that is hard of hearing finds
only some of these loud, and one that is deaf none.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ticket_assets.models.estimators import LinearEstimator
from ticket_assets.models.registry import Registry, require_experiment
from ticket_assets.models.target_model import TargetModel
from ticket_assets.profile import PromotionSettings
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.record import Event
from ticket_assets.serving.store import Champion, read_champion
from ticket_assets.serving.succession import Succession, settle
from ticket_assets.serving.throne import Court, instant, record, seat, throne
from ticket_assets.serving.trial import HeldOut
from ticket_assets.tickets.taxonomy import Taxonomy
from ticket_assets_tests.serving.conftest import toy_fields, toy_model

WORDS = ("please", "help", "with", "this", "now", "again", "printer", "vpn")
SHOUTED = [number % 9 for number in range(180)]
TICKETS = [Ticket(" ".join(word.upper() if place < k else word for place, word in enumerate(WORDS))) for k in SHOUTED]
# What a toy adds to the score of `quiet`: it then finds loud what shouts 6 words, 7, 8, or nothing at all.
GOOD, NEARLY_GOOD, HARD_OF_HEARING, DEAF = 0.0, 0.2, 0.35, 9.0
# A busy machine must not decide these tests.
RULES = PromotionSettings(max_latency_ms=60_000)


def hearing(target: str, worse: float, labels: tuple[str, ...] = ("quiet", "loud")) -> TargetModel:
    """A toy of so bad hearing."""
    model = toy_model(target)
    assert isinstance(model.estimator, LinearEstimator)
    estimator = LinearEstimator(model.estimator.weights, model.estimator.intercepts + np.array([worse, -worse]))
    return replace(model, estimator=estimator, labels=labels)


class SmallDesk:
    """A court of its own; its database is shared, since a schema takes seconds."""

    def __init__(self, folder: Path, uri: str, rules: PromotionSettings = RULES) -> None:
        from mlflow import MlflowClient

        self.bundles, self.records = folder / "bundles", folder / "records"
        require_experiment(uri, "toys", folder / "artifacts")
        self.client = MlflowClient(tracking_uri=uri)
        self.registry = Registry(uri, f"ticket-assets-{folder.name}")
        self.court = Court(
            self.bundles, folder / "encoders", self.records, self.registry, rules, 1, 1, folder / "trained"
        )

    def bundle(self, models: list[TargetModel] | None = None, /, **hears: float) -> BundleManifest:
        """A bundle of toys, each target with its hearing; or of the given models."""
        return self.written(models or [hearing(target, worse) for target, worse in hears.items()])

    def written(self, models: list[TargetModel], **said: object) -> BundleManifest:
        fields = toy_fields(targets=tuple(model.target for model in models))
        return write_bundle(self.bundles, models, {**fields, **said}, "a card\n")

    def load(self, bundle: str) -> TriageBundle:
        return TriageBundle.load(self.bundles / bundle, self.court.encoders)

    def answers(self, bundle: str) -> dict[str, np.ndarray]:
        loaded = self.load(bundle)
        return loaded.probabilities(loaded.features(TICKETS))

    def held(self, manifest: BundleManifest, loud: str = "loud", quiet: str = "quiet") -> dict[str, HeldOut]:
        answers = self.answers(manifest.id)
        truth = [loud if k >= 6 else quiet for k in SHOUTED]
        shares = {label: truth.count(label) / len(truth) for label in {*truth}}
        rows, families = np.arange(len(TICKETS)), np.arange(len(TICKETS))
        return {
            target: HeldOut(rows, truth, families, labels, answers[target], shares)
            for target, labels in manifest.targets.items()
        }

    def settle(
        self, challenger: BundleManifest, court: Court | None = None, held: dict[str, HeldOut] | None = None
    ) -> Succession:
        with self.registry.closing(self.open_run()) as run:
            held = held or self.held(challenger)
            return settle(court or self.court, challenger, TICKETS, held, run, {"dagster_run": "a-run"})

    def crown(self, manifest: BundleManifest) -> Champion:
        """Make a bundle champion without a contest: what the next one is held against."""
        with throne(self.court) as standing:
            version = self.registry.register(self.open_run(), self.bundles / manifest.id, {"bundle": manifest.id})
            now = datetime.now(UTC)
            challenger = {"version": version, "bundle": manifest.id}
            record(
                self.court, standing, Event.DECISION, now, challenger=challenger, promoted=True, reason="promoted: toy"
            )
            champion = Champion(version, manifest.id, instant(now))
            seat(self.court, champion)
        return champion

    def with_taxonomy(self, taxonomies: Mapping[str, Taxonomy]) -> Court:
        return replace(self.court, taxonomies=taxonomies)

    def open_run(self, **tags: str) -> str:
        experiment = self.client.get_experiment_by_name("toys")
        assert experiment is not None
        return str(self.client.create_run(experiment.experiment_id, tags=tags).info.run_id)

    @property
    def champion(self) -> Champion | None:
        return read_champion(self.bundles)

    def lines(self) -> list[dict]:
        path = self.records / "promotions.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
