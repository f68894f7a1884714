"""Hostile requests, seeded: the same number is the same request.

Here: bodies that are no JSON, too much JSON or another's JSON, and what a wire can carry besides. Not here: any test.
"""

import json
import random
from collections.abc import Callable
from typing import Any

# In every text that a ticket may hold: it must not come into the log.
SECRET = "zebrafish-and-marmalade"
FORGED = '{"time": "2026-01-01", "level": "error", "logger": "x", "message": "m", "forged": "yes"}'
INJECTIONS = (
    f"\n{FORGED}\n",
    f"\r\n{FORGED}\r\n",
    f"\u2028{FORGED}\u2028\x85{FORGED}\x0b",
    "'; DROP TABLE predictions; --",
    '" OR ""="',
    "1); DELETE FROM feedback WHERE (1=1",
    "%s%s%n%x%(message)s",
    "{0.__class__.__mro__} {record.args} $" + "{jndi:ldap://127.0.0.1/a}",
    "\x1b[2J\x1b]0;owned\x07",
    "x\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>",
    "../../../../etc/passwd\x00.json",
    "\u202e\u200f\ufeff\u0000\ud83d\ude00",
    "`id` $(id) ; id | id & id",
)
# What makes a careless regular expression take for ever.
TEDIOUS = (
    "<",
    "&#",
    "a@",
    "1-",
    "4 ",
    "((",
    "<!--",
    "a.",
    "::",
    "\\",
    "DE00 ",
    "\u0301",
    "\U0001f469\u200d",
    "> ",
    "0x",
)
VALID: dict[str, dict[str, Any]] = {
    "/predict": {
        **{"subject": "VPN", "body": "HELP NOW", "id": "T-1", "language": "en"},
        **{"context": {"a": "b"}, "reasons": 1, "top": 2},
    },
    "/predict_batch": {"tickets": [{"body": "HELP"}, {"body": "please"}]},
    "/feedback": {
        **{"prediction_id": "p-019a9f3e-2c1b-7d4e-8f00-5b6c7d8e9f01", "labels": {"tone": "loud"}},
        **{"reviewer": "anna", "comment": "no", "feedback_id": "f"},
    },
    "/similar": {"subject": "VPN", "body": "HELP", "limit": 3},
    "/info": {},
    "/reload": {},
    "/act": {"on": True, "reason": "because"},
    "/act_report": {"since": "2026-05-01T00:00:00Z"},
}
PATHS = tuple(VALID)
TYPES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, 2**64, 0.5, 1e308, "", " ", [], {}, [[]], [None], {"": ""}),
    *({"a": {"b": {}}}, ["x"] * 1000, {f"k{number}": "v" for number in range(500)}, "9" * 400),
)
Random = random.Random


def body(dice: Random, path: str) -> bytes:
    """One hostile body for a path."""
    return dice.choice(BODIES)(dice, path)


def _copy(path: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(VALID[path]))
    return made


def _some_text(dice: Random) -> str:
    kind = dice.randrange(4)
    if kind == 0:
        return dice.choice(INJECTIONS) + SECRET
    if kind == 1:
        return (
            "".join(chr(dice.choice((dice.randrange(32), dice.randrange(0xD7FF), 0x1F600))) for _ in range(40)) + SECRET
        )
    if kind == 2:
        return dice.choice(TEDIOUS) * dice.randrange(1, 60_000) + SECRET
    return SECRET * dice.randrange(1, 20_000)


def _wrong_types(dice: Random, path: str) -> bytes:
    made = _copy(path)
    for name in dice.sample([*made, "unknown"], dice.randrange(1, len(made) + 2)):
        made[name] = dice.choice(TYPES)
    return json.dumps(made).encode()


