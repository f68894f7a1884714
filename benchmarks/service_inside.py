"""One ticket in process: what an answer costs without transport, log and keys.

Belongs here: timing a bundle. Does not belong here: serving it (service_servers.py).

python -m benchmarks.service_inside STORE ENCODERS TICKETS NUMBER: prints p50_ms and p99_ms as JSON.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.store import require_champion


def main() -> None:
    """Time one bundle."""
    store, encoders, asked, number = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    bundle = TriageBundle.load(store / require_champion(store).bundle, encoders, 1)
    tickets = [Ticket(body) for body in json.loads(asked.read_text())]
    took = []
    for count in range(number + 20):
        begun = time.perf_counter()
        bundle.predict([tickets[count % len(tickets)]])
        took.append((time.perf_counter() - begun) * 1000)
    p50, p99 = np.quantile(took[20:], (0.5, 0.99))  # the first ones warm the caches
    print(json.dumps({"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}))


if __name__ == "__main__":
    main()
