"""`quarantine` and `mend` as people use them, on a line whose tickets really run."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.__main__ import main
from ticket_assets.automation.source import observe_mended
from ticket_assets.automation.staleness import due_assets
from ticket_assets.definitions import build_defs
from ticket_assets.tickets.spreadsheet import read_table, said_by, write_table
from ticket_assets_tests.line import PROFILE, Line
from ticket_assets_tests.tickets.test_assets import CSV_SETTINGS, bring_up_to_date, run

BROKEN = ["T-1,only two\n", ",".join(["=T-2", *["x"] * 20]) + "\n"]


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A line that has curated a source with two unreadable rows, one without text and one without a label."""
    line = Line.begin(tmp_path_factory.mktemp("desk"), settings=CSV_SETTINGS)
    tickets = pd.read_parquet(line.source)
    tickets = tickets[(tickets["body"].str.len() > 20) & tickets["queue"].notna()].reset_index(drop=True)
    tickets.loc[0, ["subject", "body"]] = ["", " <br>"]
    tickets.loc[1, ["queue", "priority"]] = None
    tickets.loc[1, "body"] = "=cmd|'/c calc'!A1 write to bob@example.com"
    (line.folder / "tickets.csv").write_text(tickets.to_csv(index=False) + "".join(BROKEN))
    with line.environment():
        bring_up_to_date(line)
    return line


@pytest.fixture
def desk(curated: Line, tmp_path: Path) -> Iterator[Line]:
    """A copy of it, to mend."""
    shutil.copytree(curated.folder, tmp_path / "desk")
    line = Line(tmp_path / "desk")
    with line.environment():
        yield line


def said(path: Path) -> list[dict[str, str | None]]:
    """Rows of a table, as what their cells say."""
    return [{name: said_by(cell) for name, cell in row.cells.items()} for row in read_table(path)]


def edit(path: Path, **changes: dict[str, str | None]) -> None:
    """Change cells of rows found by their reason."""
    rows = said(path)
    for row in rows:
        row.update(changes.get(str(row["_reason"]), {}))
    write_table(path, list(rows[0]), [list(row.values()) for row in rows])


def metadata(line: Line, asset: str) -> dict[str, Any]:
    with line.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tickets", asset]))
    assert event is not None and event.asset_materialization is not None
    return {name: one.value for name, one in event.asset_materialization.metadata.items()}


def counts(line: Line) -> dict[str, int]:
    names = ("read", "clean", "superseded", "folded", "quarantined", "mended", "dropped")
    found = {name: metadata(line, "clean")[name] for name in names}
    assert found["read"] == sum(found[name] for name in ("clean", "superseded", "folded", "quarantined"))
    return found


