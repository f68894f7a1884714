"""The shadow's cost: what is said of rounds, and the store that a challenger is put into."""

from pathlib import Path

from benchmarks.shadow_cost import put_beside, said
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.manifest import damage
from ticket_assets.serving.store import Champion, read_challenger, write_champion
from ticket_assets_tests.serving.conftest import toy_fields
from ticket_assets_tests.serving.toys import GOOD, hearing


def test_ratios_are_of_the_rounds_and_failures_are_counted() -> None:
    without = [{"p50": 10.0, "p95": 20.0, "rate": 100.0, "failed": 0} for _ in range(3)]
    beside = [{"p50": 10.0 * by, "p95": 20.0, "rate": 100.0 / by, "failed": by - 1} for by in (1, 2, 3)]
    told = said(8, without, beside)
    assert told.startswith("8 clients: p50 10.0 and 20.0, ratio 2.00 (1.00 to 3.00); p95 20.0 and 20.0, ratio 1.00 (")
    assert told.endswith("3 failed")


def test_the_challenger_is_a_whole_bundle_of_its_own_beside_the_same_champion(tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "store", [hearing("tone", GOOD)], toy_fields(), "a card\n")
    write_champion(tmp_path / "store", Champion(1, made.id, "2026-01-01T00:00:00+00:00"))
    for _ in range(2):  # a second run finds the first one's
        put_beside(tmp_path / "store", tmp_path / "beside")
    challenger = read_challenger(tmp_path / "beside")
    assert challenger is not None and challenger.against == made.id != challenger.bundle
    assert damage(tmp_path / "beside" / challenger.bundle) == []
    assert read_challenger(tmp_path / "store") is None
