"""Clean tickets from run to run: only what is new is worked on, and the result is that of a run from scratch."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.profile import Profile
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tables import frame_digest
from ticket_assets.tickets import kept_texts
from ticket_assets.tickets.clean_tickets import CleanTickets, clean_tickets
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.language import detect_languages
from ticket_assets_tests.public_data import public_data
from ticket_assets_tests.tickets.test_families import reworded_tickets

TEXTS = [*reworded_tickets(60)[0], "write to bob@example.com", "Der Drucker im zweiten Stock geht nicht mehr", "<br>"]
# Alone in its family, the only ticket would be a family of all.
UNRELATED = [{"id": f"u{n}", "body": f"first{n} second{n} third{n}", "queue": "a"} for n in range(3)]
ROW = st.fixed_dictionaries(
    {
        "id": st.one_of(st.none(), st.integers(0, 40).map(str)),
        "body": st.sampled_from(TEXTS),
        "queue": st.sampled_from(["a", "b", None]),
    }
)


def profile(**sections: Any) -> Profile:
    wanted: dict[str, Any] = {
        "source": SourceSettings(path="tickets.parquet"),
        "columns": {"id": "id", "body": "body"},
        "targets": {"queue": {"column": "queue"}},
        "families": {"cut": 0.5, "largest_share": 0.99},
        "features": {"languages": ["en", "de"]},
    }
    return Profile(**{**wanted, **sections})


def snapshot(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["id", "body", "queue"], dtype="object")
    return frame.assign(_ingested_at=pd.Timestamp(datetime(2024, 1, 5, tzinfo=UTC)))


def made(rows: list[dict[str, Any]], kept: Path, **sections: Any) -> CleanTickets:
    return clean_tickets(snapshot(rows), profile(**sections), {}, kept)


def version(result: CleanTickets) -> str:
    return frame_digest(result.tickets)


@settings(max_examples=8, deadline=None)
@given(batches=st.lists(st.lists(ROW, min_size=1, max_size=30), min_size=2, max_size=4))
def test_batch_upon_batch_gives_bit_for_bit_what_a_run_from_scratch_gives(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[dict[str, Any]]]
) -> None:
    """With edits, other labels and copies, with an id and without."""
    kept, rows, known = tmp_path_factory.mktemp("kept"), [*UNRELATED], set[str]()
    for batch in batches:
        rows += batch
        result, anew = made(rows, kept), made(rows, tmp_path_factory.mktemp("empty"))
        assert version(result) == version(anew)
        assert frame_digest(result.curation.quarantine) == frame_digest(anew.curation.quarantine)
        assert result.work["cleaned"] == sum(row["body"] not in known for row in rows)
        assert result.work["cleaned"] + result.work["cleaned_before"] == len(rows)
        known = {row["body"] for row in rows}


def test_another_label_or_a_copy_is_no_new_text(tmp_path: Path) -> None:
    rows = [{"id": str(n), "body": text, "queue": "a"} for n, text in enumerate(TEXTS)]
    made(rows, tmp_path)
    again = made(
        [*rows, {"id": "0", "body": TEXTS[0], "queue": "b"}, {**rows[7], "id": "copy", "queue": "b"}], tmp_path
    )
    assert {name: again.work[name] for name in ("cleaned", "languages_detected", "linked")} == {
        "cleaned": 0,
        "languages_detected": 0,
        "linked": 0,
    }


@pytest.mark.parametrize(
    ("sections", "worked"),
    [
        ({"cleaning": {"mask": ()}}, {"cleaned"}),
        ({"features": {"languages": ["en", "de", "fr"]}}, {"languages_detected"}),
        ({"families": {"cut": 0.3, "largest_share": 0.99}}, {"linked"}),
        ({"targets": {"queue": {"column": "queue", "values": {"a": "A"}}}}, set()),
    ],
    ids=["mask", "languages", "cut", "labels"],
)
def test_a_changed_setting_repeats_what_follows_from_it_and_no_more(
    tmp_path: Path, sections: dict[str, Any], worked: set[str]
) -> None:
    rows = [{"id": str(n), "body": text, "queue": "a"} for n, text in enumerate(TEXTS)]
    first = made(rows, tmp_path / "kept").work
    changed = made(rows, tmp_path / "kept", **sections)
    again = {name for name in ("cleaned", "languages_detected", "linked") if changed.work[name] == first[name]}
    assert again == worked
    assert version(changed) == version(made(rows, tmp_path / "empty", **sections))


def test_other_code_of_cleaning_cleans_everything_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*UNRELATED]
    assert made(rows, tmp_path).work["cleaned"] == 3
    assert made(rows, tmp_path).work["cleaned"] == 0
    digests = {ticket_text: "changed", detect_languages: "changed too"}
    monkeypatch.setattr(kept_texts, "code_digest", digests.__getitem__)
    again = made(rows, tmp_path)
    assert (again.work["cleaned"], again.work["languages_detected"]) == (3, 3)


@pytest.mark.parametrize("name", ["cleaned.parquet", "languages.parquet", "near_pairs.npz"])
def test_any_kept_file_may_be_lost_or_broken(tmp_path: Path, name: str) -> None:
    rows = [{"id": str(n), "body": text, "queue": "a"} for n, text in enumerate(TEXTS)]
    first = made(rows, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-20])
    assert version(made(rows, tmp_path)) == version(first)
    (tmp_path / name).unlink()
    assert version(made(rows, tmp_path)) == version(first)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "columns", "label", "cut"),
    [
        ("it_service.parquet", {"id": "ticket_id", "body": "Document"}, "Topic_group", 0.7),
        ("helpdesk_multilingual.parquet", {"id": "ticket_id", "subject": "subject", "body": "body"}, "queue", 0.5),
    ],
)
def test_real_tickets_that_come_in_three_batches_are_clean_as_if_they_came_at_once(
    tmp_path: Path, name: str, columns: dict[str, str], label: str, cut: float
) -> None:
    rows = pd.read_parquet(public_data(name)).sample(6000, random_state=5).reset_index(drop=True)
    rows["_ingested_at"] = pd.Timestamp(datetime(2024, 1, 5, tzinfo=UTC))
    rows.loc[5900:, "ticket_id"] = rows.loc[:99, "ticket_id"].to_numpy()  # edits of what came before
    desk = profile(columns=columns, targets={"queue": {"column": label}}, families={"cut": cut})
    counted = []
    for last in (5000, 5700, 6000):
        result = clean_tickets(rows[:last], desk, {}, tmp_path / "kept")
        anew = clean_tickets(rows[:last], desk, {}, tmp_path / f"empty {last}")
        assert version(result) == version(anew)
        assert result.families.n_pairs == anew.families.n_pairs
        counted.append(result.work["cleaned"])
    assert counted[0] == 5000 and 600 < counted[1] <= 700 and 250 < counted[2] <= 300
