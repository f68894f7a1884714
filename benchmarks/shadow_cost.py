"""What a challenger in the shadow costs the champion's clients: the same champion with and without one, in turns.

Belongs here: both services, the rounds, medians and spread of their ratios. Does not belong here: the models
(service_models.py), the servers (service_servers.py), the load (load.py).

python -m benchmarks.shadow_cost --folder path/to/folder
The challenger is the champion's models with another card, so each ticket costs it as much. Both services share one
core, a load generator has the other. Before a service is asked, nothing waits in the shadow.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.service_models import Models
from benchmarks.service_servers import Running, load, serving, write_requests
from ticket_assets.serving.bundle import MODEL_CARD, rewrite_bundle
from ticket_assets.serving.probe import requested
from ticket_assets.serving.store import Challenger, require_champion, write_challenger

SHADOWED = "shadowed"
CLIENTS = (1, 8)
ASKED = 640
WAITING, SCORED = "ticket_assets_shadow_waiting", "ticket_assets_shadow_seconds_count"
PATIENCE = 120.0
Cell = dict[str, float]


def main() -> None:
    """Measure, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("storage/benchmarks/shadow"), help="models")
    parser.add_argument("--variant", default="no encoder", choices=["no encoder", "static"])
    parser.add_argument("--rows", type=int, default=2_000, help="generated tickets to fit on")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each cell of a round")
    chosen = parser.parse_args()
    models = Models(chosen.folder, None, chosen.rows, 2, print, [chosen.variant])
    put_beside(models.made_alone(chosen.variant), models.store(SHADOWED))
    requests = write_requests(chosen.folder, models.asked(ASKED))["http", "single"]
    os.environ["TICKET_ASSETS_ACCESS__OPEN_METRICS"] = "true"  # handed on to the services
    found: dict[tuple[int, str], list[Cell]] = {}
    with tempfile.TemporaryDirectory() as state, ExitStack() as stack:
        both = [stack.enter_context(serving(one, models, Path(state) / one)) for one in (chosen.variant, SHADOWED)]
        until(
            lambda: json.loads(requested(both[1].port, "GET", "/info")[1])["challenger"] is not None,
            "the challenger is loaded",
        )
        for server in both:
            load(server, requests, server.port, 1, 1.0)  # warm
        for number in range(chosen.rounds):
            for clients in CLIENTS:
                for server in both if number % 2 else both[::-1]:
                    until(lambda: metric(both[1], WAITING) == 0, "the queue is empty")
                    found.setdefault((clients, server.variant), []).append(
                        asked(server, requests, clients, chosen.seconds)
                    )
        until(lambda: metric(both[1], WAITING) == 0, "the queue is empty")
        scored = metric(both[1], SCORED)
    for clients in CLIENTS:
        print(said(clients, found[clients, chosen.variant], found[clients, SHADOWED]))
    print(f"{scored:,.0f} tickets were scored in the shadow")


def put_beside(store: Path, shadowed: Path) -> None:
    """The same store with a challenger in the champion's shadow."""
    shutil.rmtree(shadowed, ignore_errors=True)
    shutil.copytree(store, shadowed)
    champion = require_champion(shadowed)
    made = rewrite_bundle(shadowed, champion.bundle, lambda draft: (draft / MODEL_CARD).write_text("the challenger's"))
    write_challenger(shadowed, Challenger(2, made.id, champion.since, champion.bundle))


def asked(server: Running, requests: Path, clients: int, seconds: float) -> Cell:
    """Milliseconds and rate of one cell."""
    told = load(server, requests, server.port, clients, seconds)
    p50, p95 = np.quantile(told["ms"], (0.5, 0.95))
    return {"p50": float(p50), "p95": float(p95), "rate": len(told["ms"]) / told["seconds"], "failed": told["failed"]}


def said(clients: int, without: Sequence[Cell], beside: Sequence[Cell]) -> str:
    """Medians of both, and the ratio of each round: its median, the least and the largest."""
    parts = []
    for name in ("p50", "p95", "rate"):
        ratios = [new[name] / old[name] for old, new in zip(without, beside, strict=True)]
        old, new = (statistics.median(one[name] for one in its) for its in (without, beside))
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        parts.append(f"{name} {old:.1f} and {new:.1f}, ratio {statistics.median(ratios):.2f} ({spread})")
    failed = sum(one["failed"] for one in (*without, *beside))
    return f"{clients} clients: {'; '.join(parts)}; {failed:.0f} failed"


def metric(server: Running, name: str) -> float:
    """A value of /metrics."""
    lines = requested(server.port, "GET", "/metrics")[1].splitlines()
    [value] = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")]
    return value


def until(is_so: Callable[[], bool], what: str) -> None:
    """Ask until it is so; TimeoutError with what it is after PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"after {PATIENCE:.0f} s there was still no sign that {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
