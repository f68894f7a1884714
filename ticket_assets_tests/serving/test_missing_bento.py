"""Why a champion's bento is not there: each cause has its own words."""

from pathlib import Path

from ticket_assets.serving.bento import bento_folder, bento_tag
from ticket_assets.serving.missing_bento import why_no_bento
from ticket_assets.serving.store import Champion
from ticket_assets.storage import ProfileFolders, append_record
from ticket_assets.tickets.ledger import BUNDLE, LEDGER

CHAMPION = Champion(3, "0123456789abcdef", "2026-01-01")


def test_a_bento_that_is_there_is_not_missing_and_each_other_case_is_told_with_the_command(tmp_path: Path) -> None:
    """After an erasure `make serve` said that the bento was not built for this code."""
    folders = ProfileFolders(tmp_path)
    assert why_no_bento(folders, "x", CHAMPION) == (
        "the champion's bento is not built yet: make run PROFILE=x builds it"
    )
    entry = {"kind": BUNDLE, "before": "f" * 16, "after": CHAMPION.bundle, "is_champion": True}
    append_record(folders.records / LEDGER, entry)
    assert why_no_bento(folders, "x", CHAMPION) == (
        "an erasure removed the champion's bento, which held erased tickets: make run PROFILE=x builds it again"
    )
    bento = bento_folder(folders.bentos, bento_tag("x", CHAMPION))
    bento.mkdir(parents=True)
    assert why_no_bento(folders, "x", CHAMPION) is None
    bento.rename(bento.with_name("v3-01234567-other"))
    assert why_no_bento(folders, "x", CHAMPION) == (
        "the champion's bento was built for another version of the code: make run PROFILE=x builds it for this one"
    )
