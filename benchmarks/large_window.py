"""A window of a million predictions: from the prediction log to a verdict, how long it takes and how much memory.

Here: a generated log of toy answers in SQLite, its day table, the window, the verdicts. Not here: a service.

    python -m benchmarks.large_window [--predictions 1000000]

Answers are those of a toy without an encoder, so what is measured is reading, drawing and testing. Peak memory is that
of the process, libraries included.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from ticket_assets.monitoring.judging import judge_drift, judge_performance, next_windows
from ticket_assets.monitoring.reference import make_reference
from ticket_assets.monitoring.reference_store import save_reference
from ticket_assets.monitoring.window import read_rows
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.prediction_log.engine import writing
from ticket_assets.serving.prediction_log.tables import prediction_targets, predictions
from ticket_assets_tests.monitoring.watched import NOON, TARGET, Watched, spoken

DISTINCT, AT_ONCE = 5_000, 5_000
MONITORING = "window = {{ predictions = {0}, min_sample = 200, max_days = 7, max_rows = 5000 }}"


def main(arguments: list[str]) -> int:
    """Run it; print the figures as JSON."""
    parser = argparse.ArgumentParser(description="A window of a million predictions.")
    parser.add_argument("--predictions", type=int, default=1_000_000)
    asked = parser.parse_args(arguments).predictions
    told: dict[str, object] = {"predictions": asked}
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched.begin(Path(folder), MONITORING.format(asked))
        with watched.environment():
            _measured(watched, asked, told)
    print(json.dumps(told, indent=1))
    return 0


def _measured(watched: Watched, asked: int, told: dict[str, object]) -> None:
    @contextmanager
    def timed(step: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        told[step] = {"seconds": round(time.monotonic() - begun, 1), "peak GiB until then": round(peak, 2)}
        print(f"{step}: {told[step]}", file=sys.stderr, flush=True)

    _ = watched.watch.folders
    watched.tables(8_000)
    champion = watched.crown()
    watch, later = watched.watch, NOON + timedelta(hours=11)
    bundle, its = watch.bundle(), watch.made_with
    basis = make_reference(bundle, watch.tables(bundle.manifest), its.max_rows, its.min_sample, its.seed)
    save_reference(watch.folder, basis, its)
    with timed("generated log"):
        _log(watched, champion.bundle, asked)
    with timed("table of the day"):
        watched.read(NOON, later)
    with timed("window"):
        bench = watch.bench()
        (window,) = next_windows(bench, champion, later).closed
    with timed("drawn"):
        rows, told["said"] = read_rows(bench.folder, window, bench.settings.window.max_rows, bench.seed)
        again, _ = read_rows(bench.folder, window, bench.settings.window.max_rows, bench.seed)
        assert [one["id"] for one in rows] == [one["id"] for one in again], "the same seed draws the same rows"
    with timed("drift"):
        drift = judge_drift(bench, window, watch.detector(bench))
    with timed("performance"):
        judge_performance(bench, window)
    told |= {"rows compared": drift.told["summary"]["rows"], "of": drift.told["summary"]["of_rows"]}
    told |= {"verdict": str(drift.verdict), "notes": drift.told["summary"]["notes"]}


def _log(watched: Watched, champion: str, asked: int) -> None:
    """So many answers in ten hours; texts repeat after DISTINCT of them. Written straight into the store's tables."""
    said = spoken(DISTINCT, 77)
    found = [one[TARGET] for one in watched.watch.bundle().predict([Ticket(one) for one in said.texts])]
    step = timedelta(hours=10) / asked
    live = {"transport": "http", "bundle": champion, "model_version": "1", "subject": "", "context": {}}
    with watched.engine() as engine:
        for begin in range(0, asked, AT_ONCE):
            rows, answers = [], []
            for one in range(begin, min(begin + AT_ONCE, asked)):
                its = found[one % DISTINCT]
                rows.append({"id": f"p-{one:09d}", "at": NOON + one * step, "moment": one, **live})
                rows[-1]["body"] = said.texts[one % DISTINCT]
                answer = {"label": its.label, "probability": its.probability, "probabilities": dict(its.probabilities)}
                bands = {"band": its.band, "served_band": its.band}
                answers.append({"prediction_id": rows[-1]["id"], "target": TARGET, **answer, **bands})
            with writing(engine) as connection:
                connection.execute(predictions.insert(), rows)
                connection.execute(prediction_targets.insert(), answers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
