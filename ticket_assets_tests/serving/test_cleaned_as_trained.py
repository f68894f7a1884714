"""A bundle is asked with the cleaning and the words that it was trained with, whatever the settings say today."""

import json
from pathlib import Path

import pytest

from ticket_assets.features.text import FeatureSchema
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.manifest import BundleError, BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets.tickets.masking import DEFAULT_KINDS
from ticket_assets.tickets.words import WordRules
from ticket_assets_tests.serving.conftest import TOY_SCHEMA, toy_fields, toy_model

TICKET = Ticket("The printers of bob@example.com at 10.20.30.40 were not printing again")
RULES = WordRules(stop_words=True, stem=True, drop=(("any", ("again",)), ("de", ("bitte",))))


def written(root: Path, **fields: object) -> BundleManifest:
    return write_bundle(root, [toy_model()], {**toy_fields(), **fields}, "card")


def documents(root: Path, manifest: BundleManifest) -> str:
    bundle = TriageBundle.load(root / manifest.id, root / "encoders")
    assert bundle.predict([TICKET])[0]["tone"].label
    return bundle.features([TICKET]).documents[0]


def with_words(rules: WordRules) -> dict[str, object]:
    return {"words": rules, "feature_schema": FeatureSchema(TOY_SCHEMA.languages, (), rules).hash}


def test_bundles_of_different_settings_answer_side_by_side_each_with_its_own(tmp_path: Path) -> None:
    default, bare = written(tmp_path), written(tmp_path, mask=("ip",))
    stemmed = written(tmp_path, **with_words(RULES))
    assert len({default.id, bare.id, stemmed.id}) == 3
    masked = "The printers of [email_address] at [ip_address] were not printing again"
    assert documents(tmp_path, default) == masked
    assert documents(tmp_path, bare) == masked.replace("[email_address]", "bob@example.com")
    assert documents(tmp_path, stemmed) == "printer email_address ip_address not print"


def test_the_manifest_remembers_masks_words_and_taxonomy(tmp_path: Path) -> None:
    made = written(tmp_path, mask=("email", "name"), taxonomy={"tone": "2024-06"}, **with_words(RULES))
    read = BundleManifest.read(tmp_path / made.id)
    assert (read.mask, read.words, read.taxonomy) == (("email", "name"), RULES, {"tone": "2024-06"})
    assert read.id == made.id
    plain = BundleManifest.read(tmp_path / written(tmp_path).id)
    assert (plain.mask, plain.words, plain.taxonomy) == (DEFAULT_KINDS, WordRules(), {})


def test_the_stemmer_is_pinned_by_the_bundles_that_stem(tmp_path: Path) -> None:
    assert "snowballstemmer" in written(tmp_path, **with_words(RULES)).libraries
    assert "snowballstemmer" not in written(tmp_path).libraries


def test_words_that_are_not_those_of_its_features_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / written(tmp_path, **with_words(RULES)).id
    path = folder / "bundle.json"
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({**raw, "words": {**raw["words"], "stem": False}}))
    with pytest.raises(BundleError, match=r"its features are .*train again"):
        TriageBundle.load(folder, tmp_path / "encoders")


def test_a_bundle_of_the_layout_before_is_refused_by_its_layout(tmp_path: Path) -> None:
    folder = tmp_path / written(tmp_path).id
    raw = json.loads((folder / "bundle.json").read_text())
    old = {name: value for name, value in raw.items() if name != "bands"}
    (folder / "bundle.json").write_text(json.dumps({**old, "contract": 2}))
    with pytest.raises(BundleError, match="contract 2, this code reads 3"):
        TriageBundle.load(folder, tmp_path / "encoders")
