"""The asset `monitoring/shadow` on a real log: it waits, takes, refuses; and what one sees of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ticket_assets.__main__ import main
from ticket_assets.automation.evidence import gather
from ticket_assets.automation.runs import MONITORING
from ticket_assets.automation.schedules import days_to_read, range_tags
from ticket_assets.definitions import build_defs
from ticket_assets.models.paired import paired_accuracy, share
from ticket_assets.models.probation import Live
from ticket_assets.models.probation_plot import probation_chart
from ticket_assets.monitoring.decision import decide
from ticket_assets.monitoring.evidence import Champion as Reigning
from ticket_assets.monitoring.evidence import Order
from ticket_assets.monitoring_settings import DriftRule, RetrainSettings
from ticket_assets.resources.watch import NO_LOG
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.prediction_log.engine import writing
from ticket_assets.serving.prediction_log.rows import write_records
from ticket_assets.serving.prediction_log.shadow_record import ShadowRecord
from ticket_assets.serving.record import decisions
from ticket_assets.serving.store import Challenger, Champion, read_challenger, read_champion, write_challenger
from ticket_assets.settings import load_settings
from ticket_assets_tests.monitoring.watched import (
    DEAF,
    NO_LINE,
    NOON,
    PROFILE,
    TARGET,
    WELL,
    WINDOWS,
    Spoken,
    Watched,
    spoken,
)
from ticket_assets_tests.monitoring.windows import BUNDLE, SEATED, VERSION, window
from ticket_assets_tests.serving.conftest import toy_fields
from ticket_assets_tests.serving.toys import hearing

DAYS = (NOON.date(), NOON.date() + timedelta(days=1))
NOW = datetime.now(UTC)
SHADOW = dg.AssetKey(["monitoring", "shadow"])
RULES = f"{WINDOWS}\n[profiles.watched.promotion]\nshadow = true\nshadow_pairs = 100\nshadow_days = 36500"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A profile whose challengers wait for 100 labelled pairs, for as long as it takes."""
    made = Watched.begin(tmp_path, RULES)
    with made.environment():
        _ = made.watch.folders
        yield made


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


def beside(watched: Watched, champion: Champion, worse: float) -> Challenger:
    """Put a registered toy of so bad hearing into the champion's shadow."""
    fields = {**toy_fields(targets=(TARGET,)), "data": {"tickets/clean": "v1"}}
    made = write_bundle(watched.folders.bundles, [hearing(TARGET, worse)], fields, "a card\n")
    court = watched.watch.desk.court()
    court.registry.register(_open_run(watched), watched.folders.bundles / made.id, {"bundle": made.id})
    court.registry.register(_open_run(watched), watched.folders.bundles / made.id, {"bundle": made.id})
    challenger = Challenger(2, made.id, champion.since, champion.bundle)
    write_challenger(watched.folders.bundles, challenger)
    return challenger


def _open_run(watched: Watched) -> str:
    from mlflow import MlflowClient

    from ticket_assets.models.registry import require_experiment
    from ticket_assets.resources.tracking import mlflow_uri

    uri = mlflow_uri(watched.watch.desk.settings)
    require_experiment(uri, "toys", watched.folder / "artifacts")
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("toys")
    assert experiment is not None
    return str(client.create_run(experiment.experiment_id).info.run_id)


def answer_both(
    watched: Watched, champion: Champion, challenger: Challenger, said: Spoken, ticket_ids: Sequence[str] | None = None
) -> list[str]:
    """Tickets answered by the champion, and in its shadow; ids of the answers."""
    ids = watched.answer(champion, said, ticket_ids=ticket_ids)
    bundle = TriageBundle.load(watched.folders.bundles / challenger.bundle, watched.folders.encoders)
    answers = bundle.predict([Ticket(one) for one in said.texts])
    records = [
        ShadowRecord(
            f"s-{one}", one, NOON, 0, challenger.bundle, "2", {TARGET: (its[TARGET].label, its[TARGET].probability)}
        )
        for one, its in zip(ids, answers, strict=True)
    ]
    with watched.engine() as engine, writing(engine) as connection:
        write_records(connection, [(one, NO_LINE) for one in records], {})
    return ids


def run(instance: dg.DagsterInstance, days: Sequence[date] = DAYS) -> Mapping[str, Any]:
    """Metadata of the asset, as the schedule's job makes it."""
    job = build_defs(load_settings()).resolve_job_def(MONITORING)
    result = job.execute_in_process(instance=instance, tags=range_tags(days))
    events = [one for one in result.get_asset_materialization_events() if one.asset_key == SHADOW]
    return {key: value.value for key, value in events[-1].materialization.metadata.items()}


def test_without_a_challenger_it_says_so(watched: Watched, instance: dg.DagsterInstance) -> None:
    watched.tables()
    watched.answer(watched.crown(), spoken(30, 21))
    assert run(instance) == {"state": "nobody is in the shadow"}


