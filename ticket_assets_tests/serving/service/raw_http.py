"""Hostile requests as the bytes of HTTP/1.1, and reading whatever comes back.

Here: methods, paths, headers, framing and pace of a request; one exchange on a socket. Not here: the bodies
(hostile.py), any test.
"""

import random
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from ticket_assets_tests.serving.service.hostile import FORGED, INJECTIONS, PATHS, body

PACE = 0.05  # seconds between the pieces of a slow body
METHODS = (
    *("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "post", "PRI", "G\x00T", "P" * 5000),
)
ODD_PATHS = (
    *("/", "//", "/../../etc/passwd", "/static_content/../../../etc/passwd", "/static_content/%2e%2e/%2e%2e/app.py"),
    *("/static_content/%00", "/static_content/" + "a" * 300, "/predict/", "/predict%0a", "/predict%00", "/%70redict"),
    *("/predict;a=b", "//predict", "/./predict", "/predict/../act", "/predict?%ff=%fe&a=" + "b" * 3000, "*"),
    *(
        "/act_report?since=%00",
        "/act_report?since=0001-01-01T00:00:00%2B23:59",
        "/act_report?since=9999-12-31T23:59:59-23:59",
    ),
    *(
        "/act_report?since=" + "9" * 4000,
        "/act_report?" + "&" * 3000,
        "/act_report?since=%ed%a0%80",
        "/info?" + "a=b&" * 900,
    ),
    *(
        "/healthz?x=%0a%0d" + FORGED.replace(" ", ""),
        "/livez/x",
        "/metrics/",
        "/metrics?name[]=a",
        "/schema.json",
        "/docs.json",
    ),
    *("http://127.0.0.1/predict", "https://example.com/", "/" + "a" * 70_000, "/\xff\xfe", "/%", "/%zz", "/\x01"),
    *(
        "/%0d%0aSet-Cookie:a=b",
        "/%0a" + FORGED.replace(" ", "%20"),
        "/login",
        "/task/submit",
        "/predict/submit",
        "/.env",
    ),
)
TYPES = (
    *("text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""),
    *(
        "application/json; charset=utf-16",
        'application/json; charset="utf-8',
        "application/json;;;",
        "application/JSON",
    ),
    *("application/vnd.bentoml+pickle", "application/octet-stream", "a" * 5000, "\xff", "application/json, text/html"),
)
NOT_HTTP = (
    *(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64)),
    *(b"GET /\r\n\r\n", b"\r\n\r\n\r\n", b"\x00" * 300, b"POST /predict HTTP/9.9\r\n\r\n", b"SSH-2.0-x\r\n", b"{}\n"),
    *(b"POST /predict HTTP/1.1\r\n" + b"A" * 200_000, b"GET / HTTP/1.1\r\n : \r\n\r\n", b"GET / HTTP/1.1\nHost: x\n\n"),
)


@dataclass(frozen=True)
class Hostile:
    """A request on the wire.

    Attributes:
        pieces: of it, sent with a pause between them.
        is_http: whether it must be answered; else it may be cut off.
        hangs_up: whether the sender closes its side afterwards; without that, half a request is waited for.
        told: what it is, for the report of a failure.
    """

    pieces: tuple[bytes, ...]
    is_http: bool
    hangs_up: bool
    told: str

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))


