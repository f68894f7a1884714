"""Five real years of bug reports in their order: what the drift tests find when time passes, and when it does not.

python -m benchmarks.drift_years --data ../shared/data --state path/to/folder [--encoder static]

Belongs here: a champion of the first year, the windows after it, the same tickets in shuffled order as the control.
Does not belong here: drift that was made (drift_kinds.py).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.drift_pools import Champion, Encoded, Pool, plain_rows
from ticket_assets.monitoring.drift.detector import Detector
from ticket_assets.monitoring.sample import Reference
from ticket_assets.monitoring.verdict import DriftSummary, Verdict
from ticket_assets.monitoring_settings import DriftRule, WindowSettings
from ticket_assets.tickets.cleaning import ticket_text

ROWS, TARGET, CUT = 250, "Priority", 0.5
HELD_OUT = 0.25


def main() -> None:
    """Print a line per window, then the share of windows that speak when the order is shuffled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--encoder", choices=("static", "onnx"), default="static")
    parser.add_argument("--shuffles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=2026)
    chosen = parser.parse_args()
    table = read_years(chosen.data / "hadoop_bugs.csv")
    texts = table["text"].tolist()
    rows = plain_rows(
        table["ticket_id"].tolist(), texts, ["en"] * len(texts), ("en",), Encoded(chosen.state, chosen.encoder)
    )
    pool = Pool(rows, {TARGET: table[TARGET].to_numpy(dtype=object)}, np.arange(len(texts)), np.array([], int), {}, CUT)
    first_year = int((table["created"] < table["created"].min() + pd.DateOffset(years=1)).sum())
    with threadpool_limits(1):
        print("| tickets | from | to | verdict | loudest test | effect | corrected p |\n|---|---|---|---|---|---|---|")
        for window, found in passed(pool, np.arange(len(texts)), first_year, chosen.seed):
            since, until = (table["created"].iloc[window[end]].strftime("%Y-%m") for end in (0, -1))
            worst = found.findings[0]
            cells = (
                len(window),
                since,
                until,
                found.verdict,
                worst.subject,
                f"{worst.effect:.3g} ({worst.effect_name})",
            )
            print("| " + " | ".join(map(str, cells)) + f" | {worst.adjusted:.2g} |", flush=True)
        verdicts = [
            found.verdict
            for number in range(chosen.shuffles)
            for _, found in passed(pool, np.random.default_rng(number).permutation(len(texts)), first_year, chosen.seed)
        ]
    spoke = sum(one is not Verdict.PASS for one in verdicts)
    print(f"\nshuffled: {spoke} of {len(verdicts)} windows warn, {verdicts.count(Verdict.ALARM)} alarm by themselves")


def read_years(path: Path) -> pd.DataFrame:
    """The reports in order of their creation, cleaned."""
    raw = pd.read_csv(path)
    raw["created"] = pd.to_datetime(raw["Created"], format="%d/%b/%y %H:%M")
    told = raw[["Summary", "Description"]].fillna("")
    raw["text"] = [
        ticket_text(summary, body) for summary, body in zip(told["Summary"], told["Description"], strict=True)
    ]
    raw["ticket_id"] = raw["Issue id"].astype(str)
    kept = raw[raw[TARGET].notna() & (raw["text"] != "")]
    return kept.sort_values(["created", "ticket_id"]).reset_index(drop=True)


def passed(pool: Pool, order: np.ndarray, first: int, seed: int) -> list[tuple[np.ndarray, DriftSummary]]:
    """Windows after the first tickets of an order, each with what is found: the last first ones are the hold-out."""
    trained = round((1 - HELD_OUT) * first)
    inputs, held_out = order[:trained], order[trained:first]
    champion = Champion.fit(pool, inputs)

    def truth(rows: np.ndarray) -> dict[str, tuple[str | None, ...]]:
        return {TARGET: tuple(pool.labels[TARGET][rows].tolist())}

    answers = champion.answer(pool.rows.take(held_out), truth(held_out))
    size = WindowSettings(predictions=ROWS, min_sample=100)
    detector = Detector.fit(Reference("first-year", pool.rows.take(inputs), answers), DriftRule(), seed, size, pool.cut)
    windows = [order[start : start + ROWS] for start in range(first, len(order) - ROWS + 1, ROWS)]
    return [(one, detector.judge(champion.answer(pool.rows.take(one), truth(one)))) for one in windows]


if __name__ == "__main__":
    main()
