"""What live tickets said of a champion: on its card, on its page in MLflow, in notices of its way there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ticket_assets.models.probation import LivePair, live
from ticket_assets.monitoring.notices import of_record
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.live_card import champion_card, shadow_part
from ticket_assets.serving.probation import Seen, look, withdraw
from ticket_assets.serving.throne import Court
from ticket_assets_tests.serving.toys import GOOD, HARD_OF_HEARING, SmallDesk

BETTER = [LivePair("a", "a", "a")] * 28 + [LivePair("b", "a", "a")] * 4
WORSE = [LivePair("a", "b", "a")] * 32
CARD = "# A card\n\n## tone\n\nscores\n\n## Personal data\n\n- Masked\n"


@pytest.fixture
def court(desk: SmallDesk) -> Iterator[Court]:
    """v1 is champion, and v2 is in its shadow until 30 pairs have labels."""
    yield replace(desk.court, rules=desk.court.rules.model_copy(update={"shadow": True, "shadow_pairs": 30}))


def shadowed(desk: SmallDesk, court: Court, worse: float = GOOD) -> None:
    if desk.champion is None:
        desk.crown(desk.bundle(tone=HARD_OF_HEARING))
    desk.settle(desk.bundle(tone=worse), court)


def decided(court: Court, pairs: list[LivePair]) -> None:
    look(court, lambda _: Seen({"tone": live(pairs)}, 1234), datetime.now(UTC) + timedelta(days=1, hours=12))


def card(desk: SmallDesk, court: Court) -> str:
    """The champion's, of a bundle whose own card is CARD."""
    assert desk.champion is not None
    (desk.bundles / desk.champion.bundle / "MODEL_CARD.md").write_text(CARD)
    return champion_card(court.bundles, Chronicle.read(court.records, court.bundles)) or "none"


def test_the_card_tells_how_its_champion_did_in_the_shadow_before_it_was_promoted(
    desk: SmallDesk, court: Court
) -> None:
    shadowed(desk, court)
    assert card(desk, court) == CARD, "of v1, which was in nobody's shadow"
    decided(court, BETTER)
    told = card(desk, court)
    part = told.partition("## In the shadow\n")[2].partition("## Personal data\n")[0]
    assert told.startswith("# A card\n\n## tone\n\nscores\n\n## In the shadow\n") and told.endswith("\n- Masked\n")
    assert "beside v1, for 1.5 days, in which v1 answered 1,234 of them" in part
    assert "| tone | 32 | 87.5 % [71.9, 95.0] | 32 | +12.5 points [" in part
    assert "promoted: shadow: tone: 32 pairs" in part
    version = desk.client.get_model_version(desk.registry.name, "2")
    assert version.description.strip() == f"## In the shadow\n{part}".strip()


def test_a_refused_one_s_page_says_so_and_the_champion_s_card_stays_as_it_was(desk: SmallDesk, court: Court) -> None:
    shadowed(desk, court)
    decided(court, WORSE)
    assert card(desk, court) == CARD
    assert "Until it was refused on " in desk.client.get_model_version(desk.registry.name, "2").description
    assert "-100.0 points" in shadow_part(desk.lines()[-1])


def test_without_labels_the_table_has_dashes(desk: SmallDesk, court: Court) -> None:
    shadowed(desk, court)
    look(court, lambda _: Seen({"tone": live([])}, 0), datetime.now(UTC) + timedelta(days=15))
    assert "| tone | 0 | — | 0 | — | — |" in card(desk, court)
    assert "decided on the hold-out alone" in card(desk, court)


def test_people_are_told_who_comes_into_the_shadow_and_how_it_ends(desk: SmallDesk, court: Court) -> None:
    shadowed(desk, court)
    shadowed(desk, court, GOOD + 0.01)
    withdraw(court, "it writes nonsense", datetime.now(UTC))
    shadowed(desk, court)
    decided(court, BETTER)
    told = of_record("toy", desk.lines()[1:])
    assert [(one.occasion, one.title) for one in told] == [
        ("promotion", "toy: v2 is in the shadow of v1"),
        ("promotion", "toy: v3 is in the shadow of v1"),
        ("refusal", "toy: v3 is out of the shadow, v1 stays"),
        ("promotion", "toy: v4 is in the shadow of v1"),
        ("promotion", "toy: v4 is champion"),
    ]
    assert {one.page for one in told} == {"/assets/monitoring/shadow"}
    assert told[1].body.endswith(". v2 is out of it.") and "is out of it" not in told[0].body + told[3].body
    assert told[2].body == "refused: taken out of the shadow by hand: it writes nonsense"
    assert len({one.id for one in told}) == 5, "a second notice of the same id is none"
