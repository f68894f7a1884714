"""The report on the tickets' quality: each figure is counted by hand here, and no text of a ticket is in it."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ticket_assets import canvas
from ticket_assets.assets.ticket_reporting import quality_plots
from ticket_assets.canvas import RED
from ticket_assets.profile import ColumnSettings, TargetSettings
from ticket_assets.tickets import data_summary
from ticket_assets.tickets import quality_plots as plots
from ticket_assets.tickets.curation import curate
from ticket_assets.tickets.data_summary import summary_frame, write_summary
from ticket_assets.tickets.quality import Dates, LabelCount, Quality, assess, dates, label_counts, missing_values
from ticket_assets.tickets.snapshot import ingest, read_snapshot
from ticket_assets_tests.tickets.test_sources import source_of, write

COLUMNS = ColumnSettings(id="id", body="body", created_at="at")
TARGETS = {"queue": TargetSettings(column="queue"), "kind": TargetSettings(column="kind")}
DAY = datetime(2024, 3, 1, tzinfo=UTC)
SECRET = "call bob@example.com about the tulips"


def source(rows: int = 60) -> str:
    lines = [
        f"{n},ticket about item {n} {'x' * n},2024-01-{1 + n % 28:02d},{'it' if n % 3 else 'hr'},k" for n in range(rows)
    ]
    odd = [
        f"s1,{SECRET},2024-02-20,it,k",
        f"s2,{SECRET},2025-01-01,hr,k",
        "e, ,2024-01-01,it,k",
        "n,nothing known, ,,",
        "0,newer,2024-01-01,rare,",
        "a,b",
    ]
    return "\n".join(["id,body,at,queue,kind", *lines, *odd]) + "\n"


@pytest.fixture
def clean(tmp_path: Path) -> pd.DataFrame:
    write(tmp_path / "a.csv", source())
    ingest(source_of(tmp_path / "a.csv"), tmp_path / "raw", COLUMNS, now=DAY)
    tickets = curate(read_snapshot(tmp_path / "raw"), COLUMNS, TARGETS, ("kind",)).clean
    tickets["language"] = ["en"] * 50 + ["und"] * (len(tickets) - 50)
    tickets["family_id"] = [str(n // 2) if n < 6 else f"own {n}" for n in range(len(tickets))]
    return tickets


@pytest.fixture
def found(tmp_path: Path, clean: pd.DataFrame) -> Quality:
    return assess(tmp_path / "raw", clean, 3, TARGETS)


def test_rows_duplicates_disputes_and_masked_data_are_counted(found: Quality) -> None:
    assert (found.read, found.clean, found.quarantined, found.replaced) == (66, 62, 3, 1)
    assert (found.exact_duplicates, found.disputed) == (2, 2)
    assert (found.families, found.in_families, found.largest_family) == (3, 6, 2)
    assert found.languages == {"en": 50, "und": 12}
    assert found.masked["email"] == 2


def test_missing_values_are_counted_of_the_rows_that_could_be_read(found: Quality, tmp_path: Path) -> None:
    assert {one.column: (one.missing, one.rows) for one in found.missing} == {
        **{"id": (0, 65), "body": (1, 65), "at": (1, 65), "queue": (1, 65), "kind": (2, 65)},
    }
    pd.DataFrame({"body": ["a", None], "n": [None, 7.5], "tags": [["x"], None]}).to_parquet(tmp_path / "b.parquet")
    ingest(source_of(tmp_path / "b.parquet"), tmp_path / "typed", ColumnSettings(body="body"), now=DAY)
    read, missing = missing_values(tmp_path / "typed")
    assert (read, [one.missing for one in missing]) == (2, [1, 1, 1])


def test_small_classes_and_targets_of_one_class_are_warned_of(found: Quality) -> None:
    assert found.labels["queue"] == (
        LabelCount("it", 41, ""),
        LabelCount("hr", 20, ""),
        LabelCount("rare", 1, "fewer than 20"),
    )
    assert found.labels["kind"] == (
        LabelCount("k", 61, "the only class: there is nothing to tell apart"),
        LabelCount(None, 1, ""),
    )
    assert label_counts(pd.Series([None], dtype="object")) == (LabelCount(None, 1, ""),)


def test_the_range_of_dates_their_longest_gap_and_future_ones_are_told(found: Quality) -> None:
    assert found.dates == Dates("2024-01-01", "2025-01-01", 0, 1, 316.0, "2024-02-20")
    none = pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us, UTC]")
    assert dates(none, none) == Dates(None, None, 2, 0, 0.0, None)
    one = pd.Series([pd.Timestamp(DAY)])
    assert dates(one, one) == Dates("2024-03-01", "2024-03-01", 0, 0, 0.0, None)


def test_lengths_are_told_by_their_quantiles(found: Quality, clean: pd.DataFrame) -> None:
    lengths = clean["text"].str.len()
    assert found.lengths["0%"] == lengths.min() and found.lengths["100%"] == lengths.max()
    assert found.lengths["50%"] == int(lengths.median())


def test_a_profile_without_a_clean_ticket_has_a_report_and_no_picture(tmp_path: Path, clean: pd.DataFrame) -> None:
    empty = assess(tmp_path / "raw", clean.iloc[:0], 66, TARGETS)
    assert (empty.clean, empty.replaced, empty.lengths, empty.largest_family) == (0, 0, {}, 0)
    assert quality_plots(empty, clean.iloc[:0], "tiny") == {}


def colours(png: bytes) -> set[tuple[int, ...]]:
    return {colour for _, colour in Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 24) or []}


def near(png: bytes, colour: str) -> bool:
    wanted = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return any(max(abs(a - b) for a, b in zip(one, wanted, strict=True)) < 12 for one in colours(png))


def test_pictures_are_small_and_of_one_width(found: Quality, clean: pd.DataFrame) -> None:
    images = quality_plots(found, clean, "tiny")
    assert list(images) == ["lengths of texts", "tickets over time", "labels of queue", "labels of kind"]
    batches = [(f"batch {n}", {"empty_text": n, "unreadable": 2}) for n in range(60)]
    for image in (*images.values(), plots.quarantined_per_batch(batches, "tiny")):
        assert len(image) < canvas.MOST_BYTES
        assert Image.open(io.BytesIO(image)).width == 700
    assert near(images["labels of queue"], RED), "a small class is told by its colour"


def test_a_class_that_is_not_small_is_not_coloured_as_one() -> None:
    assert not near(plots.label_bars([("a", 20), ("b", 20)], 20, "even"), RED)


def test_of_many_labels_the_first_and_the_rarest_are_drawn() -> None:
    many = plots.label_bars([(f"label {n}", 1000 - n) for n in range(400)], 20, "many")
    few = plots.label_bars([(f"label {n}", 1000 - n) for n in range(30)], 20, "few")
    assert abs(Image.open(io.BytesIO(many)).height - Image.open(io.BytesIO(few)).height) < 40


@pytest.mark.parametrize("days", [0, 40, 400, 3000, 9000])
def test_any_range_of_dates_is_drawn_and_a_gap_is_marked(days: int) -> None:
    created = pd.Series([pd.Timestamp(DAY), pd.Timestamp(DAY) + pd.Timedelta(days=days)])
    assert near(plots.tickets_over_time(created, "gap"), RED) is (days > 1)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.text_lengths(np.array([], dtype=int), "x"),
        lambda: plots.label_bars([], 20, "x"),
        lambda: plots.tickets_over_time(pd.Series([], dtype="datetime64[us, UTC]"), "x"),
        lambda: plots.quarantined_per_batch([], "x"),
    ],
)
def test_nothing_is_no_picture(draw: object) -> None:
    with pytest.raises(ValueError, match="is empty: there is nothing to draw"):
        draw()  # type: ignore[operator]


def test_evidently_s_page_is_filled_and_holds_no_text_of_a_ticket(tmp_path: Path, clean: pd.DataFrame) -> None:
    frame = summary_frame(clean, TARGETS, ("kind",))
    assert list(frame) == [
        *("characters", "words", "family_size", "language", "disputed"),
        *("label queue", "label kind", "context kind", "created_at"),
    ]
    files = write_summary(frame, tmp_path / "reports")
    page, figures = files.html.read_text(), files.json.read_text()
    assert files.rows == 62 and json.loads(figures)["metrics"][0]["value"] == 62.0
    assert "tulips" not in page and "[email_address]" not in page
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=.?https?:", page), "it needs no network"
    if shutil.which("chromium"):
        run = subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000"),
                *(f"--user-data-dir={tmp_path / 'chromium'}", "--dump-dom", files.html.as_uri()),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "number of rows" in run.stdout and "label queue" in run.stdout, "drawn by its own script"


@pytest.mark.parametrize("rows", [1, 2])
def test_a_page_of_hardly_any_tickets_is_written_too(tmp_path: Path, clean: pd.DataFrame, rows: int) -> None:
    few = clean.iloc[:rows].assign(created_at=clean["created_at"].where(clean["text"].isna()), label_queue=None)
    frame = summary_frame(few, TARGETS, ())
    assert "created_at" not in frame
    assert write_summary(frame, tmp_path).rows == rows


def test_of_many_rows_a_sample_is_summed_up(clean: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_summary, "MOST_ROWS", 60)
    frame = summary_frame(clean, TARGETS, ("kind",))
    assert len(frame) == 60 and frame["family_size"].max() == 2
    pd.testing.assert_frame_equal(frame, summary_frame(clean, TARGETS, ("kind",)))


@pytest.mark.parametrize("rows", [1, 12, 49, 62])
@pytest.mark.parametrize("values", ["ids", "pairs", "one in five"])
def test_free_text_in_a_context_column_stays_out_of_a_small_profile_too(
    clean: pd.DataFrame, rows: int, values: str
) -> None:
    """With fewer tickets than the 50 values that a column might have, every id and every name stood in the page."""
    several = {"ids": 1, "pairs": 2, "one in five": 5}[values]
    told = [f"{SECRET} {n // several}" for n in range(rows)]
    assert "context kind" not in summary_frame(clean.iloc[:rows].assign(context_kind=told), TARGETS, ("kind",))


def test_a_context_value_of_few_tickets_is_not_named(tmp_path: Path, clean: pd.DataFrame) -> None:
    """In a column that nearly always says the same, the rest may be what people wrote of themselves."""
    told = ["mail"] * 40 + ["phone"] * 10 + ["web"] * 6 + [SECRET] * 4 + [None, None]
    frame = summary_frame(clean.assign(context_kind=told), TARGETS, ("kind",))
    assert frame["context kind"].value_counts().to_dict() == {"mail": 40, "phone": 10, "web": 6, "(rare)": 4}
    assert frame["context kind"].isna().sum() == 2
    page = write_summary(frame, tmp_path / "reports").html.read_text()
    assert "tulips" not in page and "phone" in page
