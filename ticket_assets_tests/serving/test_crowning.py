"""From a decision to the crown: what fails the probe, what a pin holds, what stays of a champion; on small desks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.erasure import erase_from_holdout
from ticket_assets.models.promotion import Verdict
from ticket_assets.models.registry import Registry
from ticket_assets.models.split import Holdout
from ticket_assets.models.trained_rows import keep_trained
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.rollback import plan, roll_back
from ticket_assets.serving.store import write_champion
from ticket_assets.serving.throne import ThroneError
from ticket_assets.tickets.ledger import enter
from ticket_assets.tickets.taxonomy import Taxonomy, Version
from ticket_assets_tests.serving.toys import DEAF, GOOD, HARD_OF_HEARING, NEARLY_GOOD, RULES, SmallDesk, hearing


def test_a_further_mask_is_served_though_it_makes_the_answers_no_better(desk: SmallDesk) -> None:
    """A desk that had set one went on being answered by a champion that did not know it."""
    before = desk.written([hearing("tone", GOOD)], mask=())
    desk.crown(before)
    today = desk.written([hearing("tone", GOOD)], mask=("email",))
    done = desk.settle(today)
    assert done.champion is not None
    assert done.champion.bundle == today.id
    assert done.decision.reason == "promoted: no target loses, and the champion masks nothing, and set is email"


def test_a_challenger_trained_without_erased_tickets_is_served_though_it_makes_the_answers_no_better(
    desk: SmallDesk,
) -> None:
    """The champion went on with weights that were fitted to them, as no target gained."""
    desk.crown(desk.written([hearing("tone", GOOD)], data={"tickets/clean": "v1"}))
    challenger = desk.written([hearing("tone", GOOD)], data={"tickets/clean": "v2"})
    assert not desk.settle(challenger).decision.promoted, "nothing was erased yet"
    enter(desk.records, "an erasure", "2026-01-01", ["T-1"], ["c"], ["v1"])
    worse = desk.written([hearing("tone", DEAF)], data={"tickets/clean": "v2"})
    refused = desk.settle(worse).decision
    said = "the champion's weights were fitted to tickets that were erased since"
    assert not refused.promoted and refused.reason.endswith(f"; the champion stays, though {said}")
    done = desk.settle(challenger)
    assert done.champion is not None and done.champion.bundle == challenger.id
    assert desk.lines()[-1]["reason"] == f"promoted: no target loses, and {said}"
    again = desk.written([hearing("tone", GOOD)], data={"tickets/clean": "v3"})
    assert not desk.settle(again).decision.promoted, "the new champion was fitted to nobody who was erased"


def test_a_model_that_stays_though_it_was_fitted_to_erased_tickets_is_told_so_in_the_decision(desk: SmallDesk) -> None:
    """One target gained, the other lost: the old model went into the new bundle without a word."""
    desk.crown(
        desk.written([hearing("tone", HARD_OF_HEARING), hearing("mood", NEARLY_GOOD)], data={"tickets/clean": "v1"})
    )
    said = ", though its weights were fitted to tickets that were erased since"
    before = desk.written([hearing("tone", NEARLY_GOOD), hearing("mood", DEAF)], data={"tickets/clean": "v2"})
    done = desk.settle(before).decision
    assert done.kept == ("mood",) and "erased" not in done.reason, "nothing was erased yet"
    enter(desk.records, "an erasure", "2026-01-01", ["T-1"], ["c"], ["v1"])
    after = desk.written([hearing("tone", GOOD), hearing("mood", DEAF)], data={"tickets/clean": "v3"})
    done = desk.settle(after).decision
    assert done.promoted and done.kept == ("mood",)
    assert "; the champion's model stays for mood: " in done.reason and done.reason.endswith(said)
    assert desk.lines()[-1]["reason"] == done.reason
    # What stays now is of v3, which holds nobody who was erased; the model of v1 goes.
    other = desk.written([hearing("tone", DEAF), hearing("mood", GOOD)], data={"tickets/clean": "v4"})
    done = desk.settle(other).decision
    assert done.kept == ("tone",) and said not in done.reason


def test_a_champion_of_before_an_erasure_by_an_earlier_version_gives_way(desk: SmallDesk) -> None:
    """That erasure entered nothing of whom it touched, and the champion went on for ever."""
    desk.crown(desk.written([hearing("tone", GOOD)], data={"tickets/clean": "v1"}))
    enter(desk.records, "of an earlier version", "2026-01-01", ["T-1"], ["c"], None)
    for version in ("v2", "v3"):
        keep_trained(desk.court.trained, version, ["T-2"])
    challenger = desk.written([hearing("tone", GOOD)], data={"tickets/clean": "v2"})
    assert desk.settle(challenger).decision.promoted
    again = desk.written([hearing("tone", GOOD)], data={"tickets/clean": "v3"})
    assert not desk.settle(again).decision.promoted, "once is enough"


def test_a_challenger_that_was_fitted_to_the_same_tickets_is_no_reason_to_change(desk: SmallDesk) -> None:
    desk.crown(desk.written([hearing("tone", GOOD)], data={"tickets/clean": "v1"}))
    enter(desk.records, "an erasure", "2026-01-01", ["T-1"], ["c"], ["v1"])
    same = desk.written([hearing("tone", GOOD)], data={"tickets/clean": "v1", "features/text": "another"})
    assert not desk.settle(same).decision.promoted


def test_a_first_model_below_the_plain_baseline_is_promoted_and_the_decision_says_what_it_is_below(
    desk: SmallDesk,
) -> None:
    """It became champion without a word."""
    scores = {
        "tone": {"macro_f1": 0.41, "plain_baseline_macro_f1": 0.44},
        "mood": {"macro_f1": 0.5, "plain_baseline_macro_f1": 0.4},
    }
    done = desk.settle(desk.written([hearing("tone", GOOD), hearing("mood", GOOD)], scores=scores))
    said = "tone: macro F1 0.410 is below the plain baseline's 0.440 on the same rows (TF-IDF and a linear SVM)"
    assert done.decision.promoted and done.decision.reason.endswith(f"; {said}")
    [line] = desk.lines()
    assert (line["below_baseline"], line["reason"]) == ([said], done.decision.reason)
    assert line["scores"]["tone"]["plain_baseline_macro_f1"] == 0.44


def test_a_model_that_stayed_is_held_against_the_baseline_of_todays_hold_out(desk: SmallDesk) -> None:
    desk.crown(desk.written([hearing("tone", HARD_OF_HEARING), hearing("mood", NEARLY_GOOD)]))
    scores = {one: {"macro_f1": 0.9, "plain_baseline_macro_f1": 0.999} for one in ("tone", "mood")}
    challenger = desk.written([hearing("tone", GOOD), hearing("mood", DEAF)], scores=scores)
    done = desk.settle(challenger)
    assert done.decision.kept == ("mood",)
    its = BundleManifest.read(desk.bundles / done.bundle).scores["mood"]
    assert its["plain_baseline_macro_f1"] == 0.999 and its["macro_f1"] not in (0.9, 1.0)
    card = (desk.bundles / done.bundle / "MODEL_CARD.md").read_text()
    assert f"**mood: macro F1 {its['macro_f1']:.3f} is below the plain baseline's 0.999 on the same rows" in card
    assert "macro F1 of the plain baseline 0.999" in card


def test_a_bundle_that_is_damaged_before_its_probe_is_refused_and_the_champion_serves_on(desk: SmallDesk) -> None:
    desk.crown(desk.bundle(tone=HARD_OF_HEARING))
    before, better = desk.champion, desk.bundle(tone=GOOD)
    held = desk.held(better)
    (desk.bundles / better.id / "tone" / "model.json").write_text("{}")
    done = desk.settle(better, held=held)
    assert not done.decision.promoted and done.champion == desk.champion == before
    assert done.decision.reason.startswith("refused: the probe failed: bundle ")
    assert "tone/model.json was changed" in done.decision.reason
    assert desk.registry.champion_version() == 1
    assert desk.lines()[-1]["challenger"] == {"version": None, "bundle": better.id}
    assert list(desk.registry.bundles()) == [1], "what does not answer is no version to go back to"


def test_a_bundle_that_is_damaged_between_its_probe_and_the_crown_is_refused(
    desk: SmallDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.crown(desk.bundle(tone=HARD_OF_HEARING))
    before, better = desk.champion, desk.bundle(tone=GOOD)

    def judging(*arguments: object) -> object:
        (desk.bundles / better.id / "tone" / "linear.npz").write_bytes(b"?")
        return decide(*arguments)  # type: ignore[arg-type]

    from ticket_assets.models.promotion import decide

    monkeypatch.setattr("ticket_assets.serving.succession.decide", judging)
    done = desk.settle(better)
    assert not done.decision.promoted
    assert "its files were damaged meanwhile: tone/linear.npz was changed" in done.decision.reason
    assert {one.verdict for one in done.decision.targets.values()} == {Verdict.GAINS}
    assert desk.champion == before and desk.registry.champion_version() == 1


def test_a_bundle_that_answers_other_than_it_was_evaluated_is_refused(desk: SmallDesk) -> None:
    better = desk.bundle(tone=GOOD)
    held = desk.held(better)
    off = replace(held["tone"], challenger=held["tone"].challenger + np.array([1e-4, -1e-4]))
    done = desk.settle(better, held={"tone": off})
    assert "the probe failed: tone: answers are 0.0001 from those evaluated" in done.decision.reason
    assert desk.champion is None and desk.registry.champion_version() is None


def test_the_latency_of_the_fresh_process_is_on_record_and_bound_by_the_budget(desk: SmallDesk) -> None:
    assert desk.settle(desk.bundle(tone=HARD_OF_HEARING)).decision.promoted
    [line] = desk.lines()
    assert 0 < line["latency_p50_ms"] <= line["latency_p95_ms"]
    strict = replace(desk.court, rules=RULES.model_copy(update={"max_latency_ms": 1e-6}))
    done = desk.settle(desk.bundle(tone=GOOD), strict)
    assert not done.decision.promoted and done.decision.reason.endswith("ms, more than 0")
    assert "tone: one ticket takes " in done.decision.reason


def test_a_champion_that_was_moved_while_its_challenger_was_judged_is_not_overrun(
    desk: SmallDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback of that minute would have been undone by a decision against the champion before it."""
    first, second = desk.bundle(tone=HARD_OF_HEARING), desk.bundle(tone=GOOD)
    desk.crown(first)

    def judging(*arguments: object) -> object:
        assert desk.champion is not None
        write_champion(desk.bundles, replace(desk.champion, version=7))
        return decide(*arguments)  # type: ignore[arg-type]

    from ticket_assets.models.promotion import decide

    monkeypatch.setattr("ticket_assets.serving.succession.decide", judging)
    with pytest.raises(ThroneError, match="the champion was v1 and is v7 now: somebody else moved it; do it again"):
        desk.settle(second)
    assert desk.champion is not None and desk.champion.version == 7


