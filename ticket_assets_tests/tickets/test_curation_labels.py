"""Labels of curated tickets: mapped, kept, disputed, and called what they are called today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ticket_assets.profile import TargetSettings
from ticket_assets.tickets.curation import (
    NO_USABLE_LABEL,
    UNDECIDED_SPLIT,
    Curation,
    curate,
)
from ticket_assets.tickets.sources import SourceError
from ticket_assets.tickets.taxonomy_file import load_taxonomy
from ticket_assets_tests.tickets.curations import BOTH, COLUMNS, QUEUE, curated, places, snapshot


def test_rows_without_an_id_that_differ_in_a_label_are_folded_and_disputed() -> None:
    """The earlier label was lost without a word: two opinions on one text counted as one ticket and its new version."""
    result = curated({"queue": "x"}, {"body": "else"}, {"queue": "y"}, id=None)
    assert places(result) == (2, 0, 1, 0)
    assert result.clean[["text", "label_queue", "disputed"]].to_numpy().tolist() == [
        ["hello", "y", True],
        ["else", "q", False],
    ]
    assert result.disputed == 1


def test_a_copy_without_an_id_takes_no_label_away() -> None:
    result = curated({"queue": "x", "priority": None}, {"queue": None, "priority": "high"}, {"queue": " "}, id=None)
    assert places(result) == (1, 0, 2, 0)
    assert result.clean[["label_queue", "label_priority"]].to_numpy().tolist() == [["x", "low"]]
    assert result.clean["disputed"].tolist() == [True], "the priority was high, then low"


@pytest.mark.parametrize("value", [7, 7.0, np.int64(7), "7", " 7"])
def test_a_whole_number_is_the_same_id_label_and_context_in_whatever_type_it_comes(value: object) -> None:
    """A frame with one missing value makes floats of its whole numbers: 7 was another ticket than 7.0."""
    row = {"id": value, "queue": value, "channel": value}
    (clean,) = curated(row).clean.to_dict("records")
    assert [clean[name] for name in ("ticket_id", "label_queue", "context_channel")] == ["7", "7", "7"]


def test_labels_are_mapped_and_unknown_ones_counted() -> None:
    rows = [
        {"id": str(n), "body": str(n), "priority": p} for n, p in enumerate([1.0, "high", " high ", "urgent", None])
    ]
    result = curated(*rows)
    assert result.clean["label_priority"].tolist() == ["low", "high", "high", None, None]
    assert result.unknown_labels == {"priority": 1}
    assert curated(*rows, targets=QUEUE).unknown_labels == {}


def test_a_row_that_lacks_one_label_is_kept_for_the_others() -> None:
    result = curated({"queue": None}, {"body": "b", "priority": " "}, {"body": "c", "queue": None, "priority": "?"})
    assert places(result) == (2, 0, 0, 1)
    assert result.quarantine[["reason", "body"]].to_numpy().tolist() == [[NO_USABLE_LABEL, "c"]]


def test_a_newer_version_without_a_label_goes_to_quarantine_and_not_back_to_the_older() -> None:
    result = curated({"id": "1"}, {"id": "1", "queue": None, "priority": None})
    assert places(result) == (0, 1, 0, 1)


def test_disputes_are_the_same_text_with_another_label() -> None:
    result = curated({"id": "a"}, {"id": "b", "queue": "other"}, {"id": "c", "body": "else", "queue": "other"})
    assert result.clean["disputed"].tolist() == [True, True, False]
    assert result.disputed == 2


def test_a_missing_label_disputes_nothing() -> None:
    result = curated({"id": "a"}, {"id": "b", "priority": None})
    assert (result.clean["disputed"].tolist(), result.disputed) == ([False, False], 0)


HISTORY = """
[[version]]
name = "2"
date = 2024-01-01
rename = [{ from = "q", to = "queue" }]
split = [{ from = "hardware", column = "channel", into = { mail = "laptops" } }]
"""


def relabelled(tmp_path: Path, *rows: dict[str, Any], targets: dict[str, TargetSettings] = QUEUE) -> Curation:
    path = tmp_path / "taxonomy.toml"
    path.write_text(HISTORY)
    return curate(snapshot(*rows), COLUMNS, targets, ("channel",), taxonomies={"queue": load_taxonomy(path)})


def test_history_is_relabelled_and_the_same_text_under_the_old_name_is_no_dispute(tmp_path: Path) -> None:
    rows = [{"id": "1", "queue": "q"}, {"id": "2", "queue": "queue"}, {"id": "3", "body": "b", "queue": "other"}]
    result = relabelled(tmp_path, *rows)
    assert (places(result), result.disputed) == ((2, 0, 1, 0), 0)
    assert list(result.clean["label_queue"]) == ["queue", "other"]
    assert (result.relabelled, result.undecided_splits) == ({"queue": 1}, {})


def test_a_split_label_without_a_rule_for_the_row_is_lost_and_said_so(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "body": "a", "queue": "hardware", "channel": "mail"},
        {"id": "2", "body": "b", "queue": "hardware", "channel": "phone"},
        {"id": "3", "body": "c", "queue": None},
    ]
    result = relabelled(tmp_path, *rows)
    assert list(result.clean["label_queue"]) == ["laptops"]
    assert list(result.quarantine["reason"]) == [UNDECIDED_SPLIT, NO_USABLE_LABEL]
    assert result.undecided_splits == {"queue": 1}
    both = relabelled(tmp_path, *rows, targets=BOTH)
    assert (len(both.quarantine), both.undecided_splits) == (0, {"queue": 1})


def test_a_label_that_the_taxonomy_brought_is_known_without_a_mapping(tmp_path: Path) -> None:
    mapped = {"queue": TargetSettings(column="queue", values={"old": "q"})}
    result = relabelled(
        tmp_path, {"id": "1", "queue": "old"}, {"id": "2", "body": "b", "queue": "queue"}, targets=mapped
    )
    assert list(result.clean["label_queue"]) == ["queue", "queue"]
    assert result.unknown_labels == {}


def test_a_split_by_a_column_that_is_not_in_the_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.toml"
    path.write_text(HISTORY.replace("channel", "product"))
    with pytest.raises(SourceError, match=r"targets\.queue\.taxonomy = 'product' is not in the source"):
        curate(snapshot({}), COLUMNS, QUEUE, (), taxonomies={"queue": load_taxonomy(path)})
