"""Hostile messages of gRPC, seeded: bytes that are no message, too much of one, or one with another's fields.

Here: the bytes. Not here: sending them, any test.
"""

import random
from collections.abc import Callable

from google.protobuf import json_format
from google.protobuf.message import Message

from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets_tests.serving.service.hostile import INJECTIONS, SECRET, TEDIOUS

METHODS: dict[str, Message] = {
    "Predict": pb.Ticket(subject="VPN", body="HELP NOW", id="T-1", language="en", context={"a": "b"}, reasons=1, top=2),
    "PredictBatch": pb.Batch(tickets=[pb.Ticket(body="HELP"), pb.Ticket(body="please")]),
    "Feedback": pb.Correction(
        prediction_id="p-019a9f3e-2c1b-7d4e-8f00-5b6c7d8e9f01",
        labels={"tone": "loud"},
        reviewer="anna",
        comment="no",
        feedback_id="f",
    ),
    "Similar": pb.SimilarRequest(subject="VPN", body="HELP", limit=3),
    "Info": pb.InfoRequest(),
    "Reload": pb.ReloadRequest(),
    "Act": pb.ActingChange(on=True, reason="because"),
    "ActReport": pb.ActedRequest(since="2026-05-01T00:00:00Z"),
}
LIMIT = 1 << 20  # of the fixture's service
Random = random.Random


def message(number: int) -> tuple[str, bytes]:
    """A method and the bytes that it is asked with."""
    dice = Random(number)
    method = dice.choice(tuple(METHODS))
    return method, dice.choice(MUTATIONS)(dice, METHODS[method])


def varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def field(number: int, kind: int, content: bytes) -> bytes:
    """A field on the wire; of kind 2 with its length before it."""
    return varint(number << 3 | kind) + (varint(len(content)) if kind == 2 else b"") + content


def _flipped(dice: Random, base: Message) -> bytes:
    made = bytearray(base.SerializeToString() or b"\x0a\x01a")
    for _ in range(dice.randrange(1, 8)):
        made[dice.randrange(len(made))] = dice.randrange(256)
    return bytes(made)


def _cut(dice: Random, base: Message) -> bytes:
    made = base.SerializeToString()
    return made[: dice.randrange(len(made) + 1)] + dice.choice((b"", b"\x80", b"\xff" * 12, b"\x00"))


def _noise(dice: Random, base: Message) -> bytes:
    return dice.randbytes(dice.choice((1, 10, 1000, 100_000)))


def _bad_text(dice: Random, base: Message) -> bytes:
    """Bytes in a string that are no UTF-8, which a client of another language may well send."""
    wrong = dice.choice(
        (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"a\x00b", b"\x80" * 5000)
    )
    return base.SerializeToString() + field(dice.randrange(1, 6), 2, b"a" + wrong)


def _unknown(dice: Random, base: Message) -> bytes:
    """Fields that nobody knows, of every kind, and known ones of another kind."""
    number = dice.choice((1, 2, 6, 7, 99, 19_000, (1 << 29) - 1))
    kinds = {0: varint(dice.getrandbits(63)), 1: bytes(8), 2: dice.randbytes(50), 5: bytes(4)}
    kind = dice.choice((0, 1, 2, 5, 3, 4, 6, 7))
    return base.SerializeToString() + field(number, kind, kinds.get(kind, b"")) * dice.choice((1, 3, 5000))


def _groups(dice: Random, base: Message) -> bytes:
    """Groups in groups: what is deep in protobuf."""
    levels = dice.choice((50, 101, 10_000, 200_000))
    return (varint(9 << 3 | 3) * levels + varint(9 << 3 | 4) * dice.choice((0, levels)))[:LIMIT]


def _texts(dice: Random, base: Message) -> bytes:
    """Injections, tedious texts and NULs, in fields that hold text and in names of maps."""
    made = bytearray(base.SerializeToString())
    for number in range(1, 6):
        text = dice.choice(
            (
                dice.choice(INJECTIONS) + SECRET,
                dice.choice(TEDIOUS) * dice.randrange(1, 30_000),
                "\x00" + SECRET,
                SECRET * dice.choice((1, 9, 10_000)),
            )
        ).encode("utf-8", "replace")
        entry = field(1, 2, text[: dice.choice((20, 300, 200_000))]) + field(2, 2, text[:100])
        made += field(number, 2, dice.choice((text, entry)))
    return bytes(made)


def _numbers(dice: Random, base: Message) -> bytes:
    """Numbers beyond the bounds, in as many bytes as a varint has and in more."""
    made = dice.choice((varint(2**64 - 1), varint(2**31), varint(21), b"\xff" * 9 + b"\x7f", b"\x80" * 10 + b"\x01"))
    return base.SerializeToString() + b"".join(field(number, 0, made) for number in (6, 7, 3))


def _many(dice: Random, base: Message) -> bytes:
    """Very many entries of what may be repeated."""
    entry = dice.choice((b"", field(1, 2, b"%d"), field(2, 2, b"x" * 40), field(1, 2, b"k") + field(2, 2, b"v")))
    one = field(dice.choice((1, 2, 5)), 2, entry)
    return (base.SerializeToString() + one * dice.choice((101, 501, 30_000)))[:LIMIT]


def _oversized(dice: Random, base: Message) -> bytes:
    return base.SerializeToString() + field(2, 2, b"x" * (LIMIT + dice.choice((-60, 1, LIMIT))))


def _lies(dice: Random, base: Message) -> bytes:
    """A length beyond the end, and beyond every end."""
    return varint(2 << 3 | 2) + varint(dice.choice((5, 1 << 20, (1 << 31) - 1, 1 << 40, (1 << 64) - 1))) + b"abc"


def _other(dice: Random, base: Message) -> bytes:
    """The message of another method, and JSON where protobuf should be."""
    other = dice.choice(tuple(METHODS.values()))
    return dice.choice((other.SerializeToString(), json_format.MessageToJson(other).encode()))


MUTATIONS: tuple[Callable[[Random, Message], bytes], ...] = (
    *(_flipped, _flipped, _cut, _noise, _bad_text, _unknown, _groups, _texts, _texts),
    *(_numbers, _many, _oversized, _lies, _other),
)