def test_an_erasure_from_the_hold_out_does_not_make_another_hold_out_of_it(desk: SmallDesk, tmp_path: Path) -> None:
    """Its id changed with one ticket less, and until the next promotion no model could stay."""
    path = tmp_path / "holdout.json"
    Holdout("a rule", 42, ("T-1", "T-2", "T-3"), 0.15).save(path)
    before = Holdout.load(path).id
    desk.crown(desk.written([hearing("tone", HARD_OF_HEARING), hearing("mood", NEARLY_GOOD)], split=before))
    for one in ("T-1", "T-2"):
        erase_from_holdout(path, desk.records, {one})
    now = Holdout.load(path).id
    done = desk.settle(desk.written([hearing("tone", GOOD), hearing("mood", DEAF)], split=now))
    assert now != before and done.decision.promoted and done.decision.kept == ("mood",)
    other = desk.written([hearing("tone", DEAF), hearing("mood", GOOD)], split="of other tickets")
    assert desk.settle(other).decision.targets["tone"].verdict is Verdict.LOSES, "that one is another"


@pytest.fixture
def renamed() -> Taxonomy:
    rename = {"loud": "shouting", "quiet": "calm"}
    return Taxonomy((Version("2024-06", date(2024, 6, 1), rename, {}, frozenset(rename.values())),))


