"""After an erasure bundles have other ids: whoever knows them by the old ones finds them, and nothing is undone."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.models.neighbours import Neighbours
from ticket_assets.serving import erased_bundles
from ticket_assets.serving.bundle import rewrite_bundle
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.erased_bundles import erase_from_bundles
from ticket_assets.serving.history import history_lines, on_lines
from ticket_assets.serving.manifest import MANIFEST, BundleManifest
from ticket_assets.serving.renamed import as_called_now
from ticket_assets.serving.retention import sweep
from ticket_assets.serving.rollback import plan, roll_back
from ticket_assets.serving.throne import throne
from ticket_assets.tickets.traces import Traces
from ticket_assets_tests.serving.toys import GOOD, HARD_OF_HEARING, NEARLY_GOOD, SmallDesk

PEOPLE = ("t-1", "t-2", "t-3")


def put_neighbours(folder: Path) -> None:
    vectors = np.eye(3, dtype=np.float32)
    Neighbours.fit(vectors, np.arange(3), 3, PEOPLE).save(folder / "tone")


@pytest.fixture
def reigned(desk: SmallDesk) -> SmallDesk:
    """Three champions, one after the other, all of whom hold the tickets of three people."""
    for worse in (HARD_OF_HEARING, NEARLY_GOOD, GOOD):
        desk.crown(rewrite_bundle(desk.bundles, desk.bundle(tone=worse).id, put_neighbours))
    return desk


def erase(desk: SmallDesk, ticket: str) -> dict[str, str]:
    return erase_from_bundles(desk.bundles, desk.records, desk.registry, Traces((ticket,)))


def known(desk: SmallDesk) -> Chronicle:
    return Chronicle.read(desk.records, desk.bundles)


def test_all_reigns_and_the_champion_are_those_that_they_were_under_ids_that_there_are(reigned: SmallDesk) -> None:
    before, lines = known(reigned), reigned.lines()
    first = erase(reigned, "t-1")
    then = erase(reigned, "t-2")
    after = known(reigned)
    assert len(first) == len(then) == 3
    for old, new in zip(before.reigns, after.reigns, strict=True):
        now = then[first[old.champion.bundle]]
        assert new == replace(old, champion=replace(old.champion, bundle=now))
        assert (reigned.bundles / now / MANIFEST).exists() and not (reigned.bundles / old.champion.bundle).exists()
        assert any(now in line for line in history_lines(after))
    assert after.champion == reigned.champion and after.broken_off is None
    told = "\n".join(on_lines(after, datetime.now(UTC).date().isoformat(), datetime.now(UTC)))
    assert "promoted: toy" in told and "not on record" not in told
    assert reigned.lines() == lines, "the record itself is only appended to"


def test_a_rollback_finds_the_rewritten_champion_before_which_answers_as_it_did(reigned: SmallDesk) -> None:
    answers = reigned.answers(known(reigned).reigns[1].champion.bundle)
    renames = erase(reigned, "t-1")
    planned = plan(reigned.court, None, datetime.now(UTC))
    roll_back(reigned.court, planned, "wrong queue", timedelta(hours=1))
    assert (planned.to.version, planned.to.bundle) == (2, renames[reigned.lines()[1]["challenger"]["bundle"]])
    np.testing.assert_array_equal(reigned.answers(planned.to.bundle)["tone"], answers["tone"])
    assert known(reigned).champion == reigned.champion and known(reigned).before.version == 1
    assert plan(reigned.court, 1, datetime.now(UTC)).to.bundle == renames[reigned.lines()[0]["challenger"]["bundle"]]


def test_a_rollback_before_an_erasure_stays_made_with_its_pin(reigned: SmallDesk) -> None:
    roll_back(reigned.court, plan(reigned.court, None, datetime.now(UTC)), "wrong queue", timedelta(hours=9))
    pin = known(reigned).pin(datetime.now(UTC))
    erase(reigned, "t-1")
    assert pin is not None and known(reigned).pin(datetime.now(UTC)) == pin
    assert [one.champion.version for one in known(reigned).reigns] == [1, 2, 3, 2]


@pytest.mark.parametrize("moment", ["write_champion", "_remove"])
def test_killed_around_the_pointer_the_move_counts_as_made_and_nobody_mends_it(
    reigned: SmallDesk, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    before, lines, remove = reigned.champion, len(reigned.lines()), erased_bundles._remove

    def killed(at: Path, *_: object) -> None:
        if moment == "write_champion" or at.name == before.bundle:
            raise KeyboardInterrupt
        remove(at)

    with monkeypatch.context() as patch:
        patch.setattr(erased_bundles, moment, killed)
        with pytest.raises(KeyboardInterrupt):
            erase(reigned, "t-1")
    assert (reigned.champion == before) == (moment == "write_champion")
    assert known(reigned).broken_off is None
    with throne(reigned.court) as standing:
        assert [one.champion.version for one in standing.reigns] == [1, 2, 3]
    assert len(reigned.lines()) == lines, "nothing was mended"
    erase(reigned, "t-1")
    assert known(reigned).champion == reigned.champion


def test_a_rewritten_former_champion_stays_as_long_as_it_would_have_stayed(reigned: SmallDesk) -> None:
    erase(reigned, "t-1")
    for folder in reigned.bundles.glob("*/"):
        os.utime(folder, (0, 0))
    rules = reigned.court.rules.model_copy(update={"keep": 3})
    champions = {one.champion.bundle for one in known(reigned).reigns}
    for number in range(4):
        os.utime((reigned.bundles / reigned.bundle(tone=number / 7).id), (1, 1))  # more that never were, and are later
    sweep(replace(reigned.court, rules=rules), "toy", reigned.bundles.parent / "bentoml")
    assert champions <= {folder.parent.name for folder in reigned.bundles.glob(f"*/{MANIFEST}")}
    assert BundleManifest.read(reigned.bundles / known(reigned).before.bundle).profile == "toy"


def test_a_line_tells_of_models_that_stayed_by_the_ids_that_their_bundles_have_now() -> None:
    line = {"at": "2026-05-01", "models_from": {"tone": "a", "mood": "b"}, "challenger": {"bundle": "c", "version": 1}}
    told = as_called_now(line, {"a": "a2", "c": "c2"})
    assert told["models_from"] == {"tone": "a2", "mood": "b"}
    assert told["challenger"] == {"bundle": "c2", "version": 1} and line["challenger"]["bundle"] == "c"
    assert as_called_now({"event": "unpin"}, {"a": "b"}) == {"event": "unpin"}
