"""GATE: the way back. Old answers to the last bit; alias, pointer and record of one mind; a fault changes nothing."""

import fcntl
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.registry import Registry
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.rollback import Plan, RollbackError, plan, roll_back, unpin
from ticket_assets.serving.throne import LOCK, Court, ThroneError, throne
from ticket_assets_tests.serving.toys import DEAF, GOOD, HARD_OF_HEARING, NEARLY_GOOD, SmallDesk

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def reigned(desk: SmallDesk) -> SmallDesk:
    """A desk whose second champion serves."""
    for worse in (HARD_OF_HEARING, GOOD):
        desk.crown(desk.bundle(tone=worse))
    return desk


def back(desk: SmallDesk, version: int | None = None, court: Court | None = None) -> Plan:
    planned = plan(court or desk.court, version, now())
    roll_back(court or desk.court, planned, "wrong queue", 72 * HOUR)
    return planned


def state(desk: SmallDesk) -> tuple[object, ...]:
    return desk.champion, desk.registry.champion_version(), desk.lines()


def test_after_a_rollback_the_first_champion_answers_as_before_to_the_last_bit(desk: SmallDesk) -> None:
    first = desk.crown(desk.bundle(tone=HARD_OF_HEARING))
    before = desk.answers(first.bundle)
    assert desk.settle(desk.bundle(tone=GOOD)).decision.promoted
    back(desk)
    assert desk.champion is not None and desk.champion.bundle == first.bundle
    np.testing.assert_array_equal(desk.answers(desk.champion.bundle)["tone"], before["tone"])
    assert desk.champion.version == desk.registry.champion_version() == 1
    line = desk.lines()[-1]
    assert (line["event"], line["champion_before"]) == ("rollback", 2)
    assert line["champion"] == {"version": 1, "bundle": first.bundle} and line["at"] == desk.champion.since
    assert (line["reason"], line["pin"]["reason"]) == ("wrong queue", "wrong queue")
    assert datetime.fromisoformat(line["pin"]["until"]) == datetime.fromisoformat(line["at"]) + 72 * HOUR


def test_a_pin_taken_off_is_on_record_and_lets_the_next_challenger_through(reigned: SmallDesk) -> None:
    back(reigned)
    better = reigned.bundle(tone=GOOD)
    assert not reigned.settle(better).decision.promoted
    pin = unpin(reigned.court, "mended", now())
    assert pin is not None and pin.reason == "wrong queue"
    assert (reigned.lines()[-1]["event"], reigned.lines()[-1]["reason"]) == ("unpin", "mended")
    assert reigned.settle(better).decision.promoted
    assert unpin(reigned.court, "", now()) is None and reigned.lines()[-1]["event"] == "decision"


def test_a_pin_holds_back_what_meets_a_champion_that_no_longer_loads(reigned: SmallDesk) -> None:
    """Unopposed, a challenger would be promoted by its floors alone, over what somebody chose by hand."""
    to = back(reigned).to
    shutil.rmtree(reigned.bundles / to.bundle)
    done = reigned.settle(reigned.bundle(tone=GOOD))
    assert done.decision.reason.startswith("refused: pinned until ") and "did not answer" in done.decision.reason
    assert reigned.champion == to


def test_no_hours_are_no_pin(reigned: SmallDesk) -> None:
    assert roll_back(reigned.court, plan(reigned.court, None, now()), "", timedelta()) is None
    assert reigned.lines()[-1]["pin"] is None
    assert reigned.settle(reigned.bundle(tone=GOOD)).decision.promoted


def test_a_named_version_serves_also_a_refused_one(reigned: SmallDesk) -> None:
    reigned.settle(reigned.bundle(tone=NEARLY_GOOD))
    assert back(reigned, 3).to.version == 3
    assert reigned.registry.champion_version() == 3
    assert back(reigned).to.version == 2


def fails(desk: SmallDesk, told: str, version: int | None = None) -> None:
    before = state(desk)
    with pytest.raises(RollbackError, match=told):
        plan(desk.court, version, now())
    assert state(desk) == before


def test_without_a_champion_there_is_nothing_to_roll_back_from(desk: SmallDesk) -> None:
    fails(desk, "nothing to roll back from: no champion yet: models/champion has judged no challenger")
    desk.settle(desk.bundle(tone=DEAF))
    fails(desk, "nothing to roll back from: no champion yet: the challenger was refused because tone: macro F1")


def test_without_a_champion_before_nothing_is_changed(desk: SmallDesk) -> None:
    desk.crown(desk.bundle(tone=GOOD))
    fails(desk, "v1 is the first champion: there is none before it to roll back to")


def test_an_unknown_version_and_that_of_the_champion_change_nothing(reigned: SmallDesk) -> None:
    fails(reigned, "there is no registered version v9: name one of v1, v2", 9)
    fails(reigned, "v2 is the champion already", 2)


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_bundle_that_no_longer_loads_changes_nothing(reigned: SmallDesk, damage: str) -> None:
    folder = reigned.bundles / reigned.registry.bundles()[1]
    if damage == "gone":
        shutil.rmtree(folder)
        fails(reigned, f"v1 cannot serve: {folder} holds no bundle.json: it is no bundle; v2 serves on")
    else:
        (folder / "tone" / "linear.npz").write_bytes(b"?")
        fails(reigned, "v1 cannot serve: bundle .* does not fit: tone/linear.npz was changed; v2 serves on")