def test_a_champion_is_not_judged_wrong_for_labels_that_were_renamed_since(desk: SmallDesk, renamed: Taxonomy) -> None:
    """By their names all its answers were errors, and the worse challenger was promoted."""
    desk.crown(desk.bundle(tone=GOOD))
    worse = desk.written([hearing("tone", HARD_OF_HEARING, ("calm", "shouting"))], taxonomy={"tone": "2024-06"})
    held = desk.held(worse, loud="shouting", quiet="calm")
    done = desk.settle(worse, desk.with_taxonomy({"tone": renamed}), held)
    assert not done.decision.promoted
    line = desk.lines()[-1]
    assert line["translations"] == {"tone": "translated from original to 2024-06"}
    assert line["targets"]["tone"]["champion_macro_f1"] == 1.0


def test_a_taxonomy_that_no_longer_knows_the_champions_version_leaves_its_labels_as_they_are(desk: SmallDesk) -> None:
    desk.crown(desk.written([hearing("tone", GOOD)], taxonomy={"tone": "2024-06"}))
    done = desk.settle(desk.bundle(tone=HARD_OF_HEARING))
    assert not done.decision.promoted
    told = desk.lines()[-1]["translations"]["tone"]
    assert told.startswith("taken as they are: there is no version '2024-06' of these labels")


