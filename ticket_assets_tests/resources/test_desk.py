"""The desk: what it hands out, and what it need not open for that."""

from pathlib import Path

import pytest

from ticket_assets.resources import desk as module
from ticket_assets.resources.desk import Desk
from ticket_assets_tests.line import PROFILE, Line


def test_vectors_are_read_without_opening_the_encoder(
    tmp_path: Path, encoder_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session with its runtime, hundreds of MB and some seconds, was opened for an id and a number."""
    line = Line.begin(tmp_path, encoder_root)
    with line.environment():
        desk = Desk(profile=PROFILE)
        expected = desk.encoder()
        monkeypatch.setattr(module, "load_encoder", None)
        table = desk.vectors()
    assert (table.encoder_id, table.read([]).shape) == (expected.encoder_id, (0, expected.dimensions))
