"""The assets of the group tickets, really run: what a source that changes and a run that breaks off leave."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.automation.source import observe_mended, observe_source
from ticket_assets.automation.staleness import due_assets, next_run
from ticket_assets.definitions import build_defs
from ticket_assets.resources.parquet import ParquetTables
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.mending import mend
from ticket_assets.tickets.quarantine import row_ids, write_quarantine
from ticket_assets.tickets.sample import Drift, SampleSpec, generate
from ticket_assets_tests.line import SETTINGS, Line

HALVES = {"tickets/clean", "tickets/quarantine"}
FIRST = {"tickets/raw", "tickets/feedback", "tickets/quality", *HALVES}
Change = Callable[[pd.DataFrame], pd.DataFrame]
CHANGES: dict[str, Change] = {}


class Tampering(ParquetTables):
    """Parquet tables one of which is changed on its way to disk; Dagster makes its own copy of a resource."""

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        change = CHANGES.get(context.asset_key.to_user_string(), lambda frame: frame)
        super().handle_output(context, change(obj))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Line]:
    line = Line.begin(tmp_path)
    with line.environment():
        yield line


def run(line: Line, **changes: Change) -> tuple[set[str], bool]:
    """Run what is next of the group; return it, and whether the run went through."""
    defs = build_defs(line.settings())
    with line.instance() as instance, pytest.MonkeyPatch.context() as patch:
        for name, change in changes.items():
            patch.setitem(CHANGES, f"tickets/{name}", change)
        observe_source(line.settings(), instance)
        observe_mended(line.settings(), instance)
        chosen = next_run(defs, due_assets(defs, instance).values())
        group = [key for key in chosen if key.path[0] == "tickets"]
        tables = {"io_manager": Tampering(root=str(line.folders.root))}
        # Dagster takes an empty selection for all that there is.
        passed = not group or line.execute(instance, group, tables).success
    return {key.to_user_string() for key in group}, passed


def relabel(line: Line, queue: str) -> str:
    """Give the second ticket of the source another queue; return its id."""
    tickets = pd.read_parquet(line.source)
    tickets.loc[1, "queue"] = queue
    write_parquet(line.source, tickets)
    return str(tickets.loc[1, "ticket_id"])


def bring_up_to_date(line: Line) -> None:
    while (done := run(line))[0]:
        assert done[1], done


def test_a_generated_source_is_what_the_settings_ask_for(tmp_path: Path) -> None:
    wanted = (
        'source = { kind = "sample", rows = 100, seed = 2, languages = { de = 1.0 }, drift = { kind = "new_topic" } }'
    )
    line = Line.begin(
        tmp_path, settings=SETTINGS.replace('source = { kind = "files", path = "tickets.parquet" }', wanted)
    )
    with line.environment():
        assert run(line) == ({"tickets/sample", *FIRST}, True)
    made = pd.read_parquet(line.folders.source / "tickets.parquet")
    pd.testing.assert_frame_equal(
        made, generate(SampleSpec(rows=100, seed=2, languages={"de": 1.0}, drift=Drift("new_topic")))
    )
    assert line.table("tickets", "clean")["language"].value_counts(normalize=True)["de"] > 0.9


def test_a_label_that_is_changed_and_changed_back_is_the_first_one_again(fresh: Line) -> None:
    for queue in ("network", "devices", "network"):
        ticket = relabel(fresh, queue)
        bring_up_to_date(fresh)
        clean = fresh.table("tickets", "clean").set_index("ticket_id")
        assert clean.loc[ticket, "label_queue"] == queue


def test_a_lost_row_fails_the_check_and_the_next_run_makes_both_halves_again(fresh: Line) -> None:
    """The next run wanted the refused half alone, which cannot run alone: the line was stuck."""
    assert run(fresh, clean=lambda frame: frame.iloc[1:]) == (FIRST, False)
    assert run(fresh) == ({*HALVES, "tickets/quality"}, True)
    assert run(fresh) == (set(), True)


def test_a_row_that_stands_in_the_place_of_another_fails_the_check(fresh: Line) -> None:
    """One lost and one doubled make a sum that is right."""
    assert run(fresh, clean=lambda frame: frame.iloc[[1, *range(1, len(frame))]]) == (FIRST, False)


def test_a_run_that_broke_off_between_the_halves_is_followed_by_one_that_makes_both(fresh: Line) -> None:
    def break_off(frame: pd.DataFrame) -> pd.DataFrame:
        raise OSError("disk full")

    bring_up_to_date(fresh)
    relabel(fresh, "elsewhere")
    assert run(fresh) == ({"tickets/raw"}, True)
    assert run(fresh, quarantine=break_off) == (HALVES, False)
    assert run(fresh) == (HALVES, True)
    assert run(fresh) == ({"tickets/quality"}, True)
    assert run(fresh) == (set(), True)


CSV_SETTINGS = SETTINGS.replace("tickets.parquet", "tickets.csv")


def test_rows_that_cannot_be_read_end_in_quarantine_and_the_counts_add_up(tmp_path: Path) -> None:
    line = Line.begin(tmp_path, settings=CSV_SETTINGS)
    table = pd.read_parquet(line.source).to_csv(sep=";", index=False).encode("cp1252", "replace").splitlines(True)
    torn = [b"1;2;3\n", b'T-1;"never closed\n', b";".join([b"\x00"] * (table[0].count(b";") + 1))]
    (tmp_path / "tickets.csv").write_bytes(b"".join([*table, *torn]))
    with line.environment():
        assert run(line) == (FIRST, True)
        metadata = counted(line, "tickets/raw")
    assert metadata["unreadable_rows"].value == 3
    assert metadata["files read as CSV in cp1252, columns parted by ';'"].value == "1"
    quarantine = line.table("tickets", "quarantine")
    unreadable = quarantine[quarantine["reason"] == "unreadable"]
    assert unreadable["_file"].tolist() == ["tickets.csv"] * 3
    assert unreadable["_text"].tolist()[:2] == ["1;2;3", 'T-1;"never closed']
    assert [text.partition(" ")[0] for text in unreadable["_unreadable"]] == ["3", "a", "it"]
    assert unreadable["_line"].diff().tolist()[1:] == [1, 1]


def test_the_line_reads_a_database_from_its_cursor_on_and_sees_when_it_changed(tmp_path: Path) -> None:
    source = '{ kind = "sql", url = "sqlite:///tickets.db", table = "tickets", cursor = "created_at" }'
    line = Line.begin(tmp_path, settings=SETTINGS.replace('{ kind = "files", path = "tickets.parquet" }', source))
    tickets = pd.read_parquet(line.source).sort_values("created_at").astype({"created_at": str})
    with sqlite3.connect(tmp_path / "tickets.db") as connection:
        tickets.iloc[:-5].to_sql("tickets", connection, index=False)
    with line.environment():
        bring_up_to_date(line)
        assert run(line) == (set(), True)
        tickets.iloc[-5:].to_sql("tickets", connection, index=False, if_exists="append")
        connection.close()
        assert run(line) == ({"tickets/raw"}, True)
        metadata = counted(line, "tickets/raw")
    assert (metadata["new_rows"].value, metadata["source_rows"].value) == (5, 6)


def test_mendings_go_on_when_the_source_gets_a_column_and_those_that_it_overrules_are_counted(fresh: Line) -> None:
    tickets, columns = pd.read_parquet(fresh.source), fresh.settings().active.columns
    tickets.loc[:1, ["subject", "body"]] = None
    write_parquet(fresh.source, tickets)
    bring_up_to_date(fresh)
    quarantine, table = fresh.table("tickets", "quarantine"), fresh.folders.reports / "mend.parquet"
    write_quarantine(table, quarantine, fresh.folders.raw, fresh.settings().active.targets)
    torn = (
        pd.read_parquet(table).loc[lambda rows: rows["ticket_id"].isin(tickets["ticket_id"][:2])].reset_index(drop=True)
    )
    torn.assign(body="the scanner is torn").to_parquet(table)
    assert mend(table, fresh.folders.raw, columns, row_ids(quarantine)).mended == 2
    tickets.loc[1, "body"] = "what the source says now"
    write_parquet(fresh.source, tickets.assign(region="EU"))
    bring_up_to_date(fresh)
    assert run(fresh) == (set(), True)
    clean = fresh.table("tickets", "clean").set_index("ticket_id")["text"]
    assert list(clean[tickets.loc[:1, "ticket_id"]]) == ["the scanner is torn", "what the source says now"]
    assert counted(fresh, "tickets/raw")["mendings_carried"].value == 1
    for half in HALVES:
        assert [counted(fresh, half)[name].value for name in ("mended", "mendings_overruled")] == [1, 1]


def counted(line: Line, name: str) -> Mapping[str, dg.MetadataValue]:
    with line.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(name.split("/")))
    assert event is not None and event.asset_materialization is not None
    return event.asset_materialization.metadata


def test_the_counts_are_counted_again_with_the_profile_s_own_masks_and_taxonomy(tmp_path: Path) -> None:
    """They were counted with the default masks and no taxonomy: texts that differ in an address alone, or two names of
    one label, folded in one count and not in the other, and the gate was shut for a profile without a fault."""
    taxonomy = '[[version]]\nname = "2"\ndate = 2024-01-01\nrename = [{ from = "network", to = "devices" }]\n'
    (tmp_path / "taxonomy.toml").write_text(taxonomy)
    settings = SETTINGS.replace(
        'targets.queue.column = "queue"', 'targets.queue = { column = "queue", taxonomy = "taxonomy.toml" }'
    ).replace("[profiles.tiny.columns]", "cleaning.mask = []\n[profiles.tiny.columns]", 1)
    line = Line.begin(tmp_path, settings=settings)
    tickets = pd.read_parquet(line.source)
    same = tickets.iloc[[5, 5, 6, 6, 6]].reset_index(drop=True)
    same["ticket_id"] = ["S-1", "S-2", "S-3", "S-4", "S-5"]
    same.loc[[0, 1], "queue"] = ["network", "devices"]
    same.loc[[2, 3, 4], "body"] = [f"write to {name}@example.com please" for name in ("ann", "bob", "eve")]
    write_parquet(line.source, pd.concat([tickets, same], ignore_index=True))
    with line.environment():
        assert run(line) == (FIRST, True)
