"""A gain on one target with a loss on another: the champion's model of the other stays, where it fits."""

import pytest

from ticket_assets.features.text import FeatureSchema
from ticket_assets.models.bands import Bands
from ticket_assets.models.promotion import Verdict
from ticket_assets.serving.manifest import BundleManifest, Origin
from ticket_assets_tests.serving.conftest import TOY_SCHEMA
from ticket_assets_tests.serving.toys import DEAF, GOOD, HARD_OF_HEARING, NEARLY_GOOD, SmallDesk, hearing


def test_a_gain_on_one_target_is_not_lost_with_another(desk: SmallDesk) -> None:
    """The challenger that gained on tone and lost on mood was refused whole."""
    champion = desk.written(
        [hearing("tone", HARD_OF_HEARING), hearing("mood", GOOD)],
        data={"tickets/clean": "of the first"},
        bands=dict.fromkeys(("tone", "mood"), Bands(0.9, 0.7)),
    )
    desk.crown(champion)
    challenger = desk.written(
        [hearing("tone", GOOD), hearing("mood", HARD_OF_HEARING)],
        data={"tickets/clean": "of the second"},
        bands=dict.fromkeys(("tone", "mood"), Bands(0.8, 0.6)),
    )
    done = desk.settle(challenger)
    assert done.decision.promoted
    assert {name: one.verdict for name, one in done.decision.targets.items()} == {
        "tone": Verdict.GAINS,
        "mood": Verdict.KEPT,
    }
    assert done.champion == desk.champion and done.champion is not None
    assert done.bundle == done.champion.bundle, "its vectors are kept under this id"
    made = BundleManifest.read(desk.bundles / done.champion.bundle)
    assert made.id not in (champion.id, challenger.id)
    assert (made.data, made.kept) == (challenger.data, {"mood": Origin(champion.id, champion.data)})
    assert made.scores["mood"]["macro_f1"] == 1.0
    assert made.bands == {"tone": Bands(0.8, 0.6), "mood": Bands(0.9, 0.7)}, "chosen on the answers of their model"
    both = desk.answers(made.id)
    assert (both["tone"] == desk.answers(challenger.id)["tone"]).all()
    assert (both["mood"] == desk.answers(champion.id)["mood"]).all()
    line = desk.lines()[-1]
    assert line["models_from"] == {"tone": challenger.id, "mood": champion.id}
    assert line["challenger"]["bundle"] == made.id
    card = (desk.bundles / made.id / "MODEL_CARD.md").read_text()
    assert f"## mood\n\nThis model stayed: it is that of bundle {champion.id}, made from tickets/clean of the" in card
    assert "macro F1 1.000" in card


def test_a_model_that_stayed_twice_is_told_from_where_it_was_made(desk: SmallDesk) -> None:
    first = desk.bundle(tone=HARD_OF_HEARING, mood=GOOD)
    desk.crown(first)
    assert desk.settle(desk.bundle(tone=NEARLY_GOOD, mood=DEAF)).decision.promoted
    assert desk.settle(desk.bundle(tone=GOOD, mood=DEAF)).decision.promoted
    assert desk.champion is not None
    made = BundleManifest.read(desk.bundles / desk.champion.bundle)
    assert made.kept == {"mood": Origin(first.id, first.data)}
    again = desk.settle(desk.bundle(tone=GOOD, mood=DEAF))
    assert not again.decision.promoted, "judged again, the same challenger gains nothing"


OTHERS = {
    "feature_schema, languages": {
        "languages": ("en", "fr"),
        "feature_schema": FeatureSchema(("en", "fr"), TOY_SCHEMA.context, TOY_SCHEMA.words).hash,
    },
    "mask": {"mask": ("email",)},
    "split": {"split": "another"},
    "taxonomy": {"taxonomy": {"mood": "2024-06"}},
}


@pytest.mark.parametrize("differs", OTHERS)
def test_a_model_that_does_not_fit_the_challengers_bundle_does_not_stay_and_the_record_says_why(
    desk: SmallDesk, differs: str
) -> None:
    desk.crown(desk.written([hearing("tone", HARD_OF_HEARING), hearing("mood", GOOD)]))
    challenger = desk.written([hearing("tone", GOOD), hearing("mood", HARD_OF_HEARING)], **OTHERS[differs])
    done = desk.settle(challenger)
    assert not done.decision.promoted
    assert done.decision.targets["mood"].verdict is Verdict.LOSES
    [(target, why)] = desk.lines()[-1]["cannot_stay"].items()
    assert target == "mood" and why.startswith("the champion's model of it was made with another ")
    assert set(why.rpartition("another ")[2].split(", ")) == set(differs.split(", "))