def hostile(number: int, key: str) -> Hostile:
    """The request of a number."""
    dice = random.Random(number)
    kind = dice.randrange(20)
    if kind == 0:
        return Hostile((dice.choice(NOT_HTTP),), False, True, "no HTTP")
    path = dice.choice(PATHS)
    content = body(dice, path)
    if kind == 1:
        return _framed_wrongly(dice, path, content[:20_000], key)
    if kind == 2:
        return _slow(dice, path, content[:20_000], key)
    method, headers = "POST", {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    if kind == 3:
        method, content = dice.choice(METHODS), content[:1000]
    elif kind == 4:
        path, content = dice.choice(ODD_PATHS), content[:1000]
        method = dice.choice(("GET", "POST"))
    elif kind == 5:
        headers["Content-Type"] = dice.choice(TYPES)
    elif kind == 6:
        headers |= _odd_headers(dice)
    head = _head(method, path, {**headers, "Content-Length": str(len(content))})
    strange = kind in (3, 4, 6)
    return Hostile((head + content,), not strange, False, f"{method} {path[:60]} {content[:80]!r}")


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1", "replace")


def _odd_headers(dice: random.Random) -> dict[str, str]:
    """Headers of which a careless server believes something."""
    injected = dice.choice(INJECTIONS)
    return dice.choice(
        (
            {"X-Request-ID": injected},
            {"X-Request-ID": "a" * 5000, "User-Agent": injected},
            {"Authorization": "Bearer " + "a" * 60_000},
            {"Authorization": f"Basic {injected}", "X-API-Key": "ta_x"},
            {"X-API-Key": injected},
            {f"X-{at}": "y" * 50 for at in range(900)},
            {"X-Huge": "z" * 100_000},
            {"Content-Encoding": dice.choice(("gzip", "br", "deflate, gzip", "\xff"))},
            {"Expect": dice.choice(("100-continue", "the unexpected"))},
            {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"},
            {"Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"},
            {"Origin": "https://example.com\r\nX: y", "Access-Control-Request-Method": "POST"},
            {"traceparent": "00-" + "g" * 32 + "-0-0", "tracestate": injected, "baggage": "a=" + "b" * 9000},
            {"Range": "bytes=0-1,5-,-9", "If-Match": "*", "Cookie": "a=b; " * 900},
            {"Transfer-Encoding": "chunked"},  # beside Content-Length: whose body is it?
            {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": injected, "Forwarded": "for=_x"},
        )
    )


def _framed_wrongly(dice: random.Random, path: str, content: bytes, key: str) -> Hostile:
    """A length that is none, or chunks that are none."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    length = dice.choice(
        ("-1", "abc", "1e3", "99999999999999999999", "0x10", "+5", "5, 6", "", str(1 << 30), str(32 << 20))
    )
    if dice.random() < 0.5:
        return Hostile((_head("POST", path, {**headers, "Content-Length": length}) + content,), False, True, length)
    chunked = dice.choice(
        (
            b"ZZ\r\n" + content + b"\r\n0\r\n\r\n",
            b"-5\r\nabc\r\n0\r\n\r\n",
            b"ffffffffffffffff\r\nabc",
            b"5\r\nabcdefgh\r\n0\r\n\r\n",
            b"".join(b"1\r\n%c\r\n" % one for one in content[:3000]) + b"0\r\n\r\n",
            b"100000\r\n" + b" " * (1 << 20) + b"\r\n1\r\nx\r\n0\r\n\r\n",
            b"3;" + b"e" * 20_000 + b"\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
        )
    )
    head = _head("POST", path, {**headers, "Transfer-Encoding": "chunked"})
    return Hostile((head + chunked,), False, True, f"chunked {chunked[:40]!r}")


def _slow(dice: random.Random, path: str, content: bytes, key: str) -> Hostile:
    """A body that drips, or stops half-way."""
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {key}",
        "Content-Length": str(len(content)),
    }
    whole = dice.random() < 0.95 or not content  # the others are waited for, BODY_SECONDS each
    sent = content if whole else content[: len(content) // 2]
    step = max(1, len(sent) // 4)
    pieces = tuple(sent[at : at + step] for at in range(0, len(sent), step))
    return Hostile((_head("POST", path, headers), *pieces), True, False, f"slow {path}")


def exchange(port: int, request: Hostile, seconds: float) -> tuple[int | None, bytes]:
    """Send a request; the status and the whole last answer, or None where the connection was closed without one.

    Raises:
        TimeoutError: nothing came, nor was the connection closed.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with suppress(ConnectionError):  # it may be refused before all of it was sent
            for piece in request.pieces:
                connection.sendall(piece)
                if len(request.pieces) > 1:
                    time.sleep(PACE)
        if request.hangs_up:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        with suppress(ConnectionError):
            while received := connection.recv(1 << 16):
                answer += received
    final = bytes(answer)
    while final.startswith(b"HTTP/1.1 100"):  # go on, it says before its answer
        final = final.partition(b"\r\n\r\n")[2]
    first = final.split(b"\r\n", 1)[0].split(b" ")
    status = int(first[1]) if len(first) > 1 and first[0].startswith(b"HTTP/1.") else None
    return status, final
