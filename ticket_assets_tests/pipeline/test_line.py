"""The whole line, really run: what is made, kept, made again, and the same twice."""

import json

import pandas as pd
import pytest

from ticket_assets.serving.store import read_champion
from ticket_assets_tests.line import ROWS, Line
from ticket_assets_tests.pipeline.conftest import Story

pytestmark = pytest.mark.slow  # the two lines together take a minute

CURATED = {"tickets/raw", "tickets/clean", "tickets/quarantine", "tickets/quality"}
BEFORE_MODELS = {"features/text", "features/embeddings", "models/split"}
PER_TARGET = {f"models/{kind}_{target}" for kind in ("search", "candidate") for target in ("queue", "priority")}
SCORED = {"models/explanation", "models/evaluation", "models/champion"}
ALL = CURATED | BEFORE_MODELS | PER_TARGET | SCORED | {"tickets/feedback", "serving/bento", "serving/deployment"}


def test_the_first_run_makes_every_asset_once_and_prints_the_report(story: Story) -> None:
    first = story.chapters["first run"]
    assert first.made == ALL
    assert f"made {len(ALL)} assets in" in first.said
    assert "queue: " in first.said and "priority: " in first.said
    assert "decision   promoted: " in first.said
    assert "champion   v1, bundle " in first.said


def test_a_run_says_what_the_data_is_and_each_reason_once(story: Story) -> None:
    first = story.chapters["first run"].said
    clean, split = story.line.table("tickets", "clean"), story.line.table("models", "split")
    block = first[first.index("\ndata\n") :].split("\n\n")[0].strip().splitlines()
    told = {line[2:13].strip(): line[13:] for line in block[1:]}
    assert set(told) == {"rows", "source", "languages", "dates", "families", "hold-out"}
    assert told["rows"].startswith(f"{ROWS} read = {len(clean)} clean + ") and "no_usable_label " in told["rows"]
    assert told["source"] == str(story.line.source), "Parquet has neither encoding nor delimiter"
    assert f"en {(clean['language'] == 'en').mean():.0%}" in told["languages"]
    days = clean["created_at"].dropna().dt.date
    assert told["dates"].startswith(f"{days.min()} to {days.max()}")
    assert told["hold-out"].startswith(f"{(split['side'] == 'holdout').sum()} held out, ")
    for line in story.chapters["first run"].said.splitlines():
        if line.startswith("due: "):
            reasons = line.partition("(")[2].rstrip(")").split(", ")
            assert len(reasons) == len({*reasons}), line


def test_a_second_run_makes_nothing_keeps_every_data_version_and_says_so(story: Story) -> None:
    first, second = story.chapters["first run"], story.chapters["second run"]
    assert second.made == set()
    assert second.versions == first.versions
    assert "nothing to do: every asset is up to date, no materialisation, data versions kept" in second.said
    assert "champion   v1, bundle " in second.said


def test_a_source_given_to_the_first_run_is_told_and_read_by_all_that_follow(story: Story) -> None:
    """The next run had no source, and in the UI, which has no environment, the profile could make nothing."""
    first, second = (story.chapters[name].said for name in ("first run", "second run"))
    assert f"source: {story.line.source} (given to this run; later ones and the UI read it too)" in first
    assert f"source: {story.line.source} (given to an earlier run; give another, or remove " in second
    assert "tickets/raw" in story.chapters["text edited"].made, "read in a process that was never told"


def test_a_value_that_no_asset_uses_goes_no_further_than_the_clean_table(story: Story) -> None:
    """The table is read again, since a row is new; its content is the same, so all else but the report on it
    keeps what it has."""
    before, after = story.chapters["second run"].versions, story.chapters["answer edited"]
    assert after.made == CURATED
    assert {name for name in ALL if after.versions[name] != before[name]} == {"tickets/raw", "tickets/quality"}


def test_an_edited_training_text_is_made_again_where_it_counts_and_nowhere_else(story: Story) -> None:
    """Nothing is promoted over it, so the bento stays."""
    before, after = story.chapters["answer edited"].versions, story.chapters["text edited"]
    assert after.made == ALL - {"tickets/feedback", "serving/bento", "serving/deployment"}
    kept = {name for name in ALL if after.versions[name] == before[name]}
    assert kept == {
        *("tickets/quarantine", "tickets/feedback", "models/split", "models/champion"),
        *("serving/bento", "serving/deployment"),
    }


