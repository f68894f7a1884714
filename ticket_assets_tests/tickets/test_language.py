"""Language detection: sentences it must tell, texts it must not pretend to know, and the real mail."""

from __future__ import annotations

import pytest

from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.language import detect_languages
from ticket_assets_tests.public_data import public_data

PAIR = ("en", "de")
SEVEN = ("en", "de", "es", "fr", "it", "nl", "pt")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("My laptop does not start since the update this morning", "en"),
        ("Mein Drucker druckt seit gestern nicht mehr", "de"),
        ("No puedo cambiar la contraseña de mi correo", "es"),
        ("Je ne peux pas ouvrir ma session depuis ce matin", "fr"),
        ("Please reset the password of the shared mailbox, nobody can open it", "en"),
        ("The invoice shows last month's price although the contract was renewed", "en"),
        ("Bitte das Passwort des gemeinsamen Postfachs zurücksetzen, niemand kommt hinein", "de"),
        ("Die Rechnung weist noch den alten Preis aus, obwohl der Vertrag verlängert wurde", "de"),
        ("Por favor, restablezcan la clave del buzón compartido, nadie puede abrirlo", "es"),
        ("La factura muestra el precio antiguo aunque se renovó el contrato", "es"),
        ("Merci de réinitialiser le mot de passe de la boîte partagée, personne n'y accède", "fr"),
        ("La facture affiche encore l'ancien prix alors que le contrat a été renouvelé", "fr"),
    ],
)
def test_a_sentence_is_recognised(text: str, language: str) -> None:
    assert detect_languages([text], SEVEN) == [language]


@pytest.mark.parametrize(
    "text", ["", "VPN", "ok", "12345 67890 !!!", "[url] [email_address] [url]", "你好你好你好你好你好你好"]
)
def test_a_text_that_cannot_be_told_is_undetermined(text: str) -> None:
    assert detect_languages([text], PAIR) == ["und"]


def test_a_batch_gives_what_single_calls_give_in_the_same_order() -> None:
    texts = ["The server is down again", "ok", "Der Server ist schon wieder ausgefallen", ""] * 20
    assert detect_languages(texts, PAIR) == [detect_languages([text], PAIR)[0] for text in texts]


def test_the_order_of_the_languages_does_not_matter() -> None:
    texts = ["Bitte das Passwort zurücksetzen", "Please reset the password"]
    assert detect_languages(texts, PAIR) == detect_languages(texts, ("de", "en")) == ["de", "en"]


def test_an_address_does_not_decide_the_language() -> None:
    text = "Bitte öffnen [url] [email_address] [url] und prüfen [phone_number]"
    assert detect_languages([text], PAIR) == ["de"]


def test_a_signature_in_another_language_does_not_decide() -> None:
    body = "The shared printer does not answer since Monday.\n\nMit freundlichen Grüßen\nAnna Müller\nMuster GmbH"
    assert detect_languages([ticket_text("", body)], PAIR) == ["en"]


def test_a_single_language_is_given_to_every_text_with_enough_letters() -> None:
    assert detect_languages(["The server is down", "ok"], ("en",)) == ["en", "und"]


def test_no_texts_give_no_languages() -> None:
    assert detect_languages([], PAIR) == []


@pytest.mark.parametrize(("among", "message"), [((), "at least one"), (("en", "xx"), "xx"), (("EN", "de"), "EN")])
def test_a_wrong_language_list_is_refused(among: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        detect_languages(["text"], among)


@pytest.mark.data
def test_mail_declared_english_is_english_and_a_quarter_of_the_german_is_not_german() -> None:
    """The column `language` is only declared: 27 % of the rows marked `de` have an English body."""
    import pyarrow.parquet as pq

    table = pq.read_table(public_data("helpdesk_multilingual.parquet"), columns=["subject", "body", "language"])
    rows = table.slice(0, 6_000).to_pylist()
    found = detect_languages([ticket_text(row["subject"], row["body"]) for row in rows], PAIR)
    english = [language == "en" for language, row in zip(found, rows, strict=True) if row["language"] == "en"]
    german = [language == "de" for language, row in zip(found, rows, strict=True) if row["language"] == "de"]
    assert sum(english) / len(english) > 0.998
    assert 0.68 < sum(german) / len(german) < 0.78
