"""Faults under load, through the whole service: all that a client was told is kept is in the database, once."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.store import Champion, write_champion
from ticket_assets_tests.serving.endpoint.conftest import ToyStore
from ticket_assets_tests.serving.endpoint.server import Server, running
from ticket_assets_tests.serving.prediction_log.test_faults import fill
from ticket_assets_tests.serving.service.clients import (
    QUICK,
    Asker,
    answers,
    asking,
    failures,
    four,
    get,
    kept_once,
    nothing_lost,
)

pytestmark = pytest.mark.slow

PATIENCE = 60.0
STATE, URL = "TICKET_ASSETS_SERVICE__STATE", "TICKET_ASSETS_SERVICE__LOG__URL"


def health(server: Server, path: str = "/healthz") -> dict[str, Any]:
    status, said = get(server.port, path)
    assert status == 200  # tickets are answered, whatever is wrong
    told: dict[str, Any] = json.loads(said)
    return told


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


def go_on(askers: Sequence[Asker], number: int = 100) -> None:
    """Until so many more tickets were answered."""
    wanted = answers(askers) + number
    until(lambda: answers(askers) >= wanted, f"{number} more answers; {list(failures(askers).items())[:3]}")


@contextmanager
def under_load(server: Server, clients: Sequence[Asker] | None = None) -> Iterator[Sequence[Asker]]:
    """Four clients, or those that are given, ask until the block ends; none of their requests fails."""
    with asking(clients or four(server.port, server.grpc_port)) as askers:
        go_on(askers)
        yield askers
        go_on(askers)
    assert failures(askers) == {}


def test_postgres_may_stop_and_start_under_load_and_nothing_acknowledged_is_lost(
    store: ToyStore, server: Any, postgres: str, tmp_path: Path
) -> None:
    store.crown(1)
    with running(store.root, tmp_path / "state", **{URL: postgres}, **QUICK) as service:
        try:
            # Over HTTP alone: gRPC's threads do not go well with the fork that starts Postgres as another user.
            with under_load(service, four(service.port)) as askers:
                for _ in range(2):
                    server.stop()
                    until(lambda: health(service)["log"]["state"] == "down", "the log is down")
                    assert health(service)["status"] == "degraded"
                    go_on(askers, 300)
                    assert health(service)["log"]["backlog"] > 0
                    server.start()
                    until(lambda: health(service)["log"]["state"] == "up", "the log is up")
                    assert health(service)["status"] == "ok"
        finally:
            server.start()
        assert service.stop() == 0  # what waits is written first
    told = [one.told for one in askers]
    counted = kept_once(told, tmp_path / "state", postgres)
    assert nothing_lost(counted), counted
    assert counted["acknowledged"] == answers(askers)  # each answer had its id
    assert sum(len(one.feedback) for one in told) > 50
    print(counted)


def test_a_full_disk_costs_ids_not_answers_and_heals_by_itself(
    store: ToyStore, small_disk: Path, tmp_path: Path
) -> None:
    store.crown(1)
    url = f"sqlite:///{tmp_path}/log.db"
    with running(store.root, small_disk / "state", heard=tmp_path / "heard", **{URL: url}, **QUICK) as service:
        with under_load(service) as askers:
            ballast = fill(small_disk)
            until(lambda: sum(one.told.unlogged for one in askers) > 200, "answers without an id")
            # Now and then a segment is written to the database and makes room for one more record.
            until(lambda: "No space left" in str(health(service, "/info")["faults"]), "its info says so")
            ballast.unlink()
            until(lambda: health(service)["status"] == "ok", "it is well again")
            without = sum(one.told.unlogged for one in askers)
            go_on(askers)
            assert sum(one.told.unlogged for one in askers) == without
        assert service.stop() == 0
    counted = kept_once([one.told for one in askers], tmp_path, url)
    assert nothing_lost(counted), counted
    print(counted, {"without id": without, "corrections refused": sum(one.told.refused for one in askers)})


def test_corrupt_bundles_offered_under_load_are_refused_and_nobody_notices(store: ToyStore, tmp_path: Path) -> None:
    store.crown(1)
    good = [store.write(act) for act in (0.85, 0.9, 0.7)]
    with running(store.root, tmp_path / "state", 2, **QUICK) as service:
        with under_load(service) as askers:
            for version, damage in enumerate((truncated, emptied, missing, no_json), start=2):
                bundle = store.write(0.8 + version / 100)
                damage(store.root / bundle / "tone" / "model.json")
                write_champion(store.root, Champion(version, bundle, "2026-01-01T00:00:00+00:00"))
                refusals = 2 * (version - 1)
                until(partial(refused, service, refusals), "both workers refuse")
                go_on(askers)
                assert {version for one in askers for version in one.told.versions} == {1}
            write_champion(store.root, Champion(9, good[1], "2026-01-01T00:00:00+00:00"))
            until(lambda: 9 in {version for one in askers for version in one.told.versions}, "the good one answers")
        assert service.stop() == 0
    counted = kept_once([one.told for one in askers], tmp_path / "state")
    assert nothing_lost(counted), counted
    print(counted)


def refused(service: Server, times: int) -> bool:
    return service.said.count("the bundle offered was refused") >= times


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def missing(path: Path) -> None:
    path.unlink()


def no_json(path: Path) -> None:
    path.write_bytes(b"\x00\xff" * 500)


def test_two_services_on_one_sqlite_file_lose_nothing_and_write_nothing_twice(store: ToyStore, tmp_path: Path) -> None:
    store.crown(1)
    url = f"sqlite:///{tmp_path}/log.db"
    with (
        running(store.root, tmp_path / "one", **{URL: url}, **QUICK) as first,
        running(store.root, tmp_path / "two", **{URL: url}, **QUICK) as second,
        under_load(first) as of_first,
        under_load(second) as of_second,
    ):
        go_on(of_first, 500)
        go_on(of_second, 500)
    counted = kept_once([one.told for one in (*of_first, *of_second)], tmp_path, url)
    assert nothing_lost(counted), counted
    print(counted)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip(f"no file system may be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)
