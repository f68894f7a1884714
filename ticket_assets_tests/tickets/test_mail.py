"""Quotes, notices and signatures of mail programs in four languages, and the matter that must not go with them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.tickets.mail import MIN_LETTERS, without_mail_parts

MATTER = "The printer on the third floor is broken."
OLD = "Please restart it.\nIt will work."
# fmt: off
HEADERS = [
    "On Mon, 3 Mar 2024 at 10:11, Bob Smith <[email_address]> wrote:",
    "On 03/03/2024 10:11 AM, Bob Smith\n<[email_address]> wrote:",
    "Am 12.03.2024 um 10:11 schrieb Anna Müller:",
    "Am Di., 12. März 2024 um 10:11 Uhr schrieb Anna <[email_address]>:",
    "El lun, 3 mar 2024 a las 10:11, Ana (<[email_address]>) escribió:",
    "Le lun. 3 mars 2024 à 10:11, Chloé <[email_address]> a écrit :",
    "-----Original Message-----", "-----Ursprüngliche Nachricht-----", "-----Mensaje original-----",
    "-----Message d'origine-----", "________ Original Message ________",
    "From: Bob\nSent: Monday, 3 March 2024\nTo: Anna\nSubject: Printer",
    "Von: Bob\nGesendet: Montag, 3. März 2024\nAn: Anna\nBetreff: Drucker",
    "De: Bob\nEnviado el: lunes\nPara: Ana\nAsunto: Impresora",
    "De : Bob\nEnvoyé : lundi\nÀ : Anna\nObjet : Imprimante",
    "*From:* Bob\n*Sent:* Monday\n*To:* Anna\n*Subject:* Printer",
]
SIGNATURES = [
    "Best regards\nBob", "Kind regards,\n\nBob Smith\nACME Inc.\nTel. [phone_number]\n[url]", "Regards, John Smith",
    "Sincerely,\nBob", "Thanks,\nBob", "Many thanks\nBob Smith",
    "Mit freundlichen Grüßen\nAnna Müller\nMuster GmbH\nHauptstraße 1\n12345 Musterstadt", "Viele Grüße aus Bonn\nAnna",
    "MfG", "Mit freundlichen Gruessen, Anna", "Vielen Dank\nAnna", "Saludos", "Saludos cordiales,\nPepe",
    "Atentamente,\nPepe", "Un saludo,\nPepe", "Gracias de antemano\nPepe", "Cordialement,\nChloé", "Bien à vous\nChloé",
    "Meilleures salutations\nChloé", "Merci d'avance\nChloé", "--\nBob\nIT department", "Sent from my iPhone",
    "Von meinem iPhone gesendet", "Enviado desde mi iPhone", "Envoyé de mon iPhone", "Get Outlook for iOS",
    "Best regards\nBob\n\nSent from my iPhone", "Thanks\n\nBest regards\nBob",
]
NOTICES = [
    "This e-mail and any attachments are confidential and intended solely for the addressee.\nDelete it otherwise.",
    "The information contained in this message is privileged. If you got it by mistake, delete it.",
    "CONFIDENTIALITY NOTICE: do not read this.", "Please consider the environment before printing this e-mail.",
    "Diese E-Mail enthält vertrauliche Informationen. Bitte löschen Sie sie.",
    "Der Inhalt dieser E-Mail ist vertraulich.", "Este mensaje es confidencial y va dirigido a su destinatario.",
    "Ce message est confidentiel.", "If you are not the intended recipient, delete this message.",
]
# fmt: on


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("mark", ["", "> "], ids=["plain", "marked"])
def test_quoted_mail_goes(header: str, mark: str) -> None:
    quoted = "\n".join(mark + line for line in OLD.split("\n"))
    assert without_mail_parts(f"{MATTER}\n\n{header}\n{quoted}").rstrip() == MATTER


@pytest.mark.parametrize("header", HEADERS[:6])
def test_an_answer_below_a_marked_quote_stays(header: str) -> None:
    assert without_mail_parts(f"{header}\n> old\n> older\n\n{MATTER}").strip() == MATTER


def test_answers_between_quoted_lines_stay() -> None:
    assert without_mail_parts(f"> did you restart?\n{MATTER}\n>> and then?\nYes, twice.") == f"{MATTER}\nYes, twice."


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_goes(signature: str) -> None:
    assert without_mail_parts(f"{MATTER}\n\n{signature}") == MATTER


@pytest.mark.parametrize("notice", NOTICES)
def test_a_legal_notice_goes_wherever_it_stands(notice: str) -> None:
    assert without_mail_parts(f"{MATTER}\n\n{notice}") == MATTER
    assert without_mail_parts(f"{MATTER}\n\nBest regards\nBob\n{notice}") == MATTER
    assert without_mail_parts(f"{notice}\n\n{MATTER}\nIt is urgent.").strip() == f"{MATTER}\nIt is urgent."


def test_a_gateway_s_warning_goes() -> None:
    warning = "CAUTION: This email originated from outside of the organization. Do not click links."
    assert without_mail_parts(f"{warning}\n\n{MATTER}").strip() == MATTER


@pytest.mark.parametrize(
    "text",
    [
        f"FYI\n\nFrom: Bob\nSent: Monday\nTo: Anna\nSubject: Printer\n\n{MATTER}",
        f"Any news?\n\nOn Mon, 3 Mar 2024, Bob wrote:\n> {MATTER}",
        f"From: Bob\nDate: Monday\nSubject: Printer\n\n{MATTER}",
        f"> {MATTER}",
        "Best regards\nBob",
        "This e-mail is confidential.",
        f"---------- Forwarded message ---------\n{MATTER}",
    ],
)
def test_what_would_leave_nothing_to_read_stays(text: str) -> None:
    """A forwarded mail is the matter itself; a reply of two words says nothing without what it answers."""
    assert without_mail_parts(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"{MATTER}\nSaludos\nPepe\nP.D. La impresora de la planta 3 tampoco funciona bien.",
        f"Hello everybody at the desk,\nthanks\n{MATTER}\nIt has been so for days",
        f"{MATTER}\nThanks\nCan you tell me when it will be mended?",
        f"{MATTER}\nThanks\nit smells of smoke",
        "Please change my e-mail signature, it says:\nRegards to all our customers and have a wonderful day ahead",
        f"{MATTER}\nOn Monday I wrote:\nno answer yet",
        f"{MATTER}\nFrom: the basement\nit comes from there",
        "We need the disclaimer on all outgoing mail.\nIt must say that this e-mail is confidential.",
        "The script --\nfails with an error that nobody has seen before, and it says so in a very long line of its own",
        "de: the German pages fail\nen: the English pages work\nfr: the French pages are slow",
        "one line, best regards bob",
    ],
)
def test_what_only_looks_like_a_mail_part_stays(text: str) -> None:
    assert without_mail_parts(text) == text


LINES = st.sampled_from(
    [line for part in (*HEADERS, *SIGNATURES, *NOTICES) for line in part.split("\n")] + [MATTER, "", "", "> old", "Bob"]
)


@settings(deadline=None)
@given(st.lists(LINES | st.text("ab> -:?\n", max_size=8), max_size=20).map("\n".join))
def test_taking_away_twice_takes_no_more_and_leaves_something_to_read(text: str) -> None:
    once = without_mail_parts(text)
    assert without_mail_parts(once) == once
    letters = sum(map(str.isalpha, text))
    assert sum(map(str.isalpha, once)) >= min(letters, MIN_LETTERS)
