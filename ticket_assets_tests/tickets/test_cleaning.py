"""Cleaning: what must survive, what must go, and the promises that hold for any text whatever."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticket_assets.tickets.cleaning import MAX_CHARS, clean_text, ticket_text

# Plain random text almost never holds a tag, an escape or mojibake: build it from what the rules touch.
# fmt: off
PARTS = st.sampled_from([
    "<", ">", "&", ";", "\\", r"\n", r"\r\n", r"\t", r"\\n", "@", ".", "/", ":", "[", "]", "a", "b", "word",
    "<b>", "</p>", "<br/>", "<td", "<script>", "</script>", "<style>", "</style>", "<!--", "-->",
    "&amp;", "amp;", "&lt;", "lt;", "&gt;", "#38;", "&#60;", "&nbsp;",
    "http://a.b/c", "www.", "www.a.de", "bob@x.com", "mailto:", r"C:\new", r"CORP\nina",
    "Ã¼", "Ã", "â€™", "“", "„", "ß", "é", "ﬁ", "Ａ",
])
# fmt: on
MESSY = st.lists(
    PARTS | st.text(max_size=5) | st.sampled_from([" ", "\n", "\r", "\x00", "\x85", "\xa0", "\u0301", "\ud800"]),
    max_size=40,
).map("".join)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("contraseÃ±a", "contraseña"),
        ("la contraseña de José", "la contraseña de José"),
        ("Dru\u0308cker", "Drücker"),
        ("“it’s down”", '"it\'s down"'),
        ("the ﬁle", "the file"),
        (r"Hi,\n\nich warte", "Hi,\n\nich warte"),
        (r"one\r\ntwo", "one\ntwo"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("a\tb   c\xa0d", "a b c d"),
        ("one\n \n\n\n two", "one\n\ntwo"),
        ("<p>Hello</p><p>you <b>there</b></p>", "Hello\n\nyou there"),
        ("<td>left</td><td>right</td>", "left right"),
        ("<style>p {color: red}</style>text<!-- note -->", "text"),
        ("before<script>alert(1 < 2)</script>after", "before after"),
        ("&lt;p&gt;Hello&amp;nbsp;you", "Hello you"),
        ("AT&T ?a=1&copy=2", "AT&T ?a=1&copy=2"),
        ("see (https://a.example/b?c=d), please", "see ([url]), please"),
        ("mail bob.o'hara@mail.example.com now", "mail bob.o'[email] now"),
        ('<a href="https://a.example/b">here</a>', "here"),
        ("nul\x00 bell\x07 soft\xadhyphen \x1b[31mred\x1b[0m", "nul bell softhyphen red"),
        ("lone \ud83d surrogate", "lone surrogate"),
    ],
)
def test_each_kind_of_dirt_is_removed(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


@pytest.mark.parametrize(
    "text",
    [
        "a < b and c > d",
        "if x <b and c> d",
        "call <name> at <tel_num>",
        r"the account CORP\nina cannot open C:\new\reports or \\nas01\share",
        "emoji 👩‍💻 and می‌خواهم keep their joiners",
        "disk at 95%; R&D",
    ],
)
def test_what_only_looks_like_dirt_is_kept(text: str) -> None:
    assert clean_text(text) == text


@given(MESSY)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@given(MESSY | st.text(), st.integers(1, 60))
def test_the_result_is_bounded_composed_and_can_be_encoded(text: str, max_chars: int) -> None:
    clean = clean_text(text, max_chars)
    assert len(clean) <= max_chars
    assert clean_text(clean, max_chars) == clean
    assert unicodedata.is_normalized("NFC", clean)
    assert "\n\n\n" not in clean
    assert not {"\x00", "\r", "\t"} & set(clean)
    clean.encode("utf-8")


@given(st.none() | MESSY, st.none() | MESSY)
def test_no_pair_of_subject_and_body_raises(subject: str | None, body: str | None) -> None:
    assert len(ticket_text(subject, body)) <= MAX_CHARS


@pytest.mark.parametrize(
    "hostile",
    [
        "<b" * 50_000 + ">" * 50_000,
        "<script>" * 25_000,
        "<!--" * 50_000,
        '<b a="<' * 30_000,
        "&" + "amp;" * 50_000,
        "<" * 200_000,
        "\\" * 200_000,
        "a@" * 100_000,
        "http://" + "." * 200_000,
        "Ã©" * 100_000,
        " " * 200_000 + "x",
    ],
    ids=lambda text: text[:8],
)
def test_hostile_text_is_cleaned_in_bounded_time(hostile: str) -> None:
    """A quadratic pattern needs minutes here; the linear ones 0.3 s at most on a slow machine."""
    started = time.perf_counter()
    once = clean_text(hostile)
    assert time.perf_counter() - started < 5
    assert clean_text(once) == once


def test_a_long_style_sheet_does_not_hide_the_text_behind_it() -> None:
    assert clean_text("<style>" + "p {margin: 0} " * 3_000 + "</style><p>printer jam</p>") == "printer jam"


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        clean_text("text", max_chars=0)


@pytest.mark.parametrize(
    ("subject", "body", "text"),
    [
        ("VPN", "does not connect", "VPN\ndoes not connect"),
        ("VPN down", "vpn down since noon", "vpn down since noon"),
        ("In", "Internet is slow", "In\nInternet is slow"),
        ("", "body", "body"),
        (None, "body", "body"),
        ("subject", None, "subject"),
        (None, None, ""),
    ],
)
def test_the_subject_is_joined_unless_the_body_repeats_it(subject: str | None, body: str | None, text: str) -> None:
    assert ticket_text(subject, body) == text


def test_cleaning_plain_text_loads_nothing_heavy() -> None:
    """The service imports this module: ftfy itself is loaded only for broken text."""
    code = (
        "import sys; from ticket_assets.tickets.cleaning import clean_text; clean_text('Drücker');"
        "print(*sorted({'ftfy', 'numpy', 'pandas', 'sklearn', 'dagster'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
