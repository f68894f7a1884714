"""A worker of a service as a process: appends answers until it is killed, and says which were acknowledged.

Run as `python -m …writer <folder> <url or -> <answers> <durability>`; prints `ready`, then one id per line. With `wait`
at the end it begins when a line comes in.
"""

import os
import sys
from pathlib import Path

from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.outcome import Logged
from ticket_assets_tests.serving.prediction_log.desk import answer, settings


def main(folder: str, url: str, answers: str, durability: str = "process") -> None:
    often = {"batch_rows": 25, "flush_seconds": 0.005}
    log = PredictionLog.open(settings(Path(folder), None if url == "-" else url, durability=durability, **often))
    os.write(1, b"ready\n")
    sys.stdin.readline()
    for _ in range(int(answers)):
        outcome = log.append(answer())
        assert isinstance(outcome, Logged), outcome
        os.write(1, f"{outcome.id}\n".encode())  # acknowledged: what the caller was told
    errors = log.state().last_error
    assert log.close(60)
    os.write(1, f"end {errors}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
