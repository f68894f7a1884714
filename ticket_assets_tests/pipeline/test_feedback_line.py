"""Corrections on their way down the line: into training with their weight, or held out, and into the decision.

Really run but for the search, in whose place stands a recipe that is fitted as its winner would be.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ticket_assets.models.calibration import apply
from ticket_assets.models.candidate import write_candidate
from ticket_assets.models.ngrams import TfidfSpec
from ticket_assets.models.recipe import Recipe
from ticket_assets.models.representation import Blocks
from ticket_assets.models.thresholds import OutOfFold
from ticket_assets.models.training import fold_scores, train
from ticket_assets.models.workbench import Workbench
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.bundle import MODEL_CARD
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.records import TargetAnswer
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.store import require_champion
from ticket_assets.tickets.sample import generate
from ticket_assets.tickets.sample_spec import SampleSpec
from ticket_assets_tests.line import PROFILE, SETTINGS, Line
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, logged

pytestmark = pytest.mark.slow  # encodes, fits and decides twice

TABLES = [
    *("tickets/raw", "tickets/feedback", "tickets/clean", "tickets/quarantine"),
    *("features/text", "features/embeddings", "models/split"),
]
# Sixty held-out tickets cannot tell a hundredth.
FEEDBACK = """
promotion.max_loss = 0.2
promotion.max_class_drop = 0.5
[profiles.tiny.monitoring.feedback]
held_out_share = 0.3
weight = 2.0
[profiles.tiny.columns]"""
RECIPE = Recipe("linear_svm", Blocks(tfidf=TfidfSpec(max_ngrams=2000), sparse=True), {"C": 0.5})


@pytest.fixture
def fresh(tmp_path: Path, encoder_root: Path) -> Iterator[Line]:
    line = Line.begin(tmp_path, encoder_root, SETTINGS.replace("\n[profiles.tiny.columns]", FEEDBACK))
    with line.environment():
        yield line


def run(line: Line) -> dict[str, dict[str, object]]:
    """The line without search; metadata of what was made."""
    desk, models = Desk(profile=PROFILE), ["models/explanation", "models/evaluation", "models/champion"]
    with line.instance() as instance:
        done = line.execute(instance, [dg.AssetKey.from_user_string(one) for one in TABLES], raise_on_error=True)
        tables = (line.table("tickets", "clean"), line.table("features", "text"), line.table("models", "split"))
        for target in ("queue", "priority"):
            rows = desk.target_rows(target, *tables)
            training, classes = rows.training, len(rows.labels)
            bench = Workbench(training.features, training.y, rows.groups, classes, 0, 1, weights=training.weights)
            scores = np.zeros((len(training.y), classes), dtype=np.float32)
            for number in np.unique(rows.folds):
                scores[rows.folds == number] = fold_scores(bench, RECIPE, rows.folds, number)
            model = train(bench, RECIPE, target, rows.labels, scores)
            known = OutOfFold.told(apply(scores, model.inverse_temperature), training.y, rows.groups)
            write_candidate(line.folders.candidates / target, model, model, known)
        decided = line.execute(instance, [dg.AssetKey.from_user_string(one) for one in models], raise_on_error=True)
    events = [*done.get_asset_materialization_events(), *decided.get_asset_materialization_events()]
    made = {one.asset_key.to_user_string(): one.materialization.metadata for one in events if one.asset_key}
    return {name: {key: one.value for key, one in its.items()} for name, its in made.items()}


def corrected(line: Line, tickets: pd.DataFrame) -> None:
    log = PredictionLog.open(PredictionLogSettings(folder=line.folders.service / "log"))
    for row in tickets.itertuples():
        answered = {"queue": TargetAnswer("network", 0.5, "suggest", "suggest", {})}
        said = {"subject": row.subject, "body": row.body, "context": {"channel": row.channel}}
        told = logged(log, ticket_id=row.ticket_id, targets=answered, **said)
        log.give_feedback(told, {"queue": row.queue}, reviewer="anna")
    assert log.close(PATIENCE)


def new_tickets(count: int) -> pd.DataFrame:
    """Of a topic that nobody had before, in words of its own, beside some of the known ones."""
    known = generate(SampleSpec(rows=count, seed=99)).dropna(subset=["queue", "subject", "body"])
    known = known.assign(ticket_id="L-" + known["ticket_id"]).drop_duplicates("body")
    random, words = np.random.default_rng(0), [f"payslip{number}" for number in range(12)]
    travel = [f"{' '.join(random.choice(words, 6))} {random.integers(10**9)} missing" for _ in range(count)]
    payroll = known.sample(count, replace=True, random_state=1).assign(
        ticket_id=[f"P-{number}" for number in range(count)], subject="salary", body=travel, queue="payroll"
    )
    return pd.concat([known, payroll], ignore_index=True)


def test_corrections_are_trained_on_or_held_out_and_the_decision_rests_on_both_sets(fresh: Line) -> None:
    first = run(fresh)
    assert first["models/champion"]["promoted"] and "recent_tickets" not in json.dumps([*first["models/evaluation"]])
    assert "recent" not in json.loads((fresh.folders.reports / "evaluation.json").read_text())["targets"]["queue"]
    before = require_champion(fresh.folders.bundles).bundle

    corrected(fresh, new_tickets(160))
    second = run(fresh)
    split, clean = fresh.table("models", "split"), fresh.table("tickets", "clean")
    sides = split.groupby("side")["ticket_id"].agg(set)
    fed = {*clean.loc[clean["source"] == "feedback", "ticket_id"]}
    assert sides["recent"] <= fed and len(sides["recent"]) > 30 and len(fed & sides["train"]) > 100
    assert second["tickets/clean"]["feedback_new"] == len(fed)
    assert {*clean.loc[clean["source"] == "feedback", "weight"]} == {2.0}

    evaluation = second["models/evaluation"]
    assert evaluation["queue_held_out_feedback"] == evaluation["queue_recent_tickets"] > 30
    assert str(evaluation["queue_feedback_macro_f1"]).count("[") == 1
    told = second["models/champion"]
    assert told["promoted"], told["decision"]
    assert "recent tickets, " in str(told["decision"]) and "on the hold-out" in str(told["decision"])
    champion = require_champion(fresh.folders.bundles)
    assert champion.bundle != before
    card = (fresh.folders.bundles / champion.bundle / MODEL_CARD).read_text()
    assert "which no model is ever trained on" in card and "people corrected or confirmed" in card
    record = json.loads((fresh.folders.records / "promotions.jsonl").read_text().splitlines()[-1])
    recent = record["targets"]["queue"]["recent"]
    assert recent["asked"] and recent["difference"]["low"] > 0
    assert recent["by_people"]["rows"] == recent["all"]["rows"] == evaluation["queue_recent_tickets"]
    trained = [*fresh.folders.trained.glob("*.recent.txt")]
    assert len(trained) == 1, "the next contest knows what was there"
