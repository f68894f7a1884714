"""What assets recorded, read back as plain values; an instance that is not there records nothing, and is not begun."""

import shutil
from pathlib import Path

import dagster as dg

from ticket_assets.automation.erased import RAW, report_rewritten
from ticket_assets.automation.recorded import recorded
from ticket_assets.code_version import PROJECT


def test_latest_values_are_read_tables_as_rows_and_what_an_erasure_rewrote_is_told(tmp_path: Path) -> None:
    home = tmp_path / "dagster"
    assert recorded(home, ["tickets/raw"]) == {} and not home.exists()
    home.mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for rows in (3, 4):
            table = dg.MetadataValue.table([dg.TableRecord({"reason": "empty_text", "rows": rows})])
            metadata = {"source_rows": rows, "reasons": table, "sides": {"train": rows}}
            made = dg.AssetMaterialization(RAW, metadata=metadata, tags={"dagster/data_version": f"v{rows}"})
            instance.report_runless_asset_event(made)
        assert recorded(home, ["tickets/raw", "tickets/clean"]) == {
            "tickets/raw": {
                **{"source_rows": 4, "reasons": [{"reason": "empty_text", "rows": 4}], "sides": {"train": 4}},
                "erased": False,
            }
        }
        assert report_rewritten(instance, {RAW: "v5"}) == [RAW]
    assert recorded(home, ["tickets/raw"]) == {"tickets/raw": {"erased": True}}
