"""Lists of training tickets: who stands in them, who was erased from them, which are removed."""

import os
import time
from pathlib import Path

from ticket_assets.models.trained_rows import erase_trained, keep_trained, sweep_trained, was_trained_on


def test_a_list_tells_who_was_trained_on_and_names_nobody_by_id(tmp_path: Path) -> None:
    keep_trained(tmp_path, "v1", ["T-1", "T-2"])
    assert was_trained_on(tmp_path, "v1", ["T-9", "T-2"]) is True
    assert was_trained_on(tmp_path, "v1", ["T-9"]) is False
    assert was_trained_on(tmp_path, "v2", ["T-1"]) is None, "no list tells"
    assert "T-" not in (tmp_path / "v1.txt").read_text()


def test_an_erased_ticket_goes_from_every_list_and_the_others_stay(tmp_path: Path) -> None:
    keep_trained(tmp_path, "v1", ["T-1", "T-2"])
    keep_trained(tmp_path, "v2", ["T-1", "T-3"])
    keep_trained(tmp_path, "v3", ["T-3"])
    assert erase_trained(tmp_path, {"T-1"}) == 2
    asked = {one: [was_trained_on(tmp_path, one, [f"T-{n}"]) for n in (1, 2, 3)] for one in ("v1", "v2", "v3")}
    assert asked == {"v1": [False, True, False], "v2": [False, False, True], "v3": [False, False, True]}
    assert erase_trained(tmp_path, {"T-1"}) == 0


def test_lists_that_no_bundle_needs_go_after_a_day(tmp_path: Path) -> None:
    for version in ("needed", "old", "young"):
        keep_trained(tmp_path, version, ["T-1"])
        if version != "young":
            os.utime(tmp_path / f"{version}.txt", (time.time() - 90_000,) * 2)
    assert sweep_trained(tmp_path, {"needed"}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["needed.txt", "young.txt"]
