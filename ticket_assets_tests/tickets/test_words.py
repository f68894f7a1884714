"""Words that are counted: stop words and stems per language, words of the trade, and what is left alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ticket_assets.models.ngrams import ngrams
from ticket_assets.tickets.masking import TOKENS
from ticket_assets.tickets.stop_words import STOP_WORDS
from ticket_assets.tickets.words import STEMMERS, WordRules, counted_words

STOP, STEM = WordRules(stop_words=True), WordRules(stem=True)


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        ("en", "The printers are not printing on the third floor", "printers not printing third floor"),
        ("de", "Die Drucker im dritten Stock drucken nicht", "drucker dritten stock drucken nicht"),
        ("es", "No puedo cambiar la contraseña de mi correo", "no puedo cambiar contraseña correo"),
        ("fr", "Je ne peux pas ouvrir ma session", "ne peux pas ouvrir session"),
    ],
)
def test_function_words_go_and_negations_stay(language: str, text: str, left: str) -> None:
    assert counted_words(text, language, STOP) == left


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "printing", "printed"),
        ("de", "Verbindungen", "Verbindung"),
        ("es", "contraseñas", "contraseña"),
        ("fr", "imprimantes", "imprimante"),
    ],
)
def test_forms_of_a_word_have_one_stem(language: str, one: str, other: str) -> None:
    assert counted_words(one, language, STEM) == counted_words(other, language, STEM)
    assert counted_words(one, "und", STEM) != counted_words(other, "und", STEM)


def test_words_of_the_trade_go_in_their_language_or_in_any() -> None:
    rules = WordRules(drop=(("any", ("ticket",)), ("de", ("bitte",))))
    assert counted_words("Bitte Ticket prüfen", "de", rules) == "prüfen"
    assert counted_words("Bitte Ticket prüfen", "und", rules) == "bitte prüfen"


@pytest.mark.parametrize("rules", [WordRules(), WordRules(drop=(("de", ()),))])
def test_idle_rules_leave_the_text_as_it_is(rules: WordRules) -> None:
    text = "The VPN\n\ndoes NOT connect!"
    assert rules.idle
    assert counted_words(text, "en", rules) == text


def test_what_masking_put_there_is_no_word_to_stem() -> None:
    text = " ".join(TOKENS.values())
    assert ngrams(counted_words(text, "en", WordRules(True, True))) == ngrams(text)


def test_stop_words_are_lower_case_single_words_of_the_four_languages() -> None:
    assert STOP_WORDS.keys() == STEMMERS.keys() == {"en", "de", "es", "fr"}
    for words in STOP_WORDS.values():
        assert len(words) > 80
        assert all(word == word.lower() and word.isalpha() for word in words)
        assert not words & {"not", "no", "never", "nicht", "kein", "nie", "sin", "nunca", "pas", "ne", "sans", "jamais"}


def test_the_stemmer_is_loaded_by_the_first_stem_only() -> None:
    code = (
        "import sys; from ticket_assets.tickets.words import WordRules, counted_words as count;"
        "count('The printers', 'en', WordRules(stop_words=True)); assert 'snowballstemmer' not in sys.modules;"
        "print(count('The printers', 'en', WordRules(stem=True)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "the printer"