def test_broken_rows_are_written_out_mended_replayed_and_curated_once(
    desk: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    before, path = counts(desk), desk.folder / "out.csv"
    assert main(["quarantine", "--file", str(path)]) == 0
    told = capsys.readouterr().out
    assert "       2  unreadable: the source could not be read there" in told
    assert "       0  dropped: people set it aside on purpose" in told
    assert f"4 rows, personal data included, in {path}" in told
    assert "'=cmd|" in path.read_text(encoding="utf-8-sig"), "no spreadsheet runs it"
    whole = {"id": "T-9", "ticket_id": "T-9", "body": "the printer on floor three jams", "queue": "devices"}
    rows = said(path)
    rows[next(at for at, row in enumerate(rows) if row["_text"] == "T-1,only two")].update(
        {name: value for name, value in whole.items() if name in rows[0]}
    )
    write_table(path, list(rows[0]), [list(row.values()) for row in rows])
    edit(path, empty_text={"body": "the scanner at the door is dead"}, no_usable_label={"_action": "drop"})
    assert main(["mend", "--file", str(path)]) == 0
    told = capsys.readouterr().out
    assert "2 mended, 1 dropped, 0 taken back, 1 left as they were" in told
    assert f"make run PROFILE={PROFILE}" in told
    bring_up_to_date(desk)
    after = counts(desk)
    assert after == {
        **{"read": before["read"] + 3, "clean": before["clean"] + 2, "superseded": before["superseded"] + 3},
        **{"folded": before["folded"], "quarantined": 2, "mended": 2, "dropped": 1},
    }
    clean, quarantine = desk.table("tickets", "clean"), desk.table("tickets", "quarantine")
    assert "T-9" in set(clean["ticket_id"])
    assert sorted(quarantine["reason"]) == ["dropped", "unreadable"]
    (dropped,) = quarantine.loc[quarantine["reason"] == "dropped", "body"]
    assert dropped == "=cmd|'/c calc'!A1 write to bob@example.com", "taken back from its cell as it was"

    assert main(["mend", "--file", str(path)]) == 0
    assert "0 mended, 0 dropped, 0 taken back, 4 left" in capsys.readouterr().out
    assert run(desk) == (set(), True), "nothing is due"


def test_a_mending_makes_the_snapshot_due_and_a_source_that_is_read_again_leaves_it_in_force(desk: Line) -> None:
    path = desk.folder / "out.parquet"
    main(["quarantine", "--file", str(path)])
    edit(path, empty_text={"body": "the scanner at the door is dead"})
    assert run(desk) == (set(), True)
    main(["mend", "--file", str(path)])
    with desk.instance() as instance:
        due = {key.to_user_string() for key in due_assets(build_defs(desk.settings()), instance)}
    assert "tickets/raw" in due
    assert run(desk) == ({"tickets/raw"}, True)
    source = desk.folder / "tickets.csv"
    source.write_text(source.read_text() + BROKEN[0].replace("T-1", "T-3"))
    bring_up_to_date(desk)
    assert counts(desk)["mended"] == 1
    assert sorted(desk.table("tickets", "quarantine")["reason"]) == ["no_usable_label", *["unreadable"] * 3]


def test_a_mending_is_reported_once(desk: Line) -> None:
    with desk.instance() as instance:
        key = dg.AssetKey(["tickets", "mended"])
        before = len(instance.fetch_materializations(key, limit=10).records)
        observe_mended(desk.settings(), instance)
        assert len(instance.fetch_materializations(key, limit=10).records) == before == 1


def test_a_table_that_is_wrong_ends_the_command_with_its_lines(desk: Line, capsys: pytest.CaptureFixture[str]) -> None:
    path = desk.folder / "out.csv"
    main(["quarantine", "--file", str(path)])
    edit(path, empty_text={"_action": "delete"}, no_usable_label={"_row": "x"})
    capsys.readouterr()
    assert main(["mend", "--file", str(path)]) == 2
    told = capsys.readouterr().err
    assert "out.csv, line 2: _action = 'delete'" in told
    assert "out.csv, line 3: _row = 'x' is not in the quarantine" in told
    assert told.endswith("nothing was mended\n")


def test_the_page_of_the_quarantine_shows_a_sample_without_personal_data_and_how_to_mend(desk: Line) -> None:
    told = metadata(desk, "quarantine")
    sample = [row.data for row in told["sample"].records]
    assert [row["reason"] for row in sample] == ["empty_text", "no_usable_label", "unreadable", "unreadable"]
    assert "[email_address]" in sample[1]["says"] and "bob" not in str(sample)
    assert sample[1]["why"] == "queue is empty; priority is empty"
    assert sample[2]["where"].startswith("tickets.csv, line ")
    assert f"make mend PROFILE={PROFILE}" in told["how to mend"]
    assert told["per batch"].startswith("![")
    assert {row.data["reason"]: row.data["rows"] for row in told["reasons"].records}["unreadable"] == 2


@pytest.mark.parametrize("arguments", [["quarantine"], ["mend", "--file", "out.csv"]])
def test_before_any_run_there_is_nothing_to_mend_and_the_command_says_what_to_do(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Line.begin(tmp_path).environment():
        assert main(arguments) == 2
    assert f"profile {PROFILE} has nothing yet: make run PROFILE={PROFILE}" in capsys.readouterr().err


def test_a_table_of_another_kind_is_refused(desk: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quarantine", "--file", "out.xlsx"]) == 2
    assert "out.xlsx ends in neither of .csv, .parquet" in capsys.readouterr().err
    assert main(["quarantine"]) == 0
    assert (desk.folders.reports / "quarantine.csv").exists()
