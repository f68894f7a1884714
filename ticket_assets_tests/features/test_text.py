"""Text features: the same numbers in training and serving, finite for any text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.features.text import (
    FeatureSchema,
    TicketFeatures,
    context_of,
    document,
    text_columns,
    text_features,
)
from ticket_assets.tickets.words import WordRules

SCHEMA = FeatureSchema(("en", "de"), ("channel", "product"))


def columns(text: str, language: str = "en") -> dict[str, float]:
    return dict(zip(SCHEMA.columns, text_columns(text, language, SCHEMA), strict=True))


def test_the_columns_measure_what_they_are_called() -> None:
    found = columns("Help me!!\nAB 12 ab?")
    assert found == pytest.approx(
        {
            "log_characters": math.log(20),
            "log_words": math.log(6),
            "log_lines": math.log(3),
            "mean_word_length": 12 / 5,
            "distinct_word_share": 4 / 5,
            "upper_share": 3 / 19,
            "digit_share": 2 / 19,
            "punctuation_share": 3 / 19,
            "log_question_marks": math.log(2),
            "log_exclamation_marks": math.log(3),
            "language_en": 1,
            "language_de": 0,
        }
    )


def test_an_empty_text_gives_zeros_and_an_unknown_language_sets_none() -> None:
    assert set(columns("", "und").values()) == {0.0}
    assert columns("?!", "de")["language_de"] == 1


@settings(max_examples=50, deadline=None)
@given(st.text(), st.sampled_from(["en", "und", ""]))
def test_any_text_gives_finite_numbers_and_shares_between_0_and_1(text: str, language: str) -> None:
    found = columns(text, language)
    assert all(math.isfinite(value) for value in found.values())
    assert all(0 <= value <= 1 for name, value in found.items() if name.endswith("_share"))


def test_context_values_stand_in_the_document_as_words_of_their_own() -> None:
    made = document("text", "en", {"product": "Cloud-Box 2", "channel": "Mail", "other": "x"}, SCHEMA)
    assert made == "text\nctx_channel_mail ctx_product_cloud_box_2"
    assert (
        document("text", "en", {"channel": None, "product": ""}, SCHEMA) == document("text", "en", {}, SCHEMA) == "text"
    )


ALIKE = FeatureSchema(("en",), ("channel", "channel_type", "channel type id", "Channel", "#", "product"))


def context_words(schema: FeatureSchema, **context: str) -> list[str]:
    return document("", "en", context, schema).split()


def test_context_columns_whose_names_begin_alike_are_told_apart() -> None:
    """`ctx_channel_type_web` was taken for the channel `type web`, whichever of the two columns it came from."""
    values = {
        "channel": "mail",
        "channel_type": "web",
        "channel type id": "7",
        "Channel": "x",
        "#": "y",
        "product": "z",
    }
    words = context_words(ALIKE, **values)
    assert [context_of(word, ALIKE) for word in words] == list(values.items())
    other = context_words(ALIKE, channel="type web", **{"#": "product z", "channel_type": "id 7"})
    assert [context_of(word, ALIKE) for word in other] == [
        *(("channel", "type web"), ("channel_type", "id 7"), ("#", "product z")),
    ]
    assert not {*words} & {*other}, "two columns that say two things are no one word to a model"


def test_the_words_and_the_hash_of_names_that_do_not_begin_alike_stay_as_they_were() -> None:
    """Or every bundle would have to be trained again."""
    assert SCHEMA.hash == "4b72ce213b204db3"
    near = FeatureSchema(("en",), ("channel", "channels", "sub_channel"))
    assert context_words(near, channel="Mail, new", channels="a", sub_channel="b") == [
        *("ctx_channel_mail_new", "ctx_channels_a", "ctx_sub_channel_b")
    ]
    assert context_words(near, channel="?!") == ["ctx_channel"]
    assert context_of("ctx_channel", near) == ("channel", "")
    assert context_of("ctx_channelx", near) is None and context_of("channel", near) is None


def test_names_that_begin_alike_change_the_hash_with_the_words_that_they_make() -> None:
    """A bundle of the time when they were mixed up must not answer from words that it was not trained on."""
    assert FeatureSchema(("en",), ("channel", "channel_type")).hash != "ecc545ed07fc1523"


def test_one_ticket_alone_has_the_features_it_has_among_others() -> None:
    texts, languages = ["one", "two words", ""], ["en", "de", "und"]
    contexts: list[dict[str, str | None]] = [{"channel": "mail"}, {}, {"channel": None}]
    together = text_features(texts, languages, contexts, SCHEMA)
    assert together.columns.dtype == np.float32
    assert together.columns.shape == (3, len(SCHEMA.columns))
    for row, (text, language, context) in enumerate(zip(texts, languages, contexts, strict=True)):
        alone = text_features([text], [language], [context], SCHEMA)
        assert alone.documents == together.documents[row : row + 1]
        assert alone.columns.tobytes() == together.columns[row].tobytes()


def test_no_ticket_gives_no_row_and_unequal_numbers_are_refused() -> None:
    assert text_features([], [], [], SCHEMA).columns.shape == (0, len(SCHEMA.columns))
    with pytest.raises(ValueError, match="shorter"):
        text_features(["a", "b"], ["en"], [{}, {}], SCHEMA)
    with pytest.raises(ValueError, match="shorter"):
        text_features(["a", "b"], ["en", "en"], [{}], SCHEMA)


def test_rows_are_taken_in_the_order_asked_for_vectors_included() -> None:
    made = text_features(["a", "bb", "ccc"], ["en"] * 3, [{}] * 3, SCHEMA)
    assert len(made) == 3
    some = made.take(np.array([2, 0]))
    assert (some.documents, some.vectors) == (("ccc", "a"), None)
    assert some.columns.tolist() == made.columns[[2, 0]].tolist()
    vectors = np.eye(3, dtype=np.float32)
    taken = TicketFeatures(made.documents, made.columns, vectors).take(np.array([1])).vectors
    assert taken is not None
    assert taken.tolist() == [[0, 1, 0]]


def test_the_schema_hash_moves_with_languages_context_their_order_and_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schemas = [SCHEMA, FeatureSchema(("en", "de")), FeatureSchema(("de", "en"), SCHEMA.context)]
    schemas += [FeatureSchema(SCHEMA.languages, SCHEMA.context[::-1]), FeatureSchema(("en",), SCHEMA.context)]
    before = {schema.hash for schema in schemas}
    assert len(before) == 5
    assert FeatureSchema(("en", "de"), ("channel", "product")).hash == SCHEMA.hash
    monkeypatch.setattr("ticket_assets.features.text.FEATURES_VERSION", "next")
    assert SCHEMA.hash not in before


def test_words_enter_the_document_and_the_hash_but_not_the_measures() -> None:
    stemmed = FeatureSchema(SCHEMA.languages, SCHEMA.context, WordRules(stop_words=True, stem=True))
    assert stemmed.hash != SCHEMA.hash == FeatureSchema(SCHEMA.languages, SCHEMA.context, WordRules()).hash
    assert stemmed.hash != FeatureSchema(SCHEMA.languages, SCHEMA.context, WordRules(stem=True)).hash
    text, context = "The printers are not printing", [{"channel": "mail"}]
    plain = text_features([text], ["en"], context, SCHEMA)
    cut = text_features([text], ["en"], context, stemmed)
    assert plain.documents == (f"{text}\nctx_channel_mail",)
    assert cut.documents == ("printer not print\nctx_channel_mail",)
    assert cut.columns.tolist() == plain.columns.tolist()
