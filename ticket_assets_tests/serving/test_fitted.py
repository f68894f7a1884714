"""Which bundles were fitted to erased tickets: by the data that each of their models was made from."""

from pathlib import Path

from ticket_assets.models.trained_rows import keep_trained
from ticket_assets.serving.fitted import erased_data, is_fitted_to_erased, touched
from ticket_assets.serving.manifest import BundleManifest, Origin
from ticket_assets.tickets.ledger import enter
from ticket_assets_tests.serving.toys import GOOD, SmallDesk, hearing


def made_from(desk: SmallDesk, version: str, **kept: str) -> BundleManifest:
    """A bundle of that version of the data, with models that stayed of others."""
    origins = {target: Origin("before", {"tickets/clean": its}) for target, its in kept.items()}
    models = [hearing(target, GOOD) for target in ("tone", "mood")]
    return desk.written(models, data={"tickets/clean": version}, kept=origins)


def test_the_versions_in_which_a_ticket_was_trained_on_are_told_also_those_of_models_that_stayed(
    desk: SmallDesk, tmp_path: Path
) -> None:
    lists = tmp_path / "trained"
    for version, ids in {"v1": ["T-1"], "v2": ["T-1", "T-2"], "v3": ["T-3"]}.items():
        keep_trained(lists, version, ids)
    made_from(desk, "v3")
    made_from(desk, "v3", mood="v1")
    assert touched(desk.bundles, lists, {"T-1"}) == ("v1",), "v2 has no bundle that could answer"
    made_from(desk, "v2")
    assert touched(desk.bundles, lists, {"T-1", "T-9"}) == ("v1", "v2")
    assert touched(desk.bundles, lists, {"T-9"}) == ()
    assert touched(desk.bundles, lists, set()) == ()


def test_where_no_list_tells_a_ticket_is_taken_for_trained_on(desk: SmallDesk, tmp_path: Path) -> None:
    made_from(desk, "of an earlier version of the project")
    assert touched(desk.bundles, tmp_path / "trained", {"T-9"}) == ("of an earlier version of the project",)


def test_an_erasure_that_does_not_tell_counts_against_all_data_without_a_list(desk: SmallDesk, tmp_path: Path) -> None:
    """Those that an earlier version of the project made were never caught up: whom they touched, nobody had noted."""
    lists = tmp_path / "trained"
    keep_trained(lists, "listed", ["T-2"])
    enter(desk.records, "one that tells", "2026-01-01", ["T-1"], ["c"], ["v1"])
    assert not is_fitted_to_erased(desk.records, lists, made_from(desk, "v2"))
    enter(desk.records, "of an earlier version", "2026-01-02", ["T-3"], ["d"], None)
    assert "fitted" not in (desk.records / "erasures.jsonl").read_text().splitlines()[-1]
    assert is_fitted_to_erased(desk.records, lists, made_from(desk, "v2"))
    assert is_fitted_to_erased(desk.records, lists, made_from(desk, "listed", mood="v2"))
    assert not is_fitted_to_erased(desk.records, lists, made_from(desk, "listed"))
    assert erased_data(desk.records, lists, {"v1", "v2", "listed"}) == {"v1", "v2"}


def test_a_bundle_is_fitted_to_erased_tickets_if_one_of_its_models_is(desk: SmallDesk, tmp_path: Path) -> None:
    enter(desk.records, "an erasure", "2026-01-01", ["T-1"], ["c"], ["v1"])
    assert is_fitted_to_erased(desk.records, tmp_path / "trained", made_from(desk, "v1"))
    assert is_fitted_to_erased(desk.records, tmp_path / "trained", made_from(desk, "v2", mood="v1"))
    assert not is_fitted_to_erased(desk.records, tmp_path / "trained", made_from(desk, "v2"))