def _texts(dice: Random, path: str) -> bytes:
    """Injections into every place in which a string may stand, names included."""
    made = _copy(path)
    for name, value in list(made.items()):
        if isinstance(value, str) and dice.random() < 0.7:
            made[name] = _some_text(dice)
        elif isinstance(value, dict):
            made[name] = {_some_text(dice)[: dice.choice((20, 200, 5000, 400_000))]: _some_text(dice)}
        elif isinstance(value, list):
            made[name] = [
                {"body": _some_text(dice)[:5000], "id": _some_text(dice)[:150]} for _ in range(dice.randrange(9))
            ]
    return json.dumps(made, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")


def _deep(dice: Random, path: str) -> bytes:
    levels = dice.choice((33, 200, 1000, 20_000, 400_000))
    opened, closed = dice.choice((("[", "]"), ('{"a":', "}"), ('{"tickets":[', "]}"), ('{"context":', "}")))
    core = opened * levels + "1" + closed * dice.choice((levels, 0))
    name = dice.choice([*VALID[path], "context"])
    return (core if dice.random() < 0.3 else f'{{"{name}": {core}}}').encode()[:1_000_000]


def _numbers(dice: Random, path: str) -> bytes:
    number = dice.choice(
        (
            *("NaN", "-NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "1" + "0" * 300_000, "0x10"),
            *("1_000", "00", "-0", "1.", ".5", "1e-400", "1E+2", "٣", "+1"),
        )
    )
    name = dice.choice([*VALID[path], "reasons", "context"])
    return (
        json.dumps({**_copy(path), name: "@@"})
        .replace('"@@"', dice.choice((number, f"[{number}]", f'{{"a": {number}}}')))
        .encode()
    )


def _twice(dice: Random, path: str) -> bytes:
    text = json.dumps(_copy(path))
    return (text[:-1] + (", " if VALID[path] else "") + '"body": "a", "body": {"x": 1, "x": 2}}').encode()


def _twice_at_the_end(dice: Random, path: str) -> bytes:
    """Very many names, the last of which stands there twice."""
    count = dice.choice((2000, 22_000, 80_000))
    names = ", ".join(f'"{number:x}": ""' for number in [*range(count), count - 1])
    return f'{{"{dice.choice([*VALID[path], "context"])}": {{{names}}}}}'.encode()


def _other_encoding(dice: Random, path: str) -> bytes:
    text = json.dumps({**_copy(path), "body": "Grüße ☃ " + SECRET}, ensure_ascii=False)
    return text.encode(
        dice.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp1252", "cp500")), "replace"
    )


def _bad_utf8(dice: Random, path: str) -> bytes:
    made = bytearray(json.dumps(_copy(path)).encode())
    wrong = dice.choice((b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x00", b"\x80"))
    place = dice.randrange(len(made))
    made[place:place] = wrong
    return bytes(made)


def _halves(dice: Random, path: str) -> bytes:
    half = dice.choice(("\\ud800", "\\udfff\\ud800", "\\u0000", "\\ud83d", "\\uZZZZ", "\\x00", "\x00", "\x08", "\n"))
    name = dice.choice([*VALID[path], "context"])
    return f'{{"{name}": "a{half}b", "a{half}": "c", "context": {{"{half}": "{half}"}}}}'.encode()


def _flipped(dice: Random, path: str) -> bytes:
    made = bytearray(json.dumps(_copy(path)).encode())
    for _ in range(dice.randrange(1, 8)):
        place = dice.randrange(len(made))
        made[place] = dice.choice((dice.randrange(256), *b'"{}[],:\\'))
    return bytes(made)


def _cut(dice: Random, path: str) -> bytes:
    made = json.dumps(_copy(path)).encode()
    return made[: dice.randrange(len(made))] + dice.choice((b"", b",", b"//c", b"}}", b"{}", b"\x00" * 100))


def _noise(dice: Random, path: str) -> bytes:
    return dice.randbytes(dice.choice((0, 1, 2, 1000, 60_000)))


def _no_object(dice: Random, path: str) -> bytes:
    return json.dumps(dice.choice(TYPES)).encode()


def _huge(dice: Random, path: str) -> bytes:
    """Up to the limit of a body, and the byte beyond it."""
    most = (1 << 20) if path != "/predict_batch" else 3 << 20
    frame = len('{"body": ""}')
    unit = dice.choice(("a", "ä", *TEDIOUS)).encode().replace(b"\\", b"\\\\")
    name = dice.choice(("body", "subject", "comment", "reason", "since", "id"))
    if path == "/predict_batch":
        return json.dumps({"tickets": [{"body": "x " * 300}] * dice.choice((400, 501, 1000))}).encode()[:most]
    text = unit * ((most - frame - len(name)) // len(unit)) + dice.choice((b"", b"x" * 100))
    return b'{"%s": "%s"}' % (name.encode(), text)


def _wide(dice: Random, path: str) -> bytes:
    """Very many names, or very many values."""
    count = dice.choice((101, 5000, 60_000))
    inner: Any = {f"{number:x}": "" for number in range(count)} if dice.random() < 0.5 else [""] * count
    return json.dumps({**_copy(path), dice.choice(("context", "labels", "tickets", "body")): inner}).encode()[
        :1_000_000
    ]


BODIES: tuple[Callable[[Random, str], bytes], ...] = (
    *(_wrong_types, _texts, _texts, _deep, _numbers, _twice, _other_encoding, _bad_utf8, _halves),
    *(_flipped, _cut, _noise, _no_object, _huge, _wide, _twice_at_the_end),
)
