r"""Personal data in ticket text: found by pattern and checksum, replaced by a word that names its kind.

Belongs here: mail addresses, IBAN, card numbers, IP addresses, and names where a greeting or a sign-off shows them.
Does not belong here: how a telephone number looks (`telephone`), any other cleaning (`cleaning`), signatures and quoted
mail (`mail`).

Patterns of our own rather than a library: those that find numbers in running text (`phonenumbers`, presidio) keep 40 MB
and more and take milliseconds a ticket, and the service's request path runs this for each one.

A replacement such as `[phone_number]` is one word to the n-grams (`\w` holds the underscore) that no writer uses, so
that a signature's number does not count as the word "phone"; to an encoder it is three ordinary words.

What it does not find: names in running text, postal addresses, birthdays, numbers written as words. Four numbers are no
address where they read as a version: behind such a word (`build 10.0.19045.2`), or with a single digit in front and
hardly any longer number behind it (`1.2.3.4`, `2.9.10.1`; so `8.8.8.8` stays, which is a public resolver).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable

from ticket_assets.tickets.telephone import lead, without_phones

KINDS = ("email", "phone", "iban", "card", "ip", "name")
"""All that can be masked."""
DEFAULT_KINDS = ("email", "phone", "iban", "card", "ip")
"""Names only on request: what shows them catches some and not others, and `Dear Oracle` is one too."""

TOKENS = {
    "email": "[email_address]",
    "phone": "[phone_number]",
    "iban": "[iban_number]",
    "card": "[card_number]",
    "ip": "[ip_address]",
    "name": "[person_name]",
}
"""Kind to what stands in its place."""

# The local part is bounded as mail standards bound it (64), which also keeps `aaaa…` without an @ linear.
# What is joined to an address and holds an @ again belongs to it: it would else be found by a second masking.
_EMAIL = re.compile(
    r"(?<![\w.+%-])(?:mailto:)?[\w.+%-][\w.+%'-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    r"(?:[\w.+%'-]{0,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)*",
    re.IGNORECASE,
)

# Lengths by country (the IBAN registry), so that words behind a number are not read into it.
_IBAN_COUNTRIES = {
    **{15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV"},
    **{22: "BG BH CR DE GB GE IE ME RS", 23: "AE GI IL IQ", 24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT"},
    **{
        26: "IS TR",
        27: "FR GR IT MC SM",
        28: "AL AZ CY DO GT HU LB PL",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT",
    },
}
_IBAN_LENGTHS = {country: length for length, them in _IBAN_COUNTRIES.items() for country in them.split()}
_IBAN_START = re.compile(r"(?<![^\W_])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9]{4})")

_CARD = re.compile(r"(?<![\w#/-])(?<!\d\.)(?:\d[ -]?){12,18}\d(?!\w|[.-]\d)")
# Issuer by first digits, and the lengths that it issues: one number in ten passes the checksum by chance.
_CARD_FORMS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|(?:35|6)\d{14,17}"
)

_IPV4 = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{1,4})?(?::{1,2}[0-9a-f]{1,4}){1,7}(?!\w|:[\w:])", re.IGNORECASE)
_IS_VERSION = re.compile(
    r"\b(?:v|ver|version|versión|release|build|firmware|driver|treiber|patch|hotfix)\b[.:]?\s{0,3}$", re.IGNORECASE
)

_NAME = r"(?:[^\W\d_][\w'’.-]{0,30})"
_NAMES = rf"(?P<name>{_NAME}(?: {_NAME}){{0,2}})"
_TITLE = (
    r"(?:(?:mr|mrs|ms|dr|prof|herrn?|frau|señora?|sra?|don|doña|monsieur|madame|mademoiselle|m|mme)\.? (?=[^\W\d_]))*"
)
_GREETED = re.compile(
    r"^(?P<lead>(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|moin|servus|"
    r"liebe[r]?|sehr geehrter?|hola|buen[oa]s (?:días|tardes|noches)|estimad[oa]|querid[oa]|bonjour|bonsoir|salut|"
    rf"chère?) {_TITLE}){_NAMES}(?= ?(?:[,!:;]|$))",
    re.IGNORECASE | re.MULTILINE,
)
_SIGNED = re.compile(
    r"^(?P<lead>(?:(?:best|kind|warm|many)? ?regards|sincerely|thanks|thank you|cheers|best|mit freundlichen grüßen|"
    r"(?:viele|beste|liebe|freundliche) grüße|gruß|mfg|saludos(?: cordiales)?|atentamente|gracias|cordialement|merci|"
    rf"bien à vous)(?:[,.!]? ?\n\n?|[,.!] ?)){_NAMES}(?= ?[.,]?$)",
    re.IGNORECASE | re.MULTILINE,
)
_NOT_NAMES = (
    "all team support everyone everybody there sir madam sirs folks colleague colleagues helpdesk desk service it hr "
    "customer admin manager again guys zusammen damen herren kollegen kolleginnen leute team alle equipo todos todas "
    "señores soporte compañeros à tous toutes équipe messieurs mesdames collègues"
)
_NO_NAME = frozenset(_NOT_NAMES.split())


def mask(text: str, kinds: Collection[str] = DEFAULT_KINDS) -> str:
    """Return `text` with personal data replaced by `TOKENS`; never raises, and masking twice changes nothing.

    Args:
        text: as `cleaning` has it: composed, blanks collapsed, lines ending in a line feed.
        kinds: of `KINDS`; the order does not matter.

    Raises:
        ValueError: a kind that does not exist.
    """
    wanted = frozenset(kinds)
    if not wanted <= TOKENS.keys():
        raise ValueError(f"cannot mask {sorted(wanted - TOKENS.keys())}: name kinds of {', '.join(KINDS)}")
    # Names before numbers: what stands before a number decides whether it is an id.
    if "name" in wanted:
        text = _SIGNED.sub(_name, _GREETED.sub(_name, text))
    if "email" in wanted and "@" in text:
        text = _EMAIL.sub(TOKENS["email"], text)
    # The longer form first: an IBAN holds what looks like a card, a card what looks like a telephone number.
    if "iban" in wanted:
        text = _without_ibans(text)
    if "card" in wanted:
        text = _CARD.sub(_card, text)
    if "ip" in wanted:
        text = _IPV4.sub(_ipv4, text)
        text = _IPV6.sub(_ipv6, text) if ":" in text else text
    if "phone" in wanted:
        text = without_phones(text, TOKENS["phone"])
    return text


def count_masked(texts: Iterable[str]) -> dict[str, int]:
    """How often each kind stands masked in texts, kinds that never do included."""
    counts = dict.fromkeys(KINDS, 0)
    for text in texts:
        if "[" in text:
            for kind, token in TOKENS.items():
                counts[kind] += text.count(token)
    return counts


def _without_ibans(text: str) -> str:
    kept: list[str] = []
    start = 0
    for match in _IBAN_START.finditer(text):
        if match.start() < start:
            continue
        end = _iban_end(text, match.start())
        if end:
            kept += [text[start : match.start()], TOKENS["iban"]]
            start = end
    return "".join([*kept, text[start:]]) if kept else text


def _iban_end(text: str, start: int) -> int | None:
    """Where the IBAN that begins at `start` ends; None if none does."""
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
    if length is None:
        return None
    taken, at = "", start
    while len(taken) < length:
        if text[at : at + 1] in ("-", " ") and taken:
            at += 1
        one = text[at : at + 1]
        if not (one.isascii() and one.isalnum()):
            return None
        taken, at = taken + one, at + 1
    if text[at : at + 1].isalnum():
        return None
    checked = int("".join(str(int(one, 36)) for one in taken[4:] + taken[:4]))
    return at if checked % 97 == 1 else None


def _card(match: re.Match[str]) -> str:
    """A card number, which may be followed by the digits of its date."""
    found = match.group()
    ends = [len(found), *(at for at in range(len(found) - 1, 12, -1) if found[at] in " -")]
    for end in ends:
        digits = re.sub(r"\D", "", found[:end])
        if _CARD_FORMS.fullmatch(digits) and _luhn(digits):
            return TOKENS["card"] + found[end:]
    return found


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(one), 10)) for one in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _ipv4(match: re.Match[str]) -> str:
    parts = match.group().split(".")
    possible = all(int(part) < 256 for part in parts) and int(parts[0]) > 0
    like_a_version = len(parts[0]) == 1 and sum(len(part) > 1 for part in parts) < 2
    return match.group() if not possible or like_a_version or _IS_VERSION.search(lead(match)) else TOKENS["ip"]


def _ipv6(match: re.Match[str]) -> str:
    found = match.group()
    groups = [group for group in found.split(":") if group]
    # `std::cafe` is a name in a program: an address has three groups, or begins as assigned ones do.
    if len(groups) < 3 and not re.match(r"(?:fe80|f[cd]|[23]\w{3}):", found, re.IGNORECASE):
        return found
    try:
        ipaddress.IPv6Address(found)
    except ValueError:
        return found
    return TOKENS["ip"]


def _name(match: re.Match[str]) -> str:
    words = match["name"].split()
    if any(not word[0].isupper() or word.strip(".,").lower() in _NO_NAME for word in words):
        return match.group()
    return match["lead"] + TOKENS["name"]
