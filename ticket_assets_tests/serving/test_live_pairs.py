"""What the prediction log tells of a challenger in the shadow: pairs, whose labels count, after an erasure too."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from ticket_assets.models.neighbours import Neighbours
from ticket_assets.models.probation import Live
from ticket_assets.serving.bundle import rewrite_bundle
from ticket_assets.serving.erased_bundles import erase_from_bundles
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.outcome import Logged
from ticket_assets.serving.prediction_log.records import Answer, TargetAnswer
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.probation import Labels, read_live
from ticket_assets.serving.renamed import renamed
from ticket_assets.serving.store import write_challenger, write_champion
from ticket_assets.serving.throne import Court
from ticket_assets.tickets.traces import Traces
from ticket_assets_tests.serving.shadowed import challenger
from ticket_assets_tests.serving.toys import SmallDesk

PATIENCE = 60.0


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    opened = PredictionLog.open(PredictionLogSettings(folder=tmp_path / "log", flush_seconds=0.02))
    yield opened
    opened.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with store_of(PredictionLogSettings(folder=tmp_path / "log")) as made:
        yield made


def answered(
    log: PredictionLog, champion: str, rival: str, ticket: str, said: str, shadow: str, right: str | None = None
) -> None:
    one = TargetAnswer(said, 0.9, "act", "act", {"quiet": 0.1, "loud": 0.9})
    outcome = log.append(Answer("http", champion, "1", {"tone": one}, ticket_id=ticket))
    assert isinstance(outcome, Logged)
    assert log.append_shadow(outcome.id, rival, "2", {"tone": (shadow, 0.9)})
    if right:
        log.give_feedback(outcome.id, {"tone": right})


def test_an_erasure_renames_both_in_the_shadow_s_pointer_and_pairs_of_before_still_count(
    shadowed: SmallDesk, court: Court, log: PredictionLog, engine: Engine
) -> None:
    def hold(folder: Path) -> None:
        Neighbours.fit(np.eye(3, dtype=np.float32), np.arange(3), 3, ["t-1", "t-2", "t-3"]).save(folder / "tone")

    before, champion = challenger(shadowed), shadowed.champion
    assert champion is not None
    old, new = (rewrite_bundle(shadowed.bundles, one, hold).id for one in (before.against, before.bundle))
    write_champion(shadowed.bundles, replace(champion, bundle=old))
    write_challenger(shadowed.bundles, replace(before, bundle=new, against=old))
    answered(log, old, new, "T-1", "loud", "quiet")
    erase_from_bundles(shadowed.bundles, court.records, shadowed.registry, Traces(("t-1",)))
    now = challenger(shadowed)
    assert shadowed.champion is not None
    assert now.against == shadowed.champion.bundle != old
    assert now.bundle != new
    assert (shadowed.bundles / now.bundle).is_dir()
    assert log.flush(PATIENCE)
    seen = read_live(engine, now, ["tone"], renamed(court.records), Labels())
    assert (seen.targets["tone"].pairs, seen.answered) == (1, 1)


def test_labels_are_those_of_people_then_of_the_ticket_database_and_training_tickets_say_nothing(
    shadowed: SmallDesk, log: PredictionLog, engine: Engine
) -> None:
    beside = challenger(shadowed)
    its = (log, beside.against, beside.bundle)
    answered(*its, "T-1", "loud", "quiet", right="quiet")
    answered(*its, "T-2", "loud", "quiet")
    answered(*its, "T-3", "loud", "loud")
    answered(*its, "T-trained", "loud", "quiet", right="quiet")
    assert log.flush(PATIENCE)
    labels = Labels({"tone": {"T-1": "loud", "T-2": "loud"}}, lambda ticket: ticket == "T-trained")
    found = read_live(engine, beside, ["tone"], {}, labels)
    assert found.answered == 4
    tone = found.targets["tone"]
    assert (tone.pairs, tone.labelled) == (3, 2)
    assert tone.paired is not None
    assert tone.paired.estimate == 0, "each is right once: the database alone would say -1"
    assert read_live(engine, beside, ["other"], {}, labels).targets == {"other": Live()}
