"""What a body may not be, and which field is named."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticket_assets.serving.access.json_body import BodyRules, check_body
from ticket_assets.serving.access.refusal import Refusal

RULES = BodyRules(depth=5, fields=frozenset({"body", "subject", "context", "reasons", "tickets", "ticket_id"}))


def refused(content: bytes, rules: BodyRules = RULES) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check_body(content, rules)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  ",
        b"{}",
        b'{"body": "x", "reasons": 3, "context": {"a": null, "b": true, "c": 1.5e3}}',
        b'{"body": "\\u0000 NUL is taken out by cleaning", "tickets": [{"body": "\\u0000"}]}',
        '{"body": "日本語 😀"}'.encode(),
        b'{"body": "\\ud83d\\ude00"}',
        b'{"reasons": 123456789012345678}',
        b'{"context": {"a": {"b": {"c": {}}}}}',
    ],
)
def test_what_the_service_can_be_asked_with_goes_through(content: bytes) -> None:
    check_body(content, RULES)


@pytest.mark.parametrize(
    ("content", "field", "said"),
    [
        (b'{"reasons": NaN}', "reasons", "is no number that can be reckoned with"),
        (b'{"reasons": -Infinity}', "reasons", "is no number"),
        (b'{"context": {"a": 1e999}}', "context.a", "is no number"),
        (b'{"tickets": [{"n": 1}, {"n": 12345678901234567890}]}', "tickets.1.n", "is no number"),
        (b'{"reasons": ' + b"9" * 5000 + b"}", "reasons", "is no number"),
        (b'{"body": "x", "body": "y"}', "body", "stands there twice"),
        (b'{"tickets": [{"body": "x", "body": "y"}]}', "tickets.0.body", "stands there twice"),
        (b'{"bodi": "x"}', "bodi", "there is no field bodi; there is body, context, reasons"),
        (b'{"context": {"a": {"b": {"c": {"d": {}}}}}}', "context", "is nested deeper than 5 levels"),
        (b'{"ticket_id": "T\\u0000"}', "ticket_id", "holds the character NUL"),
        (b'{"context": {"a\\u0000": 1}}', "context", "a name in context holds the character NUL"),
        (b'{"body": "\\ud800"}', "body", "holds half a character"),
        (b'{"context": {"\\udfff": 1}}', "context", "half a character"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(content: bytes, field: str, said: str) -> None:
    refusal = refused(content)
    assert refusal.field == field
    assert said in refusal.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON: Expecting property name"),
        (b'{"body": "x"} {}', "is not JSON: Extra data, line 1, column 15"),
        (b'{"body": "\xff\xfe"}', "is not UTF-8, from byte 10 on"),
        ('{"body": "x"}'.encode("utf-16"), "is not UTF-8, from byte 0 on"),
        (b'\xef\xbb\xbf{"body": "x"}', "begins with a byte order mark"),
        (b'{"body": "\x00"}', "is not JSON: Invalid control character"),
        (b"[1]", "no object: send {"),
        (b"null", "no object"),
        (b"7", "no object"),
        (b"[" * 500_000, "is nested too deeply"),
        (b'{"body":' * 5000, "is nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused(content: bytes, said: str) -> None:
    refusal = refused(content)
    assert refusal.field is None
    assert said in refusal.message


def test_where_no_fields_are_known_any_may_come() -> None:
    check_body(b'{"anything": 1}', BodyRules())


def test_a_name_of_megabytes_is_not_sent_back() -> None:
    refusal = refused(b'{"' + b"x" * 100_000 + b'": 1}')
    assert len(refusal.message) < 300
    assert len(refusal.field or "") <= 80


def test_many_names_of_which_the_last_stands_twice_are_refused_as_fast_as_they_are_read() -> None:
    """Looked for one by one, 250 KiB of names kept the event loop for ten seconds."""

    def taken(count: int) -> tuple[int, float]:
        names = ", ".join(f'"{number:x}": ""' for number in [*range(count), count - 1])
        content, begun = f'{{"context": {{{names}}}}}'.encode(), time.thread_time()
        refusal = refused(content)
        assert refusal.field == f"context.{count - 1:x}"
        return len(content), time.thread_time() - begun

    size, seconds = taken(22_000)
    assert size > 250 * 1024
    assert seconds < 1


def test_a_list_that_is_longer_than_may_be_is_refused_before_it_is_looked_through() -> None:
    rules = BodyRules(fields=RULES.fields, most_items={"tickets": 500})
    check_body(b'{"tickets": [%s{}]}' % (b"{}," * 499), rules)
    with pytest.raises(Refusal, match="501 tickets; at most 500 are taken at once") as caught:
        check_body(b'{"tickets": [%sNaN]}' % (b"{}," * 500), rules)
    assert (caught.value.status, caught.value.code, caught.value.field) == (422, "too_many_tickets", "tickets")


def test_a_long_name_above_many_values_is_not_copied_for_each_of_them() -> None:
    content, begun = b'{"context": {"%s": [%s1]}}' % (b"x" * 900_000, b"1," * 60_000), time.thread_time()
    check_body(content, RULES)
    assert time.thread_time() - begun < 0.5


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_whatever_json_comes_is_taken_or_refused_and_nothing_worse(value: Any) -> None:
    try:
        check_body(json.dumps(value).encode(), BodyRules())
    except Refusal as refusal:
        assert refusal.status == 400


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_taken_or_refused_and_nothing_worse(content: bytes) -> None:
    try:
        check_body(content, RULES)
    except Refusal as refusal:
        assert refusal.status == 400


@given(st.dictionaries(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")), st.integers(-9, 9)))
def test_an_object_of_plain_values_is_always_taken(value: dict[str, int]) -> None:
    check_body(json.dumps(value).encode(), BodyRules())
