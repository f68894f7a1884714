"""Twenty swaps under load: nobody is refused, every worker follows, every answer is of the version it names."""

import http.client
import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets_tests.serving.endpoint.conftest import LOUD, QUIET, ToyStore
from ticket_assets_tests.serving.endpoint.server import Server, running

pytestmark = pytest.mark.slow

SWAPS, CLIENTS, WORKERS = 20, 4, 2
TEXTS = (LOUD, QUIET, "help NOW please", "WHY")


class Client(threading.Thread):
    """Asks without a pause, on new connections now and then so that each worker has its share."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        super().__init__()
        self._port, self._ending = port, stop
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[str] = []

    def run(self) -> None:
        asked = 0
        while not self._ending.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            try:
                for _ in range(10):
                    text = TEXTS[asked % len(TEXTS)]
                    asked += 1
                    connection.request(
                        "POST", "/predict", json.dumps({"body": text}), {"Content-Type": "application/json"}
                    )
                    response = connection.getresponse()
                    said = response.read()
                    if response.status != 200:
                        self.failures.append(f"{response.status} {said[:200]!r}")
                    else:
                        self.answers.append((text, json.loads(said)))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            finally:
                connection.close()


def test_twenty_swaps_under_load_lose_no_request_and_mix_no_versions(store: ToyStore, tmp_path: Path) -> None:
    bundles = [store.write(act) for act in (0.85, 0.9, 0.7)]
    assert len(set(bundles)) == 3
    loaded = {bundle: TriageBundle.load(store.root / bundle, store.root) for bundle in bundles}
    write_champion(store.root, Champion(1, bundles[0], "2026-01-01T00:00:00+00:00"))
    stop = threading.Event()
    with running(store.root, tmp_path / "state", WORKERS) as server:
        clients = [Client(server.port, stop) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for version in range(2, SWAPS + 2):
                write_champion(
                    store.root, Champion(version, bundles[version % 3], f"2026-01-{version:02d}T00:00:00+00:00")
                )
                _wait_until_all_say(server, clients, version)
        finally:
            stop.set()
            for client in clients:
                client.join()
    answers = [one for client in clients for one in client.answers]
    assert [failure for client in clients for failure in client.failures] == []
    seen = Counter(answer["model_version"] for _, answer in answers)
    assert set(range(2, SWAPS + 2)) <= set(seen)
    for text, answer in answers:
        version = answer["model_version"]
        assert answer["bundle"] == (bundles[0] if version == 1 else bundles[version % 3])
        [expected] = loaded[answer["bundle"]].predict([Ticket(text)])
        assert answer["targets"]["tone"]["probabilities"] == expected["tone"].probabilities
        assert answer["targets"]["tone"]["band"] == expected["tone"].band


def _wait_until_all_say(server: Server, clients: list[Client], version: int) -> None:
    """Until, on many new connections in a row, no worker names an older version."""
    until, in_a_row = time.monotonic() + 60, 0
    while in_a_row < 8 * WORKERS:
        assert time.monotonic() < until, f"a worker does not follow to version {version}: {server.said[-2000:]}"
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("GET", "/readyz")
        found = json.loads(connection.getresponse().read())["model_version"]
        connection.close()
        in_a_row = in_a_row + 1 if found == version else 0
    assert all(client.is_alive() for client in clients)


def test_a_champion_that_is_damaged_is_refused_by_every_worker_and_the_one_before_answers_on(
    store: ToyStore, tmp_path: Path
) -> None:
    store.crown(1)
    with running(store.root, tmp_path / "state") as server:
        champion = store.crown(2, act=0.9)
        (store.root / champion.bundle / "tone" / "model.json").unlink()
        until = time.monotonic() + 60
        while (health := _health(server))["status"] == "ok":
            assert time.monotonic() < until
        assert health["model_version"] == 1
        [fault] = health["faults"]
        assert fault["code"] == "champion_refused"
        assert "model.json is missing" in fault["message"]


def _health(server: Server) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/healthz")
    health: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return health
