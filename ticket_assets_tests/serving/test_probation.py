"""A challenger that passed the hold-out, in the shadow: taken, refused, waiting; what each leaves behind."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ticket_assets.serving.chronicle import Chronicle, Pin
from ticket_assets.serving.history import history_lines
from ticket_assets.serving.probation import withdraw
from ticket_assets.serving.retention import sweep
from ticket_assets.serving.rollback import plan, roll_back
from ticket_assets.serving.store import read_challenger, write_challenger
from ticket_assets.serving.throne import Court, throne
from ticket_assets_tests.serving.shadowed import BADLY, FEW, WELL, challenger, looked
from ticket_assets_tests.serving.toys import DEAF, GOOD, HARD_OF_HEARING, SmallDesk


def test_one_that_passes_is_put_into_the_shadow_and_the_champion_stays(shadowed: SmallDesk, court: Court) -> None:
    champion, beside = shadowed.champion, challenger(shadowed)
    assert champion is not None
    assert (champion.version, beside.version, beside.against) == (1, 2, champion.bundle)
    assert shadowed.registry.champion_version() == 1
    line = shadowed.lines()[-1]
    assert (line["event"], line["promoted"]) == ("shadow", False)
    assert line["reason"].startswith("in the shadow: tone: macro F1 +")
    assert "in shadow   v2" in list(history_lines(Chronicle.read(court.records, court.bundles)))[-1]
    assert [one.champion.version for one in Chronicle.read(court.records, court.bundles).reigns] == [1]


def test_without_the_setting_it_is_champion_at_once(desk: SmallDesk) -> None:
    desk.crown(desk.bundle(tone=HARD_OF_HEARING))
    assert desk.settle(desk.bundle(tone=GOOD)).decision.promoted
    assert read_challenger(desk.bundles) is None


def test_the_first_champion_and_one_that_meets_a_silent_champion_wait_for_nobody(desk: SmallDesk, court: Court) -> None:
    assert desk.settle(desk.bundle(tone=HARD_OF_HEARING), court).decision.promoted
    assert desk.champion is not None
    (desk.bundles / desk.champion.bundle / "bundle.json").unlink()
    assert desk.settle(desk.bundle(tone=GOOD), court).decision.promoted
    assert read_challenger(desk.bundles) is None


def test_one_that_is_refused_by_the_hold_out_does_not_come_so_far(desk: SmallDesk, court: Court) -> None:
    desk.crown(desk.bundle(tone=GOOD))
    assert desk.settle(desk.bundle(tone=DEAF), court).decision.reason.startswith("refused: ")
    assert read_challenger(desk.bundles) is None
    assert desk.lines()[-1]["event"] == "decision"


def test_a_better_one_is_taken_and_says_by_which_numbers(shadowed: SmallDesk, court: Court) -> None:
    beside = challenger(shadowed)
    done = looked(court, WELL)
    assert (done.promoted, done.ended) == (True, True)
    assert done.ruling is not None
    assert done.reason.startswith(
        "promoted: shadow: tone: 32 pairs, agreement 88 %, accuracy on 32 labelled +12.5 points ["
    )
    assert "; before that tone: macro F1 +" in done.reason
    assert shadowed.champion == done.champion
    assert (shadowed.champion.version, shadowed.champion.bundle) == (2, beside.bundle)
    assert shadowed.registry.champion_version() == 2
    assert read_challenger(shadowed.bundles) is None
    line = shadowed.lines()[-1]
    assert (line["event"], line["promoted"], line["champion_before"]) == ("decision", True, 1)
    assert line["targets"]["tone"]["verdict"] == "gains", "what the hold-out said stays on record"
    assert line["live"]["tone"]["paired"]["rows"] == 32
    assert {"scores", "dagster_run", "latency_p50_ms"} <= line.keys()
    assert shadowed.client.get_model_version(shadowed.registry.name, "2").tags["shadow"] == done.ruling.reason
    standing = Chronicle.read(court.records, court.bundles)
    assert [one.champion.version for one in standing.reigns] == [1, 2]
    assert standing.broken_off is None


def test_one_that_loses_in_the_shadow_is_refused_says_why_and_the_champion_serves_on(
    shadowed: SmallDesk, court: Court
) -> None:
    before = shadowed.champion
    done = looked(court, BADLY)
    assert (done.promoted, done.ended) == (False, True)
    assert done.reason.startswith("refused: shadow: tone: accuracy on 32 labelled pairs -37.5 points [")
    assert shadowed.champion == before
    assert shadowed.registry.champion_version() == 1
    assert read_challenger(shadowed.bundles) is None
    assert (shadowed.lines()[-1]["event"], shadowed.lines()[-1]["promoted"]) == ("decision", False)
    assert looked(court, WELL).reason == "nobody is in the shadow"


def test_one_without_pairs_enough_waits_and_nothing_is_changed(shadowed: SmallDesk, court: Court) -> None:
    lines, beside = shadowed.lines(), challenger(shadowed)
    done = looked(court, FEW, timedelta(days=3))
    assert not done.ended
    assert done.reason.startswith(
        "shadow: 20 for tone labelled pairs of 30 are missing; decided without them in 11.0 d"
    )
    assert (shadowed.lines(), challenger(shadowed)) == (lines, beside)
    over = looked(court, FEW, timedelta(days=14, minutes=1))
    assert over.promoted
    assert "decided on the hold-out alone" in over.reason


def test_a_pin_lets_nobody_into_the_shadow(shadowed: SmallDesk, court: Court) -> None:
    looked(court, WELL)
    roll_back(court, plan(court, None, datetime.now(UTC)), "wrong queue", timedelta(hours=2))
    held = shadowed.settle(shadowed.bundle(tone=GOOD + 0.01), court)
    assert "pinned until" in held.decision.reason
    assert read_challenger(shadowed.bundles) is None


def test_a_pin_that_comes_meanwhile_lets_it_wait_in_the_shadow(
    shadowed: SmallDesk, court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = Pin(datetime.now(UTC) + timedelta(days=1), "until the audit is over")
    monkeypatch.setattr(Chronicle, "pin", lambda *_: pin)
    held = looked(court, WELL)
    assert not held.ended
    assert held.reason.startswith(f"{pin}; without the pin it is champion: shadow: ")
    assert challenger(shadowed).version == 2
    assert looked(court, BADLY).ended, "a pin keeps nobody from being refused"


def test_after_a_rollback_nobody_is_left_in_the_shadow_of_who_is_gone(desk: SmallDesk, court: Court) -> None:
    desk.crown(desk.bundle(tone=HARD_OF_HEARING + 0.01))
    desk.crown(desk.bundle(tone=HARD_OF_HEARING))
    desk.settle(desk.bundle(tone=GOOD), court)
    roll_back(court, plan(court, None, datetime.now(UTC)), "", timedelta())
    done = looked(court, WELL)
    assert (done.promoted, done.ended) == (False, True)
    assert done.reason == "refused: it was in the shadow of another champion, and v1 is champion since"
    assert read_challenger(desk.bundles) is None


def test_a_damaged_one_is_not_taken(shadowed: SmallDesk, court: Court) -> None:
    (shadowed.bundles / challenger(shadowed).bundle / "tone" / "model.json").write_text("{}")
    done = looked(court, WELL)
    assert not done.promoted
    assert "refused: shadow: its files were damaged meanwhile: tone/model.json" in done.reason


def test_the_same_challenger_goes_on_and_another_begins_anew(shadowed: SmallDesk, court: Court) -> None:
    first = challenger(shadowed)
    later = replace(first, since="2026-01-01T00:00:00+00:00")
    write_challenger(shadowed.bundles, later)
    shadowed.settle(shadowed.bundle(tone=GOOD), court)
    assert challenger(shadowed) == replace(later, version=3)
    shadowed.settle(shadowed.bundle(tone=GOOD + 0.01), court)
    assert challenger(shadowed).version == 4
    assert challenger(shadowed).since > later.since


def test_it_is_taken_out_by_hand(shadowed: SmallDesk, court: Court) -> None:
    gone = withdraw(court, "it writes nonsense", datetime.now(UTC))
    assert gone is not None
    assert read_challenger(shadowed.bundles) is None
    assert shadowed.lines()[-1]["reason"] == "refused: taken out of the shadow by hand: it writes nonsense"
    assert withdraw(court, "", datetime.now(UTC)) is None


def test_a_sweep_leaves_who_is_in_the_shadow(shadowed: SmallDesk, court: Court) -> None:
    beside = challenger(shadowed).bundle
    for number in range(3):
        shadowed.bundle(tone=DEAF + number)
    for folder in shadowed.bundles.glob("*/"):
        os.utime(folder, (0, 0))
    os.utime(shadowed.bundles / beside, (-1, -1))
    rules = court.rules.model_copy(update={"keep": 1})
    assert sweep(replace(court, rules=rules), "toy", shadowed.bundles.parent / "bentos")
    assert (shadowed.bundles / beside).is_dir()


DIES = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ticket_assets.serving.probation as probation
from ticket_assets_tests.serving.shadowed import WELL, looked
from ticket_assets_tests.serving.toys import SmallDesk
from dataclasses import replace
import os

desk = SmallDesk(Path(sys.argv[1]), sys.argv[2])
court = replace(desk.court, rules=desk.court.rules.model_copy(update={"shadow": True, "shadow_pairs": 30}))
setattr(probation, sys.argv[3], lambda *_: os._exit(9))
looked(court, WELL)
"""


@pytest.mark.parametrize("step", ["seat", "remove_challenger"])
def test_killed_on_its_way_the_next_look_finds_all_in_order(
    shadowed: SmallDesk, court: Court, toy_database: str, step: str, tmp_path: Path
) -> None:
    run = subprocess.run([sys.executable, "-c", DIES, str(tmp_path), toy_database, step], check=False)
    assert run.returncode == 9
    with throne(court) as standing:
        assert standing.broken_off is None, "mended"
    done = looked(court, WELL)
    if step == "seat":  # recorded, and not seated: broken off, and judged once more
        assert done.promoted
        assert "broken_off" in [line.get("event") for line in shadowed.lines()]
    else:  # seated: nothing is left but to take the pointer away
        assert (done.promoted, done.ended) == (False, True)
        assert shadowed.lines()[-1]["promoted"]
    assert shadowed.champion is not None
    assert shadowed.champion.version == 2
    assert shadowed.registry.champion_version() == 2
    assert read_challenger(shadowed.bundles) is None
