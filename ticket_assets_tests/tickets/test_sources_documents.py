"""JSON: lines and arrays, nested values kept as JSON, broken lines told while all others are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_assets.tickets.sources.contract import LONGEST_ROW, SourceError
from ticket_assets_tests.tickets.test_sources import faults, land, rows, source_of, write

TICKETS = [{"id": "1", "body": "läuft\n nicht"}, {"id": "2", "body": "😀 مرحبا"}, {"id": "3", "body": "plain"}]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_array_is_told_from_lines_by_how_it_begins_whatever_the_file_is_called(
    tmp_path: Path, indent: int | None, encoding: str
) -> None:
    array = json.dumps(TICKETS, indent=indent, ensure_ascii=False)
    lines = "\n".join(json.dumps(one, ensure_ascii=False) for one in TICKETS)
    for name, text in (
        ("a.json", f"\n {array}\n"),
        ("a.jsonl", array),
        ("b.json", lines),
        ("b.ndjson", f"{lines}\n\n"),
    ):
        assert rows(write(tmp_path / name, text, encoding)) == TICKETS, name


def test_an_array_larger_than_its_window_loses_and_doubles_nothing(tmp_path: Path) -> None:
    tickets = [{"id": str(n), "n": n * 1111, "body": "x, [y] {z} " * (n % 700)} for n in range(3000)]
    text = json.dumps(tickets, separators=(",\n", ":"))
    assert len(text) > 5 * 1024 * 1024
    found = rows(write(tmp_path / "a.json", text))
    assert [(row["id"], row["n"], row["body"]) for row in found] == [
        (one["id"], str(one["n"]), one["body"]) for one in tickets
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id":', "it is not JSON: Expecting value"),
        ("[1, 2]", "it is no JSON object but list"),
        ('"text"', "it is no JSON object but str"),
        ("null", "it is no JSON object but NoneType"),
        ("id,body", "it is not JSON: Expecting value"),
        ('{"id":"\\ud800"}', "its bytes are no text in the encoding"),
        ("[" * 100_000, "it is not JSON: maximum recursion depth"),
    ],
)
def test_a_broken_line_is_told_and_the_lines_around_it_are_read(tmp_path: Path, line: str, said: str) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"id":"1"}}\n{line}\n\n{{"id":"3"}}\n')
    [(file, number, text, fault)] = faults(path)
    assert (file, number) == ("a.jsonl", 2)
    assert fault.startswith(said)
    assert text == (line[:10_000] if "ud800" not in line else "id: \\ud800")
    assert [row.get("id") for row in rows(path)] == ["1", None, "3"]


def test_bytes_that_are_no_text_are_told_in_lines_and_in_arrays(tmp_path: Path) -> None:
    whole = '{"id":"1","body":"läuft"}'.encode()
    broken = b'{"id":"2","body":"caf\xff"}'
    for name, data in (("a.jsonl", whole + b"\n" + broken), ("a.json", b"[" + whole + b",\n" + broken + b"]")):
        path = write(tmp_path / name, data)
        assert [fault[:2] for fault in faults(path)] == [(name, 2)]
        assert "\\xff" in faults(path)[0][2]
        assert rows(path)[0] == {"id": "1", "body": "läuft"}


def test_a_number_too_long_for_a_machine_stays_the_text_it_is(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.jsonl", '{"id":12345678901234567890123}')) == [{"id": "12345678901234567890123"}]


def test_a_nul_that_is_written_out_is_a_character(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.jsonl", '{"body":"a\\u0000b"}')) == [{"body": "a\x00b"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"id":"1"},\n {"id":\n', r"a\.json, line 2: the array cannot be read on: it is not JSON"),
        ('[{"id":"1"},\n{"id":"2"}\n', r"a\.json, line 3: the array cannot be read on: a comma or \] is missing"),
        ('[{"id":"1"}\n{"id":"2"}]', r"a\.json, line 2: the array cannot be read on: a comma or \] is missing"),
        ('[{"id":"1"}] []', r"a\.json, line 1: the array cannot be read on: something follows the end"),
        ('[{"id":"1"},]', r"a\.json, line 1: the array cannot be read on: it is not JSON"),
    ],
)
def test_a_broken_array_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        rows(write(tmp_path / "a.json", text))


def test_a_document_over_many_lines_is_refused_for_all_its_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps({"id": "1", "body": {"a": [1, 2]}}, indent=2))
    with pytest.raises(SourceError, match=r"rows cannot be read, the first one: a\.json, line 1: it is not JSON"):
        land(source_of(path), tmp_path / "landing", unreadable_share=0.5)


def test_a_line_longer_than_any_ticket_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"id":"1"}\n{"id":"' + "x" * (LONGEST_ROW + 5) + '"}\n{"id":"3"}\n')
    assert [(line, fault) for _, line, _, fault in faults(path)] == [(2, f"it is longer than {LONGEST_ROW} characters")]
    assert [row.get("id") for row in rows(path)] == ["1", None, "3"]


def test_documents_whose_keys_are_data_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "".join(f'{{"user{n}":1}}\n' for n in range(2100)))
    with pytest.raises(SourceError, match=r"a\.jsonl, line 2001 brings the source to more than 2000 columns"):
        rows(path)


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=200))
def test_whatever_the_bytes_are_every_line_is_read_or_told(
    body: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "a.jsonl", '{"id":"ä"}\n{"id":"ö"}\n'.encode() + body)
    assert len(rows(path)) >= 2
