"""A desk whose tickets change: a champion of before, a new topic, a champion that was trained with it.

Here: tickets by topic, tables of two phases, real models of words fitted to them. Not here: any test.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ticket_assets.features.text import TicketFeatures, text_features
from ticket_assets.models.fitting import fit_estimator
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.seen_tickets import names_of
from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.workbench import Workbench
from ticket_assets.monitoring.reading import window_sample
from ticket_assets.monitoring.reference import TicketTables
from ticket_assets.monitoring.sample import Sample
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.storage import ProfileFolders
from ticket_assets.tickets.language import detect_languages
from ticket_assets_tests.serving.conftest import TOY_SCHEMA, toy_fields

TARGET = "queue"
OLD, NEW = ("network", "printer", "payroll", "access"), "legal"
BEGAN = pd.Timestamp("2026-03-01 08:00", tz="UTC")
_COMMON = [f"common{place}" for place in range(60)]
_STEP = pd.Timedelta(minutes=5)


@dataclass(frozen=True)
class Desk:
    """Tickets of both phases.

    Attributes:
        clean: `tickets/clean`.
        split: `models/split`.
        trained: ids, of phase 1 alone and of both.
    """

    clean: pd.DataFrame
    split: pd.DataFrame
    trained: tuple[frozenset[str], frozenset[str]]

    def tables(self, phase: int) -> TicketTables:
        """As the champion of a phase, 1 or 2, finds them: today's tickets are of both phases."""
        recent = self.split.loc[self.split["side"] == "recent", "ticket_id"]
        names = frozenset(names_of(recent)) if phase == 2 else frozenset()
        return TicketTables(self.clean, self.split, frozenset(names_of(self.trained[phase - 1])), names, None, True)


def written(n: int, seed: int, new: float = 0.0) -> tuple[list[str], list[str]]:
    """Texts and topics of n tickets, such a share of them of the new topic."""
    rng = np.random.default_rng(seed)
    topics = rng.choice([*OLD, NEW], n, p=[*((1 - new) * share for share in (0.4, 0.3, 0.2, 0.1)), new])
    texts = []
    for topic in topics:
        length = 4 + rng.poisson(10)
        own = [f"{topic}{place}" for place in range(40)]
        words = np.where(rng.random(length) < 0.75, rng.choice(_COMMON, length), rng.choice(own, length))
        texts.append(" ".join(words))
    wrong = rng.random(n) < 0.1
    told = np.where(wrong, rng.choice(OLD, n), topics)
    return texts, [str(one) for one in told]


def desk(before: int, after: int, new: float, recent: float, seed: int) -> Desk:
    """So many tickets of each phase; one in five of the first was held out, such a share of the second as recent."""
    rng, parts = np.random.default_rng([seed, 9]), []
    for phase, (n, share) in enumerate(((before, 0.0), (after, new)), start=1):
        texts, topics = written(n, 10 * seed + phase, share)
        ids = [f"T{phase}-{row}" for row in range(n)]
        times = BEGAN + (0 if phase == 1 else before) * _STEP + np.arange(n) * _STEP
        drawn = rng.random(n)
        side = np.where(drawn < 0.2, "holdout", "train") if phase == 1 else np.where(drawn < recent, "recent", "train")
        its: dict[str, Any] = {"ticket_id": ids, "text": texts, "family_id": ids, "side": side}
        its["language"] = detect_languages(texts, TOY_SCHEMA.languages)
        parts.append(pd.DataFrame({**its, "label_queue": topics, "created_at": times, "ingested_at": times}))
    clean = pd.concat(parts, ignore_index=True)
    fitted = clean[clean["side"] == "train"]["ticket_id"]
    split = clean[["ticket_id", "family_id", "side"]]
    old = frozenset(one for one in fitted if one.startswith("T1"))
    return Desk(clean.drop(columns="side"), split, (old, frozenset(fitted)))


def fitted(folders: ProfileFolders, its: Desk, phase: int) -> TriageBundle:
    """A bundle of a linear model of words, fitted to the training rows of phase 1, or of both."""
    rows = its.clean[its.clean["ticket_id"].isin(its.trained[phase - 1])]
    labels = tuple(sorted(rows["label_queue"].unique()))
    y = rows["label_queue"].map({label: place for place, label in enumerate(labels)}).to_numpy()
    made = text_features(list(rows["text"]), ["en"] * len(rows), [{}] * len(rows), TOY_SCHEMA)
    features = TicketFeatures(made.documents, made.columns)
    bench = Workbench(features, y, np.arange(len(rows)), len(labels), 0, 1)
    blocks = Blocks(TfidfSpec(longest=1), sparse=True)
    representation, matrix = bench.fit_representation(blocks, np.arange(len(rows)))
    recipe = Recipe("linear_svm", blocks, {"C": 0.5})
    estimator = fit_estimator(recipe, matrix, y, len(labels), 1, 1)
    model = TargetModel(TARGET, labels, recipe, representation, estimator, 3.0)
    fields = {**toy_fields(targets=(TARGET,)), "data": {"tickets/clean": f"v{phase}"}}
    manifest = write_bundle(folders.bundles, [model], fields, "a card\n")
    return TriageBundle.load(folders.bundles / manifest.id, folders.encoders)


def window(bundle: TriageBundle, n: int, seed: int, new: float) -> Sample:
    """Live tickets as the bundle answers them and reads them from the log; people label all."""
    texts, topics = written(n, seed, new)
    rows = []
    for row, (body, answers) in enumerate(zip(texts, bundle.predict([Ticket(one) for one in texts]), strict=True)):
        answer = answers[TARGET]
        told = {f"probabilities_{TARGET}": list(answer.probabilities.items()), f"predicted_{TARGET}": answer.label}
        truth = topics[row]
        rows.append(
            {"id": f"{seed}-{row}", "subject": "", "body": body, "context": [], f"truth_{TARGET}": truth, **told}
        )
    return window_sample(rows, bundle)[0]
