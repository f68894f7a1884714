"""Traces of erased tickets are found however they are written, and nothing else is taken for one."""

import json

import pytest

from ticket_assets.tickets.traces import BLACK, LEAST, PIECE, Finder, Traces, pieces

BODY = 'Guten Tag, "mein" Drucker\nstreikt seit gestern: 😀 Störung an Gerät 17. Gruß, Zaphod Beeblebrox, Buchhaltung'


def traces(*values: str, ids: tuple[str, ...] = ()) -> Traces:
    return Traces(ids=ids, texts=tuple(tuple(pieces(value)) for value in values))


@pytest.mark.parametrize(
    "written",
    [
        BODY,
        json.dumps({"body": BODY}),
        json.dumps({"body": BODY}, ensure_ascii=False),
        json.dumps({"event": json.dumps({"body": BODY})}),
        json.dumps({"event": json.dumps({"body": BODY}, ensure_ascii=False)}, ensure_ascii=False),
    ],
)
def test_a_text_is_found_in_plain_words_in_json_and_in_json_inside_json_and_blacked_out_whole(written: str) -> None:
    its = traces(BODY)
    assert its.searched.count(written.encode()) >= 3
    black = its.black(written.encode()).decode()
    assert its.blackened.count(black.encode()) == 0
    assert BLACK in black and "Zaphod" not in black and "Drucker" not in black
    if written != BODY:
        json.loads(black)


def test_a_text_cut_short_is_found_by_the_piece_that_is_left() -> None:
    assert traces(BODY).searched.count(f"encoding failed at {BODY[: PIECE + 8]}…".encode())


def test_an_id_counts_only_where_it_stands_by_itself() -> None:
    finder = traces(ids=("T-1000",)).searched
    assert finder.count(b'"T-1000", (T-1000) T-1000') == 3
    assert finder.count(b"T-10001 XT-1000 T-1000-b xT-1000") == 0


def test_short_ids_and_bare_numbers_are_looked_for_only_where_an_id_stands() -> None:
    its = traces(ids=("17", "4711000", "PERSON-1"))
    assert its.telling_ids == ("PERSON-1",)
    assert its.searched.count(b"17 of 4711000 rows, in 17 seconds") == 0
    assert its.in_cells(["17", "4711000", "PERSON-1", "18", None]) == 2, "the telling one is found as text"


def test_bare_numbers_dates_and_what_is_short_tell_of_nobody() -> None:
    assert pieces("2024-03-01 12:44:01.123456") == [] and pieces("  1234567 ") == [] and pieces("hello") == []
    assert pieces(" Zaphod ") == ["Zaphod"] and len("Zaphod") == LEAST


def test_no_place_of_a_long_value_is_without_a_piece() -> None:
    value = "".join(chr(97 + number % 26) for number in range(500))
    covered = set()
    for piece in pieces(value):
        covered |= {place for place in range(len(value)) if value.startswith(piece, place)}
    assert max(pieces(value), key=len) and value.endswith(pieces(value)[-1]) and 0 in covered


def test_a_trace_across_the_chunks_that_are_searched_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ticket_assets.tickets.traces._CHUNK", 64)
    finder = Finder(["Zaphod Beeblebrox"])
    for before in range(40, 80):
        assert list(finder.spans(b"." * before + b"Zaphod Beeblebrox" + b"." * 90)) == [(before, before + 17)]


def test_which_stand_somewhere_is_told_in_their_own_words() -> None:
    finder = Finder(["Störung", "nirgends"], ids=["T-1000"])
    assert finder.within(json.dumps("Störung T-1000").encode()) == {"Störung", "T-1000"}
    assert Finder([]).within(b"anything") == set()