def test_an_edited_text_is_encoded_alone(story: Story) -> None:
    with story.line.environment(), story.line.instance() as instance:
        from dagster import AssetKey

        event = instance.get_latest_materialization_event(AssetKey(["features", "embeddings"]))
        assert event is not None and event.asset_materialization is not None
        metadata = {name: one.value for name, one in event.asset_materialization.metadata.items()}
    assert (metadata["encoded"], metadata["removed"]) == (1, 0)
    assert metadata["kept"] > 350


def test_each_decision_is_on_record_and_a_refused_challenger_leaves_the_champion(story: Story) -> None:
    records = (story.line.folders.records / "promotions.jsonl").read_text().splitlines()
    first, second = (json.loads(line) for line in records)
    assert (first["promoted"], first["champion_before"]) == (True, None)
    assert (second["promoted"], second["champion_before"]) == (False, 1)
    assert second["reason"].startswith("refused: ")
    champion = read_champion(story.line.folders.bundles)
    assert champion is not None
    assert (champion.version, champion.bundle) == (1, first["challenger"]["bundle"])


def test_each_opening_of_the_hold_out_is_on_record(story: Story) -> None:
    """Twice evaluated, twice opened; a run that changes nothing does not look."""
    lines = (story.line.folders.records / "holdout_openings.jsonl").read_text().splitlines()
    opened = [json.loads(line) for line in lines]
    frozen = json.loads((story.line.folders.split / "holdout.json").read_text())["id"]
    assert [one["split"] for one in opened] == [frozen, frozen]
    assert len({one["run"] for one in opened}) == 2


def test_two_lines_with_one_seed_have_the_same_scores_and_data_versions(story: Story, line: Line) -> None:
    """One ran in processes of the command line, the other in this process, on roots of their own.

    All but the deployment's version, which tells since when a champion serves.
    """
    mine, its = line.data_versions(), story.chapters["first run"].versions
    assert mine | {"serving/deployment": ""} == its | {"serving/deployment": ""}
    scores = json.loads((line.folders.reports / "evaluation.json").read_text())["targets"]
    card = (line.folders.bundles / line.data_versions()["models/champion"] / "MODEL_CARD.md").read_text()
    other = story.line.folders.bundles / story.chapters["first run"].versions["models/champion"] / "MODEL_CARD.md"
    assert other.read_text() == card
    assert scores["queue"]["candidate"]["macro_f1"] > scores["queue"]["standings"][-1]["macro_f1"]["low"] > 0


def test_every_row_is_clean_superseded_folded_or_quarantined(line: Line) -> None:
    clean, quarantine = line.table("tickets", "clean"), line.table("tickets", "quarantine")
    with line.instance() as instance:
        from dagster import AssetKey

        event = instance.get_latest_materialization_event(AssetKey(["tickets", "clean"]))
        assert event is not None and event.asset_materialization is not None
        counts = {name: one.value for name, one in event.asset_materialization.metadata.items()}
    assert counts["read"] == ROWS
    assert (counts["clean"], counts["quarantined"]) == (len(clean), len(quarantine))
    assert len(clean) + counts["superseded"] + counts["folded"] + len(quarantine) == ROWS


def test_the_clean_table_is_what_was_promised(line: Line) -> None:
    clean = line.table("tickets", "clean")
    assert clean["ticket_id"].is_unique
    assert clean["text"].str.strip().ne("").all()
    assert not clean.duplicated(["text", "label_queue", "label_priority"]).any()
    assert clean[["label_queue", "label_priority"]].notna().any(axis=1).all()
    assert set(clean["language"]) <= {"en", "de", "es", "fr", "und"}
    assert not {"answer", "resolved_at", "satisfaction"} & set(clean.columns)


def test_the_quarantine_holds_rows_as_they_came_with_their_reason(line: Line) -> None:
    quarantine, source = line.table("tickets", "quarantine"), pd.read_parquet(line.source).set_index("ticket_id")
    assert len(quarantine) > 0
    assert set(quarantine["reason"]) <= {"empty_text", "no_usable_label"}
    assert not set(quarantine["ticket_id"]) & set(line.table("tickets", "clean")["ticket_id"])
    came = source.loc[quarantine["ticket_id"], "body"]
    assert quarantine["body"].tolist() == came.tolist()


def test_the_hold_out_shares_no_family_with_what_is_trained_on(line: Line) -> None:
    split = line.table("models", "split")
    sides = split.groupby("side")["family_id"].agg(set)
    assert sides["train"] and sides["holdout"]
    assert not sides["train"] & sides["holdout"]
    scored = line.table("models", "evaluation")
    assert set(scored["ticket_id"]) <= set(split.loc[split["side"] == "holdout", "ticket_id"])
