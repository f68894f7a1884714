"""Bad rows: each ends in quarantine with its reason or is read for what it is; the rows around it are not touched."""

from __future__ import annotations

from pathlib import Path

from ticket_assets_tests.tickets.bad_input.through import (
    HEADER,
    KNOWN,
    WELL,
    WELL_JSON,
    Kind,
    Refused,
    Sorted,
    cases,
    csv,
    lines,
    send_through,
)

UNREADABLE = {"unreadable": 1}
LONG = "x" * (17 * 1024 * 1024)
DEEP = '{"id":"d","body":' + "[" * 100_000 + "}\n"
WIDE = ",".join(f"c{n}" for n in range(10_000))


def text_of(last: str):  # type: ignore[no-untyped-def]
    return lambda result: result.clean["text"].iloc[-1] == last


def fault(said: str):  # type: ignore[no-untyped-def]
    return lambda result: said in result.quarantine["_unreadable"].iloc[0] and result.quarantine["_line"].iloc[0] == 6


ROWS = [
    Kind(
        "a row with too many values", csv("7,a,b,c,d\n"), Sorted(4, UNREADABLE, holds=fault("5 values for 4 columns"))
    ),
    Kind("a row with too few values", csv("7,a\n"), Sorted(4, UNREADABLE, holds=fault("2 values for 4 columns"))),
    Kind(
        "a quote that is never closed", csv('7,"a,2024-01-01,it\n'), Sorted(4, UNREADABLE, holds=fault("never closed"))
    ),
    Kind("text behind a quote", csv('7,"a"b,2024-01-01,it\n'), Sorted(4, UNREADABLE, holds=fault("it is not CSV"))),
    Kind("a NUL byte", csv("7,a\x00b,2024-01-01,it\n"), Sorted(4, UNREADABLE, holds=fault("NUL byte"))),
    Kind(
        "broken UTF-8",
        {"a.csv": (HEADER + WELL.replace("door", "Tür").replace("key", "Schlüssel")).encode() + b"7,caf\xff,,it\n"},
        Sorted(4, UNREADABLE, holds=fault("no text in the encoding")),
    ),
    Kind("a body of 50 MB", csv(f"7,{LONG * 3},2024-01-01,it\n"), Sorted(4, UNREADABLE, holds=fault("longer than"))),
    Kind("a line of 17 MB without an end", csv("7," + LONG), Sorted(4, UNREADABLE, holds=fault("longer than"))),
    Kind("a JSON line of 17 MB", lines(f'{{"id":"7","body":"{LONG}"}}'), Sorted(4, UNREADABLE), "a.jsonl"),
    Kind("a wrong delimiter, set", csv(""), Refused("columns.body = 'body' is not in"), source={"delimiter": ";"}),
    Kind(
        "a title above the header",
        {"a.csv": "Export of tickets\n" + HEADER + WELL},
        Refused("5 of 5 rows cannot be read, the first one: a.csv, line 2: 4 values for 1 columns"),
    ),
    Kind("a byte-order mark", {"a.csv": b"\xef\xbb\xbf" + (HEADER + WELL).encode()}, Sorted(4)),
    Kind("line ends of Windows", {"a.csv": (HEADER + WELL).replace("\n", "\r\n")}, Sorted(4)),
    Kind("line ends of old Macs", {"a.csv": (HEADER + WELL).replace("\n", "\r")}, Sorted(4)),
    Kind("blank lines", csv("\n\n\n"), Sorted(4)),
    Kind("formulas", csv("7,\"=cmd|'/c calc'!A1\",2024-01-01,it\n"), Sorted(5, holds=text_of("=cmd|'/c calc'!A1"))),
    Kind("a formula without a label", csv("7,=1+1,2024-01-01,\n"), Sorted(4, {"no_usable_label": 1})),
    Kind("right-to-left text", csv("7,الطابعة لا تعمل,2024-01-01,it\n"), Sorted(5, holds=text_of("الطابعة لا تعمل"))),
    Kind("emoji", csv("7,😀 👩‍👩‍👧 🏳️‍🌈,2024-01-01,it\n"), Sorted(5, holds=text_of("😀 👩‍👩‍👧 🏳️‍🌈"))),
    Kind("zero-width characters alone", csv("7,\u200b\u2060\ufeff,2024-01-01,it\n"), Sorted(4, {"empty_text": 1})),
    Kind("control characters alone", csv("7,\x01\x1b[0m\x7f,2024-01-01,it\n"), Sorted(4, {"empty_text": 1})),
    Kind("control characters in a text", csv("7,a\x01b\x07c,2024-01-01,it\n"), Sorted(5, holds=text_of("abc"))),
    Kind("HTML without a word", csv("7,<br><p></p>,2024-01-01,it\n"), Sorted(4, {"empty_text": 1})),
    Kind("a lone surrogate", lines('{"id":"7","body":"a\\ud800b","queue":"it"}\n'), Sorted(4, UNREADABLE), "a.jsonl"),
    Kind("a lone surrogate in a key", lines('{"id":"7","bo\\ud800dy":"a"}\n'), Sorted(4, UNREADABLE), "a.jsonl"),
    Kind("a NUL written out", lines('{"id":"7","body":"a\\u0000b","queue":"it"}\n'), Sorted(5), "a.jsonl"),
    Kind(
        "a NUL written out, without a label",
        lines('{"id":"7","body":"a\\u0000b","queue":null}\n'),
        Sorted(4, {"no_usable_label": 1}),
        "a.jsonl",
    ),
    Kind("JSON nested too deep", lines(DEEP), Sorted(4, UNREADABLE), "a.jsonl"),
    Kind(
        "JSON nested 900 deep",
        lines('{"id":"d","body":' + "[" * 900 + "1" + "]" * 900 + ',"queue":"it"}\n'),
        Sorted(5),
        "a.jsonl",
    ),
    Kind(
        "a key that stands twice",
        lines('{"id":"7","body":"first","body":"second","queue":"it"}\n'),
        Sorted(4, UNREADABLE),
        "a.jsonl",
    ),
    Kind(
        "Infinity for a text",
        lines('{"id":"7","body":Infinity,"queue":"it"}\n'),
        Sorted(4, {"empty_text": 1}),
        "a.jsonl",
    ),
    Kind("NaN for a label", lines('{"id":"7","body":"a","queue":NaN}\n'), Sorted(4, {"no_usable_label": 1}), "a.jsonl"),
    Kind(
        "NaN for the ids of two tickets",
        lines('{"id":NaN,"body":"a","queue":"it"}\n{"id":NaN,"body":"b","queue":"it"}\n'),
        Sorted(6),
        "a.jsonl",
    ),
    Kind("more behind an object", lines('{"id":"7","body":"a"} {"id":"8"}\n'), Sorted(4, UNREADABLE), "a.jsonl"),
    Kind(
        "a key that stands twice in an array",
        {"a.json": "[" + ",".join([*WELL_JSON.splitlines(), '{"id":"7","body":"a","body":"b"}']) + "]"},
        Sorted(4, UNREADABLE, holds=lambda result: "'body' twice" in result.quarantine["_unreadable"].iloc[0]),
        "a.json",
    ),
    Kind("a line that is no object", lines('["id","body"]\n'), Sorted(4, UNREADABLE), "a.jsonl"),
    Kind("half a line of JSON", lines('{"id":"7","bo'), Sorted(4, UNREADABLE), "a.jsonl"),
    Kind(
        "a JSON array that ends early",
        {"a.json": "[" + ",".join(WELL_JSON.splitlines()) + ","},
        Refused("a.json, line 1: the array cannot be read on"),
        "a.json",
    ),
    Kind("a column name that stands twice", {"a.csv": "id,body,id\n1,a,b\n"}, Refused("names column 'id' twice")),
    Kind("column names that differ by case", {"a.csv": "id,body,Body\n1,a,b\n"}, Refused("differ by case alone")),
    Kind(
        "odd column names",
        {"a.csv": HEADER.strip() + ',"it\'s ""odd""","😀","two\nlines",=1+1\n1,a,,it,w,x,y,z\n2,b,,,w,x,y,z\n'},
        Sorted(1, {"no_usable_label": 1}),
    ),
    Kind("10,000 columns", {"a.csv": f"{HEADER.strip()},{WIDE}\n1,a,,it{',v' * 10_000}\n"}, Refused("2000 columns")),
    Kind("an empty column name", {"a.csv": "id,,body,at,queue\n1,x,a,,it\n"}, Sorted(1)),
    Kind("a column with a name of ours", {"a.csv": "id,body,queue,at,_row\n1,a,it,,x\n"}, Refused("'_row' has a name")),
    Kind(
        "a column called reason",
        {"a.csv": "id,body,queue,at,reason\n1,a,it,,x\n2,b,,,why not\n"},
        Sorted(1, {"no_usable_label": 1}, holds=lambda result: list(result.quarantine["source_reason"]) == ["why not"]),
    ),
    Kind("labels of another desk", csv("7,a,2024-01-01,sales\n"), Sorted(4, {"no_usable_label": 1}), targets=KNOWN),
]


@cases(ROWS)
def test_a_bad_row_is_told_and_no_other_is_lost(kind: Kind, tmp_path: Path) -> None:
    send_through(kind, tmp_path)