def test_a_pin_holds_a_better_challenger_and_lets_it_through_when_its_time_is_over(
    desk: SmallDesk, tmp_path: Path
) -> None:
    first, better = desk.bundle(tone=HARD_OF_HEARING), desk.bundle(tone=GOOD)
    desk.crown(first)
    desk.crown(better)
    long_ago = datetime.now(UTC) - timedelta(hours=80)
    planned = plan(desk.court, None, datetime.now(UTC))
    roll_back(desk.court, planned, "wrong queue", timedelta(hours=72))
    held = desk.settle(better)
    assert not held.decision.promoted and desk.champion == planned.to
    assert held.decision.reason.startswith("refused: pinned until ")
    assert ": wrong queue; without the pin promoted: tone: macro F1 +" in held.decision.reason
    assert held.decision.targets["tone"].verdict is Verdict.GAINS, "it was judged all the same"
    assert desk.lines()[-1]["reason"] == held.decision.reason
    older = plan(desk.court, 2, long_ago)
    roll_back(desk.court, older, "", timedelta())
    roll_back(desk.court, plan(desk.court, 1, long_ago), "wrong queue", timedelta(hours=72))
    assert desk.settle(better).decision.promoted


def test_the_alias_moves_before_the_pointer_and_the_record_before_both(desk: SmallDesk) -> None:
    seen = []

    class Watching(Registry):
        def crown(self, version: int) -> None:
            seen.append((version, desk.champion and desk.champion.version, desk.lines()[-1]["event"]))
            super().crown(version)

    watched = replace(desk.court, registry=Watching(desk.registry._client.tracking_uri, desk.registry.name))
    desk.settle(desk.bundle(tone=HARD_OF_HEARING), watched)
    desk.settle(desk.bundle(tone=GOOD), watched)
    roll_back(watched, plan(watched, None, datetime.now(UTC)), "", timedelta())
    assert seen == [(1, None, "decision"), (2, 1, "decision"), (1, 2, "rollback")]
