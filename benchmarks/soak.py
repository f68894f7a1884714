"""Minutes of load at a share of what the service can do: latency, failures, and whether memory grows.

python -m benchmarks.soak --minutes 10 --share 0.7 --workers 2 --out soak.json
Without `--bundles` (a bundle store, with `--encoders`, asked the texts of `--asked`) toy models answer: then it is the
service's own cost. Capacity
is measured first (unless `--capacity` tells it), by clients that ask without a pause; then requests are sent at fixed
times, whether or not earlier ones were answered, and a latency counts from when its request was due: a service that
stalls is not spared. Memory rises for the first 15,000 answers, until SQLite's pages are there; its slope is of the
second half. Prints a line per minute; the JSON holds the samples. Client and service share the machine.
"""

import argparse
import http.client
import json
import queue
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.service.clients import TEXTS

MIB = 1 << 20


@dataclass
class Taken:
    """What came of the requests: (due, seconds) of each answer, and the failures."""

    answered: list[tuple[float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def main() -> None:
    """Measure the capacity, then soak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--share", type=float, default=0.7, help="of the capacity")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--capacity", type=float, help="answers per second, where it was measured before")
    parser.add_argument("--capacity-seconds", type=float, default=15.0, help="to measure it in, where it was not")
    parser.add_argument("--bundles", type=Path, help="a bundle store; default: toy models")
    parser.add_argument("--encoders", type=Path, help="of that store")
    parser.add_argument("--asked", type=Path, help="JSON list of ticket bodies; default: four toy texts")
    parser.add_argument("--out", type=Path, default=Path("soak.json"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundles, variables = chosen.bundles, {}
        if bundles is None:
            bundles = Path(folder) / "bundles"
            ToyStore(bundles).crown(1)
        elif chosen.encoders:
            variables["TICKET_ASSETS_SERVICE__ENCODERS"] = str(chosen.encoders.resolve())
        with running(bundles.resolve(), Path(folder) / "state", chosen.workers, **variables) as server:
            told = soak(server, chosen)
    chosen.out.write_text(json.dumps(told, indent=2) + "\n")
    summary = {name: value for name, value in told.items() if not isinstance(value, list)}
    print(json.dumps(summary), flush=True)


def soak(server: Server, chosen: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    bodies = json.loads(chosen.asked.read_text()) if chosen.asked else list(TEXTS)
    capacity = chosen.capacity or measured_capacity(server, bodies, chosen.clients, chosen.capacity_seconds)
    rate, seconds = capacity * chosen.share, chosen.minutes * 60
    print(json.dumps({"capacity_per_second": round(capacity, 1), "rate_per_second": round(rate, 1)}), flush=True)
    due: queue.Queue[tuple[int, float] | None] = queue.Queue()
    taken, memory = Taken(), []
    askers = [threading.Thread(target=ask, args=(server.port, bodies, due, taken)) for _ in range(4 * chosen.clients)]
    for one in askers:
        one.start()
    begun, minute, number = time.monotonic(), 1, 0
    while (now := time.monotonic() - begun) < seconds:
        while number / rate <= now:
            due.put((number, begun + number / rate))
            number += 1
        if not memory or now - memory[-1][0] >= min(5.0, seconds / 20):
            memory.append((now, sum(one.memory_full_info().pss for one in server.workers())))
        if now >= minute * 60:
            print(
                json.dumps({"minute": minute, **latencies(taken, begun + now - 60), "pss_mib": mib(memory)}), flush=True
            )
            minute += 1
        time.sleep(0.002)
    for _ in askers:
        due.put(None)
    for one in askers:
        one.join()
    return {
        **{"workers": chosen.workers, "capacity_per_second": round(capacity, 1), "rate_per_second": round(rate, 1)},
        **{"seconds": seconds, "asked": number, "answered": len(taken.answered), "failed": len(taken.failures)},
        **latencies(taken, 0.0),
        **{"pss_mib_first": round(memory[0][1] / MIB, 1), "pss_mib_last": mib(memory)},
        "pss_mib_per_hour_in_the_second_half": slope(memory),
        **{"failures": taken.failures[:20], "memory": [(round(at, 1), round(size / MIB, 2)) for at, size in memory]},
    }


def measured_capacity(server: Server, bodies: list[str], clients: int, seconds: float) -> float:
    """Answers per second to clients that ask without a pause."""
    due: queue.Queue[tuple[int, float] | None] = queue.Queue()
    taken, ended = Taken(), threading.Event()
    askers = [threading.Thread(target=ask, args=(server.port, bodies, due, taken)) for _ in range(clients)]
    for one in askers:
        one.start()

    def refill() -> None:
        number = 0
        while not ended.is_set():
            if due.qsize() < 2 * clients:
                due.put((number, 0.0))
                number += 1
            else:
                time.sleep(0.001)
        for _ in askers:
            due.put(None)

    filling = threading.Thread(target=refill)
    filling.start()
    time.sleep(seconds / 5)
    before, begun = len(taken.answered), time.monotonic()
    time.sleep(seconds)
    found = (len(taken.answered) - before) / (time.monotonic() - begun)
    ended.set()
    for thread in (filling, *askers):
        thread.join()
    if taken.failures:
        raise RuntimeError(f"{len(taken.failures)} failed while the capacity was measured: {taken.failures[0]}")
    return found


def ask(port: int, bodies: list[str], due: "queue.Queue[tuple[int, float] | None]", taken: Taken) -> None:
    """Send what is due on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while (one := due.get()) is not None:
        number, at = one
        failure = None
        try:
            content = json.dumps({"body": bodies[number % len(bodies)]})
            connection.request("POST", "/predict", content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            said = response.read()
            failure = None if response.status == 200 else f"{response.status} {said[:200]!r}"
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            failure = repr(error)
        with taken.lock:
            if failure is None:
                taken.answered.append((at, time.monotonic() - at))
            else:
                taken.failures.append(failure)
    connection.close()


def latencies(taken: Taken, since: float) -> dict[str, float]:
    """Quantiles in milliseconds of what was due since then."""
    with taken.lock:
        seconds = [took for at, took in taken.answered if at >= since]
    if not seconds:
        return {}
    quantiles = np.quantile(seconds, (0.5, 0.95, 0.99, 1.0)) * 1000
    return dict(zip(("p50_ms", "p95_ms", "p99_ms", "max_ms"), (round(float(one), 2) for one in quantiles), strict=True))


def mib(memory: list[tuple[float, int]]) -> float:
    """The last sample."""
    return round(memory[-1][1] / MIB, 1)


def slope(memory: list[tuple[float, int]]) -> float:
    """MiB an hour, by a straight line through the second half of the samples: the first is warming up."""
    half = np.array(memory[len(memory) // 2 :])
    return round(float(np.polyfit(half[:, 0], half[:, 1] / MIB, 1)[0]) * 3600, 1)


if __name__ == "__main__":
    main()
