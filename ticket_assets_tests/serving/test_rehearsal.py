"""A bundle must answer in a fresh process before it may serve: what fails it, and with which words."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.serving import rehearsal
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.rehearsal import Expected, RehearsalError, rehearse
from ticket_assets_tests.serving.conftest import toy_fields
from ticket_assets_tests.serving.toys import GOOD, TICKETS, SmallDesk, hearing

ASKED = TICKETS[:9]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "bundles"


def written(store: Path, worse: float = GOOD) -> BundleManifest:
    return write_bundle(store, [hearing("tone", worse)], toy_fields(), "a card")


def test_a_whole_bundle_answers_and_tells_how_long_it_takes(store: Path) -> None:
    took = rehearse(store / written(store).id, store, 1)
    assert 0 < took.p50_ms <= took.p95_ms


def expected(desk: SmallDesk, made: BundleManifest) -> Expected:
    return Expected(range(9), made.targets["tone"], desk.answers(made.id)["tone"][:9])


def test_answers_as_evaluated_pass_and_those_that_are_off_by_a_hundred_thousandth_do_not(desk: SmallDesk) -> None:
    made = desk.bundle(tone=GOOD)
    wanted = expected(desk, made)
    rehearse(desk.bundles / made.id, desk.bundles, 1, ASKED, {"tone": wanted})
    off = wanted.probabilities.copy()
    off[4] += [1e-5, -1e-5]
    with pytest.raises(RehearsalError, match="tone: answers are 1e-05 from those evaluated, more than 1e-06"):
        rehearse(desk.bundles / made.id, desk.bundles, 1, ASKED, {"tone": replace(wanted, probabilities=off)})
    nothing = np.full_like(off, np.nan)
    with pytest.raises(RehearsalError, match="tone: answers are nan from those evaluated"):
        rehearse(desk.bundles / made.id, desk.bundles, 1, ASKED, {"tone": replace(wanted, probabilities=nothing)})


def test_labels_in_another_order_than_evaluated_are_refused(desk: SmallDesk) -> None:
    made = desk.bundle(tone=GOOD)
    turned = replace(expected(desk, made), labels=("loud", "quiet"))
    with pytest.raises(
        RehearsalError, match=r"its labels are \('quiet', 'loud'\), those evaluated \('loud', 'quiet'\)"
    ):
        rehearse(desk.bundles / made.id, desk.bundles, 1, ASKED, {"tone": turned})
    with pytest.raises(RehearsalError, match=r"mood: its labels are None, those evaluated"):
        rehearse(desk.bundles / made.id, desk.bundles, 1, ASKED, {"mood": turned})


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file changed": (lambda folder: (folder / "tone" / "linear.npz").write_bytes(b"?"), "linear.npz was changed"),
    "a file gone": (lambda folder: (folder / "tone" / "model.json").unlink(), "model.json is missing"),
    "no manifest": (lambda folder: (folder / "bundle.json").unlink(), "holds no bundle.json"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_bundle_is_refused_by_what_is_wrong(store: Path, damage: str) -> None:
    folder = store / written(store).id
    spoil, told = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(RehearsalError, match=told):
        rehearse(folder, store, 1)


def test_a_model_whose_scores_are_no_numbers_is_refused(store: Path) -> None:
    with pytest.raises(RehearsalError, match="its process ended with 1: ValueError: scores must be finite"):
        rehearse(store / written(store, float("nan")).id, store, 1)


def test_a_model_of_fewer_columns_than_labels_is_refused(store: Path) -> None:
    made = write_bundle(store, [hearing("tone", GOOD, ("quiet", "loud", "absent"))], toy_fields(), "a card")
    with pytest.raises(RehearsalError, match=r"its process ended with 1: .*zip\(\)"):
        rehearse(store / made.id, store, 1)


def test_rows_that_do_not_sum_to_one_and_answers_that_lack_a_ticket_are_named() -> None:
    labels = {"tone": ("quiet", "loud")}
    halves = {"tone": np.full((3, 2), 0.4)}
    assert [*rehearsal._no_probabilities(halves, labels, 3)] == ["tone: the probabilities of a ticket sum to 0.800000"]
    for broken in (np.nan, np.inf, -0.5):
        [fault] = rehearsal._no_probabilities({"tone": np.array([[broken, 1.5]])}, labels, 1)
        assert fault == "tone: a probability is no number, or below 0"
    [fault] = rehearsal._no_probabilities(halves, labels, 4)
    assert fault == "tone: answers of shape (3, 2) to 4 tickets over 2 labels"


def test_a_process_that_dies_is_told_with_its_status(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that takes its process with it would take the service's, too."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RehearsalError, match="its process ended with 1: it said nothing"):
        rehearse(store / written(store).id, store, 1)


def test_a_process_that_never_answers_is_given_up(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "LIMIT_SECONDS", 0.01)
    with pytest.raises(RehearsalError, match=r"it did not answer within 0\.01 s"):
        rehearse(store / written(store).id, store, 1)


def test_the_rehearsal_does_not_depend_on_the_folder_of_whoever_asks(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = written(store)
    monkeypatch.chdir(tmp_path)
    assert rehearse(Path("bundles") / made.id, Path("bundles"), 1).p50_ms > 0
    assert Path.cwd() == tmp_path
