"""A toy BentoML service as it is made with and without what lean.py takes out; prints what is seen of each, as JSON.

Here: asking both in this process, which is one of its own, as BentoML warns when it is imported. Not here: any test.
"""

import asyncio
import json
from typing import Any

import bentoml

from ticket_assets.serving.endpoint.lean import without_leftovers

REQUESTS = 20


def made(is_lean: bool) -> Any:
    @bentoml.service(name="toy", metrics={"enabled": False})  # a process can have its metrics once
    class Toy:
        @bentoml.api
        async def predict(self, body: str) -> str:
            return body

    service: Any = Toy
    if is_lean:
        without_leftovers(service)
    return service


def timers_after_requests(service: Any) -> int:
    """Timers that an event loop has left when all requests are answered."""
    app = service.to_asgi()

    async def ask() -> int:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/livez", "headers": [], "query_string": b""}
        scope |= {"http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1)}
        for _ in range(REQUESTS):
            await app(dict(scope), receive, send)
        assert [one["status"] for one in sent if one["type"] == "http.response.start"] == [200] * REQUESTS
        return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

    return asyncio.run(ask())


def is_traced(service: Any) -> bool:
    return "OpenTelemetryMiddleware" in {one.cls.__name__ for one in service.to_asgi().user_middleware}


def main() -> None:
    told: dict[str, Any] = {
        "requests": REQUESTS,
        "timers": {"lean": timers_after_requests(made(True)), "BentoML's own": timers_after_requests(made(False))},
        "traced": {"lean": is_traced(made(True)), "BentoML's own": is_traced(made(False))},
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
