"""What one per cent more tickets cost: the line up to features over real tickets, first most of them, then all.

python -m benchmarks.growth --tickets path/to/it_service.parquet --folder path/to/empty/folder --rows 40000
Prints the seconds of each step and how many rows it worked on. `--vectors` takes over the vectors and the encoder of a
profile's folder where these tickets were encoded before: the first run is then shown without the time for encoding.
"""

import argparse
import json
import shutil
from pathlib import Path

import pandas as pd

from ticket_assets_tests.growth import Run, begin, materialise

COUNTS = ("new_rows", "cleaned", "cleaned_before", "languages_detected", "linked", "linked_again", "encoded", "kept")


def main() -> None:
    """Print one JSON line per run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--vectors", type=Path)
    chosen = parser.parse_args()
    more = chosen.rows // 100
    tickets = pd.read_parquet(chosen.tickets).sample(chosen.rows + more, random_state=3, ignore_index=True)
    line = begin(chosen.folder, None)
    if chosen.vectors:
        for name in ("lancedb", "encoders"):
            shutil.copytree(chosen.vectors / name, line.folders.root / name)
    tell("first", materialise(line, tickets.head(chosen.rows)))
    tell("1 % more", materialise(line, tickets))


def tell(name: str, run: Run) -> None:
    """Print a run."""
    seconds = {step: round(its, 2) for step, its in run.seconds.items()}
    counts = {one: run.told[one] for one in COUNTS}
    print(json.dumps({"run": name, "total": round(run.total, 2), "seconds": seconds, "rows": counts}), flush=True)


if __name__ == "__main__":
    main()
