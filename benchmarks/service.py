"""The service beside the plain way to write one: latency, throughput, memory, cold start, and what each variant loses.

Belongs here: which cells are measured in which order, the results file. Does not belong here: the models
(service_models.py), the servers (service_servers.py), the load (load.py), tables and targets (service_figures.py).

python -m benchmarks.service --tickets path/to/it_service.parquet --folder path/to/folder
First the models are fitted on real tickets (kept in the folder: the next run finds them); then each server alone: cold
start, memory, and one ticket in process; then all servers wait side by side, and every round asks each of them in turn,
so that noise of the machine meets all of them. Rounds are kept one by one in FOLDER/results.json: a run that broke off
goes on behind the last, and more `--rounds` add some. `--write-docs` puts the tables into docs/performance.md.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import service_figures
from benchmarks.service_models import PLAIN, VARIANTS, Models
from benchmarks.service_servers import PROJECT, alone, inside, load, serving, write_requests
from ticket_assets.storage import write_text

ASKED = 640  # different tickets
RESULTS = "results.json"
begun = time.monotonic()


def say(what: str) -> None:
    """Progress, with the seconds so far."""
    print(f"{time.monotonic() - begun:6.0f} s  {what}", flush=True)


def main() -> None:
    """Measure what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("storage/benchmarks/service"), help="models and results")
    parser.add_argument("--tickets", type=Path, help="it_service.parquet; default: generated tickets")
    parser.add_argument(
        "--rows", type=int, default=12_000, help="of the tickets to fit on; 0: all, some 15 minutes more"
    )
    parser.add_argument("--threads", type=int, default=2, help="of encoding all tickets; a server has one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each cell of a round")
    parser.add_argument("--variants", nargs="+", choices=[*VARIANTS, PLAIN], default=[PLAIN, *VARIANTS])
    parser.add_argument("--kinds", nargs="+", choices=["single", "batch"], default=["single", "batch"])
    parser.add_argument("--models-only", action="store_true", help="fit the models, and measure nothing")
    parser.add_argument("--fresh", action="store_true", help="forget earlier rounds, and keep the models")
    parser.add_argument("--write-docs", action="store_true", help="put what is there into docs/performance.md")
    chosen = parser.parse_args()
    kept = chosen.folder / RESULTS
    if chosen.write_docs:
        service_figures.write_docs(json.loads(kept.read_text()), PROJECT / "docs" / "performance.md")
        return
    models = Models(chosen.folder, chosen.tickets, chosen.rows, chosen.threads, say, chosen.variants)
    quality = models.made()
    if chosen.models_only:
        print(json.dumps(quality, indent=2))
        return
    if chosen.fresh:
        kept.unlink(missing_ok=True)
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"alone": {}, "rounds": []}
    results |= {"machine": service_figures.machine(), "quality": quality, "tickets": len(models.rows_used)}
    bodies = models.asked(ASKED)
    files = write_requests(chosen.folder, bodies)
    with tempfile.TemporaryDirectory() as state:
        for variant in chosen.variants:
            if variant not in results["alone"]:
                results["alone"][variant] = measured_alone(variant, models, Path(state), bodies)
                write_text(kept, json.dumps(results))
        while len(results["rounds"]) < chosen.rounds:
            say(f"round {len(results['rounds']) + 1} of {chosen.rounds}")
            results["rounds"].append(list(round_of(chosen, models, Path(state), files, len(results["rounds"]))))
            write_text(kept, json.dumps(results))
    print(service_figures.tables(results))


def measured_alone(variant: str, models: Models, state: Path, bodies: list[str]) -> dict[str, float]:
    """Twice from cold, the quicker one told; and in process where the bundle is ours."""
    told = [alone(variant, models, state / f"alone {variant} {number}", bodies) for number in range(2)]
    its = {name: min(one[name] for one in told) for name in told[0]}
    its |= inside(variant, models, 300) if variant != PLAIN else {}
    say(f"{variant} alone: " + ", ".join(f"{name} {value:.2f}" for name, value in its.items()))
    return its


def round_of(
    chosen: argparse.Namespace, models: Models, state: Path, files: dict[tuple[str, str], Path], number: int
) -> Iterator[dict[str, Any]]:
    """Every cell of every server once; the servers take turns within a cell, in another order each round."""
    with ExitStack() as stack:
        servers = []
        for variant in chosen.variants:
            place = state / f"round {number} {variant}"
            servers.append(stack.enter_context(serving(variant, models, place)))
            stack.callback(shutil.rmtree, place, True)
            for transport in ("http", "grpc"):
                if port := servers[-1].port if transport == "http" else servers[-1].grpc_port:
                    load(servers[-1], files[transport, "single"], port, 1, 0.5)  # warm
        for cell, (transport, kind, clients) in enumerate(service_figures.CELLS):
            if kind not in chosen.kinds:
                continue
            turn = (cell + number) % len(servers)
            for server in servers[turn:] + servers[:turn]:
                port = server.port if transport == "http" else server.grpc_port
                if port:
                    told = load(server, files[transport, kind], port, clients, chosen.seconds)
                    if told["failed"]:
                        what = f"{server.variant} {transport} {kind} {clients}"
                        say(f"{what}: {told['failed']} failed, {told['failures']}")
                    yield {"variant": server.variant, "transport": transport, "kind": kind, "clients": clients, **told}


if __name__ == "__main__":
    main()
