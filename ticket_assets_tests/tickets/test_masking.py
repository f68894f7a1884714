"""Masking: personal data in the forms that people write it, and what only looks like it."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ticket_assets.models.ngrams import ngrams
from ticket_assets.profile import CleaningSettings
from ticket_assets.tickets.cleaning import clean_text
from ticket_assets.tickets.masking import DEFAULT_KINDS, KINDS, TOKENS, count_masked, mask

# All made up, or the examples of the standards.
PERSONAL = {
    "email": [
        "bob@example.com", "anna.mueller+it@mail.example.co.uk", "o'hara@example.com", "mailto:bob@example.com",
        "jürgen@müller.example",
    ],
    "phone": [
        "+49 171 1234567", "+49 (0) 171 / 12345-67", "+491711234567", "0049 30 123456-0", "+1 (555) 123-4567",
        "+34 612 345 678", "+33 1 42 68 53 00", "+44 20 7946 0958", "030/12345678", "(0711) 123 45-67", "0171-1234567",
        "01711234567", "0800 123 4567", "555-123-4567", "(555) 123-4567", "1-800-555-0199", "415 555 0132",
        "01 42 68 53 00", "06.12.34.56.78", "0612345678", "612 345 678", "91 234 56 78", "912 34 56 78",
    ],
    "iban": [
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "ES9121000418450200051332",
        "FR14 2004 1010 0505 0001 3M02 606", "GB29 NWBK 6016 1331 9268 19", "de89 3704 0044 0532 0130 00",
    ],
    "card": [
        "4111 1111 1111 1111", "4111111111111111", "5500-0000-0000-0004", "378282246310005", "6011000990139424",
        "2223003122003222",
    ],
    "ip": [
        "10.20.30.40", "192.168.1.1", "172.16.254.1", "8.8.100.200", "2001:db8::8a2e:370:7334", "fe80::1",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    ],
}  # fmt: skip
NOT_PERSONAL = [
    # tickets, orders, serials
    "INC0012345678", "SR-2024-001234", "#0171 1234567", "order no. 0171 1234567", "Bestellung Nr. 0171 1234567",
    "ticket 415 555 0132", "Rechnung 555-123-4567", "pedido 612 345 678", "commande n° 06 12 34 56 78",
    "SN: 0123 4567890",
    "1234567890", "id=0171-1234567", "/0171/1234567/", "user0171 1234567x",
    # versions, errors, programs
    "1.2.3.4", "version 10.2.3.14", "v11.22.33.44", "build 10.0.19045.2", "Chrome 120.0.6099.109", "2.9.10.1",
    "0x80070005", "error 0800 1234567", "KB5034441", "std::string", "cafe::babe", "300.1.2.3", "1.2.3.4.5.6",
    # dates, times, sums
    "2024-01-15", "15.01.2024", "01/02/2024 10:30", "2024-01-15T10:00:00+01:00", "10:11:12", "01.02.2024 - 05.02.2024",
    "08.00 - 17.00", "912 345 678 €", "612 345 678 bytes", "912 345 678 EUR", "1.234.567,89 €", "$1,234,567.89",
    "100 000 000",
    # a wrong checksum, hardware, addresses of no one
    "DE89370400440532013001", "4111111111111112", "XX89370400440532013000", "aa:bb:cc:dd:ee:ff", "user@", "@mention",
    "phone 2024-01-15", "Handy 12345", "Windows 10 22", "room 3.14.159",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in PERSONAL.items() for value in values])
def test_personal_data_is_masked_and_what_stands_around_it_stays(kind: str, value: str) -> None:
    token = TOKENS[kind]
    assert mask(value) == token
    assert mask(f"please use {value}, thanks") == f"please use {token}, thanks"
    assert mask(f"({value}).\nnext") == f"({token}).\nnext"
    assert mask(value, [other for other in KINDS if other != kind]) != token


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_what_only_looks_like_personal_data_stays(text: str) -> None:
    assert mask(text, KINDS) == text
    assert mask(f"see {text} there", KINDS) == f"see {text} there"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Tel.: 4711223", "Tel.: [phone_number]"),
        ("Handy 0171 1234567", "Handy [phone_number]"),
        ("teléfono: 612345678", "teléfono: [phone_number]"),
        ("Fax-Nr. unbekannt", "Fax-Nr. unbekannt"),
        ("0171 1234567 / 0172 7654321", "[phone_number] / [phone_number]"),
        ("+49 171 1234567 15:30", "[phone_number] 15:30"),
        ("4111 1111 1111 1111 12/26", "[card_number] 12/26"),
        ("IBAN DE89 3704 0044 0532 0130 00 Musterbank", "IBAN [iban_number] Musterbank"),
        ("10.20.30.40:8080 and 10.20.30.0/24", "[ip_address]:8080 and [ip_address]/24"),
        ("fe80::1%eth0", "[ip_address]%eth0"),
    ],
)
def test_a_number_is_taken_whole_and_alone(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Hi John,", "Hi [person_name],"),
        ("Dear Mr. Smith,\nhelp", "Dear Mr. [person_name],\nhelp"),
        ("Sehr geehrte Frau Dr. Müller,", "Sehr geehrte Frau Dr. [person_name],"),
        ("Hola Íñigo Muñoz:", "Hola [person_name]:"),
        ("Bonjour Chloé", "Bonjour [person_name]"),
        ("it fails\nRegards, John Smith", "it fails\nRegards, [person_name]"),
        ("es geht nicht\nViele Grüße\nAnna-Lena Groß", "es geht nicht\nViele Grüße\n[person_name]"),
    ],
)
def test_names_are_masked_on_request_where_greeted_or_signed(text: str, masked: str) -> None:
    assert mask(text, KINDS) == masked
    assert mask(text, DEFAULT_KINDS) == text


@pytest.mark.parametrize(
    "text",
    [
        "Hi Team,",
        "Dear Sir or Madam,",
        "Hallo zusammen,",
        "Hi there,",
        "Hola a todos,",
        "Hello the printer is broken",
        "Hi",
    ],
)
def test_a_greeting_without_a_name_stays(text: str) -> None:
    assert mask(text, KINDS) == text


NUMBERS = st.sampled_from([value for values in PERSONAL.values() for value in values] + NOT_PERSONAL)
PIECES = NUMBERS | st.text("0123456789 +-./():@#abAB\n€,", max_size=12) | st.sampled_from(["Hi ", "Regards, ", "Bob"])


@example("Hi A", {"name"})  # a letter becomes a word
@given(st.lists(PIECES, max_size=12).map("".join), st.sets(st.sampled_from(KINDS)))
def test_masking_twice_changes_nothing_and_never_raises(text: str, kinds: set[str]) -> None:
    once = mask(text, kinds)
    assert mask(once, kinds) == once
    assert len(once) <= len(text) + sum(once.count(token) * len(token) for token in TOKENS.values())


@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    mask(text, KINDS)


@given(st.lists(st.sampled_from([one for ones in PERSONAL.values() for one in ones]), min_size=1, max_size=6))
def test_personal_data_in_a_list_is_masked_wherever_it_stands(values: list[str]) -> None:
    masked = mask("\n".join(values))
    assert not any(map(str.isdigit, masked))
    assert "@" not in masked


def test_masked_kinds_are_counted() -> None:
    texts = [clean_text("bob@x.com or ann@x.com, 10.20.30.40"), "nothing", clean_text("call 0171 1234567")]
    assert count_masked(texts) == {"email": 2, "phone": 1, "iban": 0, "card": 0, "ip": 1, "name": 0}


def test_a_replacement_is_one_word_that_no_writer_uses() -> None:
    """`[phone]` would make every signature's number a word of those whose telephone is broken."""
    for token in TOKENS.values():
        assert ngrams(token) == [token.strip("[]")]
        assert clean_text(token) == token


def test_the_settings_know_the_same_kinds() -> None:
    given_kinds = get_args(get_args(CleaningSettings.model_fields["mask"].annotation)[0])
    assert (set(given_kinds), CleaningSettings().mask) == (set(KINDS), DEFAULT_KINDS)
    assert TOKENS.keys() == set(KINDS)


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot mask \\['passport'\\]: name kinds of email"):
        mask("text", ["passport"])
