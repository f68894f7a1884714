"""Twenty swaps under load: nobody is refused, every worker follows, every answer is of the version it names."""

import http.client
import json
import time
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.prediction import TargetPrediction, Ticket
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.differing import (
    write_differing,
    write_flipped,
    write_numberless,
    write_unfinished,
)
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.endpoint.traffic import Client, GrpcClient, HttpClient, Told, asking

pytestmark = pytest.mark.slow

SWAPS, WORKERS, FOLLOWED_SECONDS = 20, 2, 60.0
TOLERANCE = 1e-6
# No batch and no connection sees all of them, so each text is asked of each version.
ASKED = ("HELP NOW, floor 3", "please help with a mouse", "shame on your printer!!!", "WHY")
# What each of the three writes after these swaps, and what is then said of it.
SPOILED = {
    5: (write_flipped, "tone/model.json was changed"),
    10: (write_unfinished, "bundle.json"),
    15: (write_numberless, "scores must be finite"),
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, encoder: OnnxEncoder) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("differing") / "bundles"
    return root, write_differing(root, encoder)


@pytest.fixture(scope="module")
def expected(bundles: tuple[Path, list[str]], encoder_root: Path) -> dict[tuple[str, str], dict[str, TargetPrediction]]:
    """Bundle and text to the answer, recomputed without a service."""
    root, ids = bundles
    loaded = {one: TriageBundle.load(root / one, encoder_root) for one in ids}
    return {(one, text): bundle.predict([Ticket(text)])[0] for one, bundle in loaded.items() for text in ASKED}


def test_the_bundles_answer_so_differently_that_no_answer_can_be_taken_for_another_s(
    bundles: tuple[Path, list[str]], expected: dict[tuple[str, str], dict[str, TargetPrediction]]
) -> None:
    for text in ASKED:
        for one, other in combinations(bundles[1], 2):
            assert not _is_answer(_probabilities(expected[one, text]), expected[other, text], 0.01), (text, one, other)


def test_twenty_swaps_under_load_lose_no_request_and_mix_no_versions(
    bundles: tuple[Path, list[str]],
    expected: dict[tuple[str, str], dict[str, TargetPrediction]],
    encoder_root: Path,
    tmp_path: Path,
) -> None:
    root, ids = bundles
    named = {version: ids[version % 3] for version in range(1, SWAPS + 2)}
    write_champion(root, _champion(1, named[1]))
    with running(root, tmp_path / "state", WORKERS, TICKET_ASSETS_SERVICE__ENCODERS=str(encoder_root)) as server:
        clients = [*(HttpClient(server.port, ASKED) for _ in range(3)), *_grpc_clients(server)]
        with asking(clients):
            for version in range(2, SWAPS + 2):
                write_champion(root, _champion(version, named[version]))
                _wait_until_all_take(server, clients, version, named[version])
                if version - 1 in SPOILED:
                    spoil, reason = SPOILED[version - 1]
                    _offer_spoiled(server, root, spoil(root), version, reason)
        assert [failure for client in clients for failure in client.failures] == []
        assert _told(server, "/healthz")["faults"] == []
        assert server.lines, "and each line of the log is JSON"
    answers = [one for client in clients for one in client.answers]
    _must_be_of_what_they_name(answers, named, expected)
    seen = Counter((one.transport, one.version) for one in answers)
    missed = {(how, version) for how in ("http", "http batch", "grpc") for version in named} - set(seen)
    assert not missed


def _grpc_clients(server: Server) -> list[Client]:
    return [GrpcClient(server.grpc_port, ASKED) for _ in range(2)]


def _must_be_of_what_they_name(
    answers: list[Told], named: dict[int, str], expected: dict[tuple[str, str], dict[str, TargetPrediction]]
) -> None:
    for one in answers:
        assert one.bundle == named[one.version]
        its = expected[one.bundle, one.text]
        assert _is_answer(one.probabilities, its, TOLERANCE), (one, its)
        assert one.bands == {target: wanted.band for target, wanted in its.items()}


def _is_answer(found: dict[str, dict[str, float]], its: dict[str, TargetPrediction], tolerance: float) -> bool:
    wanted = _probabilities(its)
    if {target: set(labels) for target, labels in found.items()} != {t: set(labels) for t, labels in wanted.items()}:
        return False
    return all(
        abs(share - wanted[target][label]) <= tolerance
        for target, labels in found.items()
        for label, share in labels.items()
    )


def _probabilities(its: dict[str, TargetPrediction]) -> dict[str, dict[str, float]]:
    return {target: dict(one.probabilities) for target, one in its.items()}


def _champion(version: int, bundle: str) -> Champion:
    return Champion(version, bundle, f"2026-01-{version % 28 + 1:02d}T00:00:00+00:00")


def _wait_until_all_take(server: Server, clients: list[Client], version: int, bundle: str) -> None:
    """Until each worker has said that it took the version, and each client was told it in each way that it asks."""
    until = time.monotonic() + FOLLOWED_SECONDS
    said = f"v{version} {bundle}: the champion changed"
    while server.said.count(said) < WORKERS or not all(_has_met(client, version) for client in clients):
        assert time.monotonic() < until, f"a worker does not follow to version {version}: {server.said[-2000:]}"
        assert all(client.is_alive() for client in clients)
        time.sleep(0.05)


def _has_met(client: Client, version: int) -> bool:
    return client.transports <= {one.transport for one in client.answers[-200:] if one.version == version}


def _offer_spoiled(server: Server, root: Path, bundle: str, seated: int, reason: str) -> None:
    """Each worker refuses it and says why; the one that was seated answers on."""
    write_champion(root, _champion(100 + seated, bundle))
    until = time.monotonic() + FOLLOWED_SECONDS
    while server.said.count(f'"v{100 + seated} {bundle}: ') < WORKERS:
        assert time.monotonic() < until, f"a worker did not look at {bundle}: {server.said[-2000:]}"
        time.sleep(0.05)
    info = _told(server, "/info")
    assert (info["status"], info["model_version"]) == ("degraded", seated)
    [fault] = info["faults"]
    assert bundle in fault
    assert reason in fault


def test_a_champion_that_is_damaged_is_refused_by_every_worker_and_the_one_before_answers_on(
    store: ToyStore, tmp_path: Path
) -> None:
    store.crown(1)
    with running(store.root, tmp_path / "state") as server:
        champion = store.crown(2, act=0.9)
        (store.root / champion.bundle / "tone" / "model.json").unlink()
        until = time.monotonic() + 60
        while (health := _told(server, "/healthz"))["status"] == "ok":
            assert time.monotonic() < until
        assert health["model_version"] == 1
        [fault] = health["faults"]
        assert fault["code"] == "champion_refused"
        [reason] = _told(server, "/info")["faults"]
        assert "model.json is missing" in reason


def _told(server: Server, path: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", path)
    told: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return told
