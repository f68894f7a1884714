"""Reasons over the real bundle of a finished line: asked for, bounded, the same as from the asset's own features."""

import dataclasses
import json
from typing import Any

import dagster as dg
import pytest

from ticket_assets.models.attribution import explain
from ticket_assets.models.candidate import read_candidate, read_out_of_fold
from ticket_assets.models.explanation import SAMPLE
from ticket_assets.models.rows import target_rows
from ticket_assets.models.thresholds import choose
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.prediction import Ticket
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets_tests.line import PROFILE
from ticket_assets_tests.serving.conftest import Served


def test_reasons_are_given_when_asked_for_and_as_many_as_asked(served_line: Served) -> None:
    bundle, ticket = served_line.load(), Ticket("The invoice of last month was charged twice", "Invoice")
    [plain], [told] = bundle.predict([ticket]), bundle.predict([ticket], reasons=3)
    for target, answer in told.items():
        assert plain[target].reasons == () and len(answer.reasons) == 3
        assert dataclasses.replace(answer, reasons=()) == plain[target]
    [explained] = bundle.explain([ticket], top=3)
    assert explained == {target: answer.reasons for target, answer in told.items()}
    assert [len(one.reasons) for one in bundle.predict([ticket], reasons=1)[0].values()] == [1, 1]


def test_words_are_those_of_the_ticket_as_it_came(served_line: Served) -> None:
    bundle, ids = served_line.load(), served_line.of_both_targets()[:20]
    tickets = [served_line.tickets[one] for one in ids]
    for ticket, told in zip(tickets, bundle.explain(tickets, top=10), strict=True):
        text = ticket_text(ticket.subject, ticket.body).lower()
        words = {word for its in told.values() for one in its if one.kind == "word" for word in one.name.split()}
        assert words and all(word in text for word in words)


def test_the_bundle_s_reasons_are_those_from_the_asset_s_own_features(served_line: Served) -> None:
    line, bundle = served_line.line, served_line.load()
    with line.environment():
        desk = Desk(profile=PROFILE)
        clean, text, split = (
            line.table("tickets", "clean"),
            line.table("features", "text"),
            line.table("models", "split"),
        )
        vectors = desk.vectors().read(list(clean["ticket_id"]))
        schema = desk.feature_schema
    for target in served_line.manifest.targets:
        rows = target_rows(target, clean, text, split, vectors)
        model, _ = read_candidate(line.folders.candidates / target, 1)
        tickets = [served_line.tickets[one] for one in rows.holdout_ids[:25]]
        expected = list(explain(model, rows.holdout.features, schema, top=6))[:25]
        for told, one in zip(bundle.explain(tickets, top=6), expected, strict=True):
            found = {(each.kind, each.name, each.detail): each.contribution for each in told[target]}
            wanted = {(each.kind, each.name, each.detail): each.contribution for each in one.reasons}
            assert found == pytest.approx(wanted, abs=1e-5)


def test_the_thresholds_that_serve_are_those_that_the_candidate_s_own_answers_gave(served_line: Served) -> None:
    """And the evaluation measured the same ones."""
    line = served_line.line
    with line.environment():
        settings = Desk(profile=PROFILE).active.bands
    report = json.loads((line.folders.reports / "evaluation.json").read_text())["targets"]
    for target, bands in served_line.manifest.bands.items():
        chosen = choose(settings.of(target), read_out_of_fold(line.folders.candidates / target))
        assert chosen.bands == bands
        assert report[target]["bands"]["bands"] == dataclasses.asdict(bands)
    assert {settings.of(one).kind for one in served_line.manifest.targets} == {"promise", "cost"}
    rows = served_line.scored[served_line.scored["target"] == "queue"].head(40)
    answers = served_line.load().predict([served_line.tickets[one] for one in rows["ticket_id"]])
    told = {answer["queue"].band for answer in answers}
    assert told == {served_line.manifest.bands["queue"].of(one) for one in rows["confidence"]}


def test_the_explanation_asset_tells_what_each_model_goes_by(served_line: Served) -> None:
    told = json.loads((served_line.line.folders.reports / "explanation.json").read_text())["targets"]
    card = (served_line.folder / "MODEL_CARD.md").read_text()
    assert told.keys() == served_line.manifest.targets.keys()
    for target, one in told.items():
        training = served_line.line.table("models", "split")["side"].eq("train").sum()
        assert 0 < one["rows"] <= min(SAMPLE, training)
        assert one["features"] and one["target"] == target
        leading = one["features"][0]
        assert f"| {leading['kind'].replace('_', ' ')} | {leading['name']} | {leading['size']:.3f} |" in card


def test_a_search_s_leaderboard_and_the_bands_stand_in_the_metadata(served_line: Served) -> None:
    found = {}
    with served_line.line.environment(), served_line.line.instance() as instance:
        for name in ("search_queue", "evaluation", "explanation"):
            event = instance.get_latest_materialization_event(dg.AssetKey(["models", name]))
            assert event is not None and event.asset_materialization is not None
            found[name] = event.asset_materialization.metadata

    def rows(asset: str, table: str) -> list[dict[str, Any]]:
        value = found[asset][table]
        assert isinstance(value, dg.TableMetadataValue)
        return [dict(one.data) for one in value.records]

    leaders = rows("search_queue", "leaderboard")
    assert [one["rank"] for one in leaders] == [1, 2]
    assert leaders[0]["macro F1 out of fold"] >= leaders[1]["macro F1 out of fold"]
    assert [one["band"] for one in rows("evaluation", "queue_bands")] == ["act", "suggest", "by_hand"]
    assert found["evaluation"]["queue_band_rule"].value == "promise"
    assert found["evaluation"]["priority_cost_per_ticket"].value > 0
    assert "queue_features" in found["explanation"] and "![queue" in found["explanation"]["queue_plot"].value
