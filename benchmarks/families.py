"""How far exact families go: seconds and memory by number of tickets, and of one per cent more of them.

python -m benchmarks.families --tickets path/to/it_service.parquet --folder path/to/results --rows 40000
Real tickets are varied up to each size (ticket_assets_tests/grown_tickets.py). Each size runs in a process of its own,
whose peak memory is told, and is written to the folder when it is done: a run that broke off goes on behind it. Recall
is measured on rows chosen at random, each compared with all others by brute force.
"""

import argparse
import json
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ticket_assets.storage import write_text
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.families import number_families
from ticket_assets_tests.grown_tickets import grown
from ticket_assets_tests.tickets.brute_force import missed_relatives

SAMPLE = 300


def main() -> None:
    """Print one JSON line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=Path, required=True)
    parser.add_argument("--body", default="Document")
    parser.add_argument("--cut", type=float, default=0.7)
    parser.add_argument("--rows", type=int, nargs="+", default=[40_000, 160_000, 640_000])
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    for rows in chosen.rows:
        done = chosen.folder / f"{chosen.tickets.stem}-{rows}-{chosen.cut}.json"
        if not done.exists():
            arguments = (chosen.tickets, chosen.body, chosen.cut, rows, done)
            process = multiprocessing.get_context("spawn").Process(target=measure, args=arguments)
            process.start()
            process.join()
        print(done.read_text(), flush=True)


def measure(tickets: Path, body: str, cut: float, rows: int, done: Path) -> None:
    """Number families of `rows` tickets, then of one per cent more, and from scratch; write what it cost."""
    texts = grown([ticket_text(None, one) for one in pd.read_parquet(tickets)[body]], rows + rows // 100)
    ids = [f"{number:07d}" for number in range(len(texts))]
    kept = done.with_suffix(".npz")
    kept.unlink(missing_ok=True)
    told: dict[str, object] = {"rows": rows}
    for name, last in (("first", rows), ("1 % more", len(texts))):
        wall, processor = time.perf_counter(), time.process_time()
        numbering = number_families(texts[:last], ids[:last], cut, kept=kept)
        told[name] = {
            "seconds": round(time.perf_counter() - wall, 1),
            "processor_seconds": round(time.process_time() - processor, 1),
            "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
            "pairs": numbering.n_pairs,
            "linked": numbering.linked,
            "linked_again": numbering.linked_again,
            "in_families": round(numbering.in_families_share, 3),
        }
    sample = np.random.default_rng(1).choice(len(texts), SAMPLE, replace=False)
    relatives, missed = missed_relatives(texts, numbering.family_ids, cut, sample)
    told["recall"] = 1 - missed / relatives if relatives else None
    told["kept_mb"] = round(kept.stat().st_size / 1e6, 1) if kept.exists() else None
    write_text(done, json.dumps(told))


if __name__ == "__main__":
    main()