def test_a_rollback_that_was_planned_before_somebody_elses_is_refused(reigned: SmallDesk) -> None:
    planned = plan(reigned.court, None, now())
    back(reigned)
    before = state(reigned)
    with pytest.raises(ThroneError, match="the champion was v2 and is v1 now"):
        roll_back(reigned.court, planned, "", HOUR)
    assert state(reigned) == before


@pytest.mark.parametrize("damage", ["gone", "changed", "unnamed"])
def test_a_bundle_that_is_lost_between_its_rehearsal_and_the_move_changes_nothing(
    reigned: SmallDesk, damage: str
) -> None:
    """It was seated on the word of a rehearsal minutes ago, and no service could start from it."""
    planned, before = plan(reigned.court, None, now()), state(reigned)
    folder = reigned.bundles / planned.to.bundle
    told = "tone/linear.npz is missing"
    if damage == "gone":
        shutil.rmtree(folder)
        told = "it is no bundle"
    elif damage == "changed":
        (folder / "tone" / "linear.npz").unlink()
    else:
        (folder / "bundle.json").write_text("{}")
        told = "contract None"
    with pytest.raises(RollbackError, match=f"v1 was damaged since it was rehearsed: .*{told}.*; v2 serves on"):
        roll_back(reigned.court, planned, "", HOUR)
    assert state(reigned) == before


def test_a_registry_that_is_away_leaves_the_champion_serving_and_the_next_command_mends_the_record(
    reigned: SmallDesk,
) -> None:
    class Away(Registry):
        def crown(self, version: int) -> None:
            raise ConnectionError("the registry is away")

    away = replace(reigned.court, registry=Away(reigned.registry._client.tracking_uri, reigned.registry.name))
    before = reigned.champion
    with pytest.raises(ConnectionError):
        back(reigned, court=away)
    assert reigned.champion == before and reigned.registry.champion_version() == 2
    assert Chronicle.read(reigned.records, reigned.bundles).pin(now()) is None
    assert back(reigned).to.version == 1
    assert [line["event"] for line in reigned.lines()[2:]] == ["rollback", "broken_off", "rollback"]


KILLED = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ticket_assets.models.registry import Registry
from ticket_assets.serving.rollback import plan, roll_back
from ticket_assets_tests.serving.toys import SmallDesk

class Deadly(Registry):
    def crown(self, version):
        if sys.argv[3] == "after":
            super().crown(version)
        os.kill(os.getpid(), signal.SIGKILL)

desk = SmallDesk(Path(sys.argv[1]), sys.argv[2])
planned = plan(desk.court, None, datetime.now(UTC))
desk.registry.__class__ = Deadly
roll_back(desk.court, planned, "wrong queue", timedelta(hours=72))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_the_alias_the_pointer_is_the_truth_and_the_next_command_makes_all_agree(
    reigned: SmallDesk, tmp_path: Path, toy_database: str, moment: str
) -> None:
    sitting = reigned.champion
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, toy_database, moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert reigned.champion == sitting
    assert reigned.registry.champion_version() == (1 if moment == "after" else 2)
    known = Chronicle.read(reigned.records, reigned.bundles)
    assert known.broken_off is not None and known.broken_off.version == 1
    assert known.reigns[-1].champion == sitting and known.pin(now()) is None
    with throne(reigned.court) as standing:
        assert standing.broken_off is None
    assert reigned.registry.champion_version() == 2 and reigned.champion == sitting
    assert reigned.lines()[-1]["reason"] == "the move to v1 was broken off before the pointer moved: v2 serves on"
    before = len(reigned.lines())
    with throne(reigned.court):
        assert len(reigned.lines()) == before, "mended once"


def test_a_first_promotion_that_died_behind_the_alias_leaves_no_alias(desk: SmallDesk) -> None:
    class Dying(Registry):
        def crown(self, version: int) -> None:
            super().crown(version)
            raise KeyboardInterrupt

    dying = replace(desk.court, registry=Dying(desk.registry._client.tracking_uri, desk.registry.name))
    with pytest.raises(KeyboardInterrupt):
        desk.settle(desk.bundle(tone=GOOD), dying)
    assert desk.registry.champion_version() == 1 and desk.champion is None
    with throne(desk.court):
        pass
    assert desk.registry.champion_version() is None
    assert desk.lines()[-1]["reason"].endswith("nobody is champion")
    assert desk.settle(desk.bundle(tone=GOOD)).decision.promoted


def test_nobody_else_moves_meanwhile(reigned: SmallDesk) -> None:
    """Without the lock two processes read the same champion, and one undid the other's move unseen."""
    with throne(reigned.court), (reigned.records / LOCK).open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (reigned.records / LOCK).open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
