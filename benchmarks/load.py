"""A light load generator, in a process of its own: clients that ask again as soon as they are answered.

Belongs here: asking over HTTP and gRPC on kept connections, timing each answer. Does not belong here: what is asked
and of whom (service.py), the statistics (service_figures.py).

python benchmarks/load.py REQUESTS --port 3000 --clients 8 --seconds 5
REQUESTS is a file of JSON: {"transport": "http", "path": "/predict", "bodies": ["…"]}, or for gRPC the method as path
and the messages in base64. Prints one JSON line: seconds, milliseconds of each answer, failures. Bodies and headers are
put together before the clock starts, and an answer is read no further than its end: what this costs is little, and the
same for whoever is measured.
"""

import argparse
import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

MOST_FAILURES_TOLD = 5
Ask = Callable[[bytes], Awaitable[None]]


class Failed(RuntimeError):
    """An answer that is none."""


class HttpConnection(asyncio.Protocol):
    """One kept connection: a request, then its answer of a known length."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._read = bytearray()
        self._answer: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep the socket."""
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Failed(f"the connection was closed: {error}"))

    def data_received(self, data: bytes) -> None:
        """Find the end of the answer."""
        self._read += data
        end = self._read.find(b"\r\n\r\n")
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = bytes(self._read[:end]).lower()
        _, _, after = head.partition(b"content-length:")
        if len(self._read) < end + 4 + int(after.split(b"\r\n", 1)[0]):
            return
        if head.startswith(b"http/1.1 200"):
            self._answer.set_result(None)
        else:
            self._answer.set_exception(Failed(bytes(self._read[:300]).decode("latin-1")))

    async def ask(self, request: bytes) -> None:
        """Send one request and wait for its answer.

        Raises:
            Failed: it is not 200, or there is none.
        """
        assert self._transport is not None
        if self._transport.is_closing():
            raise Failed("the connection was closed between two requests")
        self._read.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._answer


async def http_client(port: int, path: str) -> Ask:
    """A client with a connection of its own."""
    _, protocol = await asyncio.get_running_loop().create_connection(HttpConnection, "127.0.0.1", port)
    return protocol.ask


async def grpc_client(port: int, path: str) -> Ask:
    """The same for gRPC; messages go and come as bytes."""
    import grpc

    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
    call = channel.unary_unary(path)

    async def ask(request: bytes) -> None:
        try:
            await call(request, timeout=60)
        except grpc.aio.AioRpcError as error:
            raise Failed(f"{error.code().name}: {error.details()}") from None

    return ask


def framed(path: str, body: str) -> bytes:
    """A whole HTTP request."""
    content = body.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


async def load(asked: dict[str, Any], port: int, clients: int, seconds: float) -> dict[str, Any]:
    """Ask for so many seconds; milliseconds of each answer, and the first failures."""
    if asked["transport"] == "http":
        connect, requests = http_client, [framed(asked["path"], body) for body in asked["bodies"]]
    else:
        connect, requests = grpc_client, [base64.b64decode(body) for body in asked["bodies"]]
    askers = [await connect(port, asked["path"]) for _ in range(clients)]
    took: list[float] = []
    failures: list[str] = []
    begun = time.perf_counter()
    until = begun + seconds

    async def keep_asking(ask: Ask, number: int) -> None:
        while (sent := time.perf_counter()) < until:
            try:
                await ask(requests[number % len(requests)])
                took.append((time.perf_counter() - sent) * 1000)
            except (Failed, OSError) as error:
                failures.append(str(error))
                await asyncio.sleep(0.01)
                if asked["transport"] == "http":
                    ask = await connect(port, asked["path"])
            number += clients

    await asyncio.gather(*(keep_asking(ask, number) for number, ask in enumerate(askers)))
    return {
        "seconds": time.perf_counter() - begun,
        "ms": [round(one, 3) for one in took],
        "failed": len(failures),
        "failures": failures[:MOST_FAILURES_TOLD],
    }


def main() -> None:
    """Ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requests", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    chosen = parser.parse_args()
    asked = json.loads(chosen.requests.read_text())
    print(json.dumps(asyncio.run(load(asked, chosen.port, chosen.clients, chosen.seconds))))


if __name__ == "__main__":
    main()