def test_it_waits_for_labels_and_then_the_better_one_takes_the_seat(
    watched: Watched, instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.tables()
    champion = watched.crown(DEAF)
    challenger = beside(watched, champion, WELL)
    said = spoken(160, 22)
    ids = answer_both(watched, champion, challenger, said)
    watched.correct(ids[:60], said.truth[:60])
    told = run(instance)
    assert told["ruling"] == "wait"
    assert "shadow: 40 for tone labelled pairs of 100 are missing" in told["state"]
    assert "160 pairs" in told["state"]
    assert "data:image/png" in told["plot"]
    [row] = told["targets"].records
    assert (told["predictions meanwhile"], row.data["pairs"], row.data["A/B accuracy"]) == ("160", "160", "—")
    assert read_champion(watched.folders.bundles) == champion
    assert main(["challenger", "--profile", PROFILE]) == 0
    assert "now        wait: 40 for tone" in capsys.readouterr().out
    assert main(["champion", "--profile", PROFILE]) == 0
    assert f"in shadow  v2, bundle {challenger.bundle}, since 2026-11-20 11:00 UTC" in capsys.readouterr().out
    watched.correct(ids[60:], said.truth[60:])
    told = run(instance)
    assert (told["ruling"], told["promoted"], told["champion"]) == ("take", True, "v2")
    seated = read_champion(watched.folders.bundles)
    assert seated is not None
    assert (seated.version, seated.bundle) == (2, challenger.bundle)
    assert read_challenger(watched.folders.bundles) is None
    assert decisions(watched.folders.records).whole[-1]["reason"].startswith("promoted: shadow: tone: 160 pairs")
    assert run(instance)["state"] == "nobody is in the shadow"
    capsys.readouterr()
    assert main(["champion", "--profile", PROFILE, "--card"]) == 0
    card = capsys.readouterr().out
    assert card.startswith("a card\n") and "answered 160 of them" in card and "| tone | 160 |" in card


def test_the_worse_one_is_refused_by_labels_of_the_ticket_database_too(
    watched: Watched, instance: dg.DagsterInstance
) -> None:
    """Held-out tickets of the table have labels; those that were trained on say nothing."""
    clean = watched.tables()
    champion = watched.crown(WELL)
    challenger = beside(watched, champion, 9.0)
    rows = clean.iloc[:800]
    said = Spoken(tuple(rows["text"]), tuple(rows["label_tone"]))
    answer_both(watched, champion, challenger, said, list(rows["ticket_id"]))
    told = run(instance)
    assert told["ruling"] == "refuse"
    assert told["state"].startswith("refused: shadow: tone: accuracy on 200 labelled pairs -")
    assert read_champion(watched.folders.bundles) == champion
    assert read_challenger(watched.folders.bundles) is None


def test_without_a_prediction_log_it_is_decided_on_the_hold_out_alone_once_its_days_are_over(
    watched: Watched, instance: dg.DagsterInstance
) -> None:
    """Where nobody serves, or the log is off, no run was ever started, and it held up every retraining for good."""
    watched.tables()
    champion = watched.crown(DEAF)
    challenger = beside(watched, champion, WELL)
    over = datetime.fromisoformat(challenger.since) + timedelta(days=36500)
    waits = days_to_read(watched.watch, over - timedelta(hours=12))
    assert waits == f"{NO_LOG}; challenger v2 is decided upon without it in 0.5 days"
    assert days_to_read(watched.watch, over) == [over.date()]
    long_ago = replace(challenger, since=(NOW - timedelta(days=36501)).isoformat())
    write_challenger(watched.folders.bundles, long_ago)
    days = days_to_read(watched.watch, NOW)
    assert days == [NOW.date()]
    told = run(instance, days)
    assert (told["ruling"], told["promoted"], told["champion"]) == ("take", True, "v2")
    assert "decided on the hold-out alone" in told["state"]
    assert read_challenger(watched.folders.bundles) is None
    assert days_to_read(watched.watch, NOW) == NO_LOG
    assert not watched.log.folder.exists(), "looking begins no log"


def test_it_is_taken_out_by_the_command(watched: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    watched.tables()
    beside(watched, watched.crown(), DEAF)
    assert main(["challenger", "--profile", PROFILE, "--withdraw", "--reason", "enough"]) == 0
    assert "v2 is out of the shadow" in capsys.readouterr().out
    assert read_challenger(watched.folders.bundles) is None
    assert decisions(watched.folders.records).whole[-1]["reason"].endswith("by hand: enough")
    assert main(["challenger", "--profile", PROFILE]) == 0
    assert "nobody is in the shadow" in capsys.readouterr().out


def test_the_plot_is_drawn_of_any_number_of_targets_with_and_without_labels() -> None:
    known = Live(120, share(90, 120), paired_accuracy([True] * 80 + [False] * 20, [True] * 90 + [False] * 10))
    for targets in (
        {"queue": known},
        {"queue": known, "priority": Live(), "type": Live(5, share(5, 5))},
        {"x": Live()},
    ):
        assert probation_chart(targets, 0.03, "v2 in the shadow of v1").startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="targets is empty"):
        probation_chart({}, 0.03, "nobody")


def test_nobody_is_trained_by_itself_while_another_is_in_the_shadow(
    watched: Watched, instance: dg.DagsterInstance
) -> None:
    """The new one would take its place, and its pairs would be lost: with drift that lasts, for ever."""
    champion = watched.crown()
    beside(watched, champion, DEAF)
    found = gather(load_settings(), instance, {}, NOON)
    assert found.in_shadow == 2
    drifted = replace(found, windows=(window(1, data_drift="alarm"),), fresh_rows=1000)
    drifted = replace(drifted, champion=Reigning(BUNDLE, VERSION, SEATED), now=SEATED + timedelta(days=2))
    held = decide(drifted, RetrainSettings(), DriftRule(), 30)
    assert not held.retrain
    assert held.why.startswith("challenger v2 is in the shadow, and is decided upon first")
    assert decide(replace(drifted, in_shadow=None), RetrainSettings(), DriftRule(), 30).retrain
    by_hand = replace(drifted, orders=(Order("a1", "new product", NOON),))
    assert decide(by_hand, RetrainSettings(), DriftRule(), 30).retrain
    watched.crown(WELL - 0.01, version=3)
    assert gather(load_settings(), instance, {}, NOON).in_shadow is None, "it is in the shadow of nobody any more"
