"""The switch by itself: what it stands at when its file is not there, moved, gone again or not to be read."""

import shutil
from pathlib import Path

import pytest

from ticket_assets.serving.endpoint.switch import ActingSwitch


def test_a_switch_that_was_never_moved_stands_at_on(tmp_path: Path) -> None:
    switch = ActingSwitch(tmp_path / "acting.json")
    assert switch.state.on
    switch.move(on=False, by="key:ops", reason="r")
    assert (ActingSwitch(tmp_path / "acting.json").state.on, switch.state.by) == (False, "key:ops")


def test_a_switch_that_was_turned_off_stays_off_when_its_folder_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    switch = ActingSwitch(folder / "acting.json")
    switch.move(on=False, by="key:ops", reason="r")
    assert not switch.state.on
    shutil.rmtree(folder)
    assert not switch.state.on
    switch.move(on=True, by="key:ops", reason="mended")
    assert switch.state.on


@pytest.mark.parametrize("written", ["", "{", '{"off": true}', "[]"])
def test_a_switch_that_cannot_be_read_stands_at_off(tmp_path: Path, written: str) -> None:
    """Somebody moved it, and nobody can tell whereto."""
    (tmp_path / "acting.json").write_text(written)
    state = ActingSwitch(tmp_path / "acting.json").state
    assert not state.on
    assert state.reason is not None
    assert "move the switch again" in state.reason
