"""What assets recorded, read back as plain values; an instance that is not there records nothing, and is not begun."""

import shutil
from pathlib import Path

import dagster as dg

from ticket_assets.automation.erased import RAW, report_rewritten
from ticket_assets.automation.recorded import COUNTED, recorded
from ticket_assets.code_version import PROJECT


def test_latest_values_are_read_tables_as_rows_and_what_an_erasure_rewrote_is_told(tmp_path: Path) -> None:
    home = tmp_path / "dagster"
    assert recorded(home, ["tickets/raw"]) == {} and not home.exists()
    home.mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for rows in (3, 4):
            table = dg.MetadataValue.table([dg.TableRecord({"reason": "empty_text", "rows": rows})])
            metadata = {"source_rows": rows, "reasons": table, "sides": {"train": rows}, "dagster/row_count": rows}
            made = dg.AssetMaterialization(RAW, metadata=metadata, tags={"dagster/data_version": f"v{rows}"})
            instance.report_runless_asset_event(made)
        read = {"source_rows": 4, "reasons": [{"reason": "empty_text", "rows": 4}], "sides": {"train": 4}}
        assert recorded(home, ["tickets/raw", "tickets/clean"]) == {
            "tickets/raw": {**read, "dagster/row_count": 4, "erased": False}
        }
        assert report_rewritten(instance, {RAW: "v5"}) == [RAW]
        # Nothing reads the source again until it changes: what it was read as would be gone for long.
        assert recorded(home, ["tickets/raw"]) == {"tickets/raw": {**read, "erased": True}}


def test_tickets_that_were_counted_again_after_an_erasure_are_not_told_as_before_it(tmp_path: Path) -> None:
    """The report said so for ever: the erasure's is the latest event of the snapshot, which is not due."""
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for key in (RAW, COUNTED):
            instance.report_runless_asset_event(dg.AssetMaterialization(key, tags={"dagster/data_version": "v1"}))
        for version in ("v2", "v3"):
            report_rewritten(instance, {RAW: version})
            assert recorded(home, ["tickets/raw"])["tickets/raw"]["erased"] is True
            instance.report_runless_asset_event(dg.AssetMaterialization(COUNTED))
            assert recorded(home, ["tickets/raw"])["tickets/raw"]["erased"] is False
