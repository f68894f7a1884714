"""Similar tickets of the table that the line fills: all solved ones, as they are now; else those of the bundle."""

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pandas as pd
import pytest

from ticket_assets.features.encoder import OnnxEncoder
from ticket_assets.features.erasure import erase_vectors
from ticket_assets.features.vectors import nearest_rows
from ticket_assets.serving import solved
from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets.serving.endpoint import similar
from ticket_assets.serving.endpoint.engine import BundlePlace, Engine
from ticket_assets.serving.endpoint.office import Office
from ticket_assets.serving.endpoint.settings import SimilarSettings
from ticket_assets.serving.endpoint.similar import SimilarTickets
from ticket_assets.serving.endpoint.switch import ActingSwitch
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.probe import requested
from ticket_assets.serving.relatives import NoIndexError
from ticket_assets.tables import write_parquet
from ticket_assets_tests.line import Line
from ticket_assets_tests.serving.conftest import toy_fields, toy_model
from ticket_assets_tests.serving.endpoint.partly_trained import Trained, train_on_some
from ticket_assets_tests.serving.endpoint.server import running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(finished_line: Line, encoder: OnnxEncoder, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train_on_some(finished_line, encoder, tmp_path_factory.mktemp("similar") / "bundles")


@pytest.fixture
def settings(trained: Trained, tmp_path: Path) -> SimilarSettings:
    """Copies of what the line made, which a test may change."""
    vectors, tickets = tmp_path / "lancedb", tmp_path / "clean.parquet"
    shutil.copytree(trained.line.folders.vectors, vectors)
    shutil.copy(trained.line.folders.parquet / "tickets" / "clean.parquet", tickets)
    return SimilarSettings(vectors=vectors, tickets=tickets)


def test_those_of_the_table_are_the_nearest_of_all_solved_tickets_with_their_labels(
    trained: Trained, settings: SimilarSettings
) -> None:
    ticket = trained.ticket(len(trained.clean) - 3)
    found = SimilarTickets(settings).nearest(trained.bundle, ticket, 10)
    expected = [one for one in trained.nearest(ticket) if trained.labels(one)][:10]
    assert [one.ticket_id for one in found] == expected
    assert [one.labels for one in found] == [trained.labels(one) for one in expected]
    assert found[0].similarity == pytest.approx(1, abs=1e-5)
    place = {one: row for row, one in enumerate(trained.clean["ticket_id"])}
    vector = trained.bundle.vector(ticket)
    cosines = [float(trained.vectors[place[one]] @ vector) for one in expected]
    assert [one.similarity for one in found] == pytest.approx(cosines, abs=1e-5)
    theirs = {one.ticket_id for one in trained.bundle.similar(ticket, 50)}
    assert not {*expected} <= theirs, "the bundle was not trained on all of them"


def test_where_no_table_is_named_the_bundle_s_own_index_answers(trained: Trained) -> None:
    ticket = trained.ticket(len(trained.clean) - 3)
    found = SimilarTickets()
    assert found.nearest(trained.bundle, ticket, 7) == trained.bundle.similar(ticket, 7)
    assert found.fault is None


def test_tickets_without_a_label_are_not_solved_and_make_room_for_the_next(
    trained: Trained, settings: SimilarSettings
) -> None:
    ticket, clean = trained.ticket(5), trained.clean.copy()
    order = trained.nearest(ticket)
    unlabelled = clean["ticket_id"].isin(order[:40])
    clean.loc[unlabelled, ["label_queue", "label_priority"]] = None
    clean.loc[clean["ticket_id"] == order[40], "label_queue"] = None
    assert settings.tickets is not None
    write_parquet(settings.tickets, clean)
    found = SimilarTickets(settings).nearest(trained.bundle, ticket, 3)
    assert [one.ticket_id for one in found] == order[40:43]
    assert "queue" not in found[0].labels
    every = SimilarTickets(settings).nearest(trained.bundle, ticket, 1000)
    assert len(every) == len(clean) - 40


def test_an_erased_ticket_is_found_no_more_by_who_had_opened_the_table_before(
    trained: Trained, settings: SimilarSettings
) -> None:
    """`make erase` takes it from the table first and from the Parquet file later: either is enough."""
    ticket, found = trained.ticket(5), SimilarTickets(settings)
    first, second, third = (one.ticket_id for one in found.nearest(trained.bundle, ticket, 3))
    assert settings.vectors is not None and settings.tickets is not None
    erase_vectors(settings.vectors, {first})
    assert [one.ticket_id for one in found.nearest(trained.bundle, ticket, 2)] == [second, third]
    write_parquet(settings.tickets, trained.clean[trained.clean["ticket_id"] != second])
    assert [one.ticket_id for one in found.nearest(trained.bundle, ticket, 1)] == [third]
    assert found.fault is None


def test_who_asks_while_tickets_are_erased_meets_no_fault(trained: Trained, settings: SimilarSettings) -> None:
    ticket, found, ending = trained.ticket(5), SimilarTickets(settings), threading.Event()
    order = [one.ticket_id for one in found.nearest(trained.bundle, ticket, 8)]
    wrong: list[object] = []

    def ask() -> None:
        while not ending.is_set():
            told = {one.ticket_id for one in found.nearest(trained.bundle, ticket, 8)}
            if len(told) != 8 or (fault := found.fault):
                wrong.append((told, fault))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for gone in order[:6]:
            assert settings.vectors is not None
            assert erase_vectors(settings.vectors, {gone}) == 1
            assert gone not in {one.ticket_id for one in found.nearest(trained.bundle, ticket, 8)}
    finally:
        ending.set()
        asking.join()
    assert wrong == []


def test_a_reading_that_fails_once_is_tried_again_and_one_that_fails_twice_is_a_fault(
    trained: Trained, settings: SimilarSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a look at the table's version and the reading of its files, an erasure may have replaced them."""
    ticket, found = trained.ticket(len(trained.clean) - 3), SimilarTickets(settings)
    expected, read = found.nearest(trained.bundle, ticket, 10), nearest_rows
    left: list[Exception] = []

    def failing(table: object, vector: np.ndarray, k: int) -> list[tuple[str, float]]:
        if left:
            raise left.pop()
        return read(table, vector, k)

    monkeypatch.setattr(solved, "nearest_rows", failing)
    left[:] = [RuntimeError("lance error: Not found")]
    assert found.nearest(trained.bundle, ticket, 10) == expected
    assert found.fault is None
    left[:] = [RuntimeError("lance error: Not found")] * 2
    assert found.nearest(trained.bundle, ticket, 10) == trained.bundle.similar(ticket, 10)
    assert str(found.fault).endswith("lance error: Not found")


@pytest.fixture
def office(trained: Trained, tmp_path: Path) -> Callable[[SimilarTickets], Office]:
    engine = Engine([BundlePlace(trained.root, trained.line.folders.encoders)])
    engine.start()
    log = PredictionLog.open(PredictionLogSettings(folder=tmp_path / "log"))
    log.close()
    return lambda found: Office(engine, log, ActingSwitch(tmp_path / "acting.json"), found)


def test_a_table_of_another_encoder_is_refused_by_name_and_the_bundle_answers_until_it_has_ours(
    trained: Trained,
    settings: SimilarSettings,
    office: Callable[[SimilarTickets], Office],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = trained.bundle.manifest.encoder["id"] if trained.bundle.manifest.encoder else ""
    assert settings.vectors is not None
    mine, other = (settings.vectors / f"tickets-{one}.lance" for one in (ours, "onnx-0123456789ab"))
    mine.rename(other)
    ticket, found = trained.ticket(5), SimilarTickets(settings)
    found.look(trained.bundle)
    [fault] = [one.message for one in office(found).faults() if one.code == "similar_table"]
    assert f"the model asks {ours}" in fault
    assert fault.endswith("has no vectors of " + ours + ", but of onnx-0123456789ab")
    assert found.nearest(trained.bundle, ticket, 4) == trained.bundle.similar(ticket, 4)
    other.rename(mine)
    found.look(trained.bundle)
    assert found.fault == fault, "tried again only after a while"
    monkeypatch.setattr(similar, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(time, "monotonic", lambda: float("inf"))
    found.look(trained.bundle)
    assert found.fault is None
    assert len(found.nearest(trained.bundle, ticket, 50)) == 50


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda its: its.tickets.unlink(), "clean.parquet"),
        (lambda its: its.tickets.write_bytes(b"PAR1"), "clean.parquet"),
        (
            lambda its: write_parquet(its.tickets, pd.DataFrame({"ticket_id": ["a"]})),
            "has no labels of priority, queue",
        ),
        (lambda its: shutil.rmtree(its.vectors), "has no vectors of"),
    ],
)
@pytest.mark.parametrize("opened_before", [False, True])
def test_a_table_or_labels_that_cannot_be_read_leave_the_answer_to_the_bundle(
    trained: Trained,
    settings: SimilarSettings,
    spoil: Callable[[SimilarSettings], object],
    said: str,
    opened_before: bool,
) -> None:
    ticket, found = trained.ticket(5), SimilarTickets(settings)
    if opened_before:
        found.look(trained.bundle)
        assert found.fault is None
    spoil(settings)
    assert found.nearest(trained.bundle, ticket, 4) == trained.bundle.similar(ticket, 4)
    fault = found.fault
    assert fault
    assert opened_before or said in fault


def test_where_lancedb_is_not_installed_the_fault_says_how_to_install_it(
    trained: Trained, settings: SimilarSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lancedb", None)
    ticket, found = trained.ticket(5), SimilarTickets(settings)
    assert found.nearest(trained.bundle, ticket, 4) == trained.bundle.similar(ticket, 4)
    fault = found.fault
    assert fault
    assert fault.endswith("lancedb is not installed: pip install lancedb (or ticket-assets[lancedb])")


def test_a_disk_that_hangs_holds_up_one_who_asks_for_a_while_and_nobody_else(
    trained: Trained, settings: SimilarSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar, "OPENING_SECONDS", 0.5)
    opened, entered, gate = solved.SolvedTickets.open, threading.Event(), threading.Event()

    def hanging(*its: Any) -> solved.SolvedTickets:
        entered.set()
        assert gate.wait(60)
        return opened(*its)

    monkeypatch.setattr(solved.SolvedTickets, "open", hanging)
    ticket, found = trained.ticket(len(trained.clean) - 3), SimilarTickets(settings)
    of_bundle = trained.bundle.similar(ticket, 10)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(found.nearest, trained.bundle, ticket, 10)
        assert entered.wait(20)
        assert found.nearest(trained.bundle, ticket, 10) == of_bundle
        try:
            assert first.result(20) == of_bundle
            assert str(found.fault).endswith("was not open after 0.5 s")
        finally:
            gate.set()
    while found.fault:
        time.sleep(0.01)
    assert found.nearest(trained.bundle, ticket, 10) != of_bundle, "the table, now that the disk has answered"


def test_a_champion_without_sentence_vectors_asks_no_table(tmp_path: Path, settings: SimilarSettings) -> None:
    made = write_bundle(tmp_path / "bundles", [toy_model()], toy_fields(), "a toy")
    bundle, found = TriageBundle.load(tmp_path / "bundles" / made.id, tmp_path), SimilarTickets(settings)
    with pytest.raises(NoIndexError, match=r"no model of this bundle uses sentence vectors$"):
        found.nearest(bundle, Ticket("help"), 4)
    assert found.fault is None


def test_the_running_service_tells_those_of_the_table_over_http_and_grpc(
    trained: Trained, settings: SimilarSettings, tmp_path: Path
) -> None:
    ticket = trained.ticket(len(trained.clean) - 3)
    expected = SimilarTickets(settings).nearest(trained.bundle, ticket, 5)
    named = {f"TICKET_ASSETS_SERVICE__SIMILAR__{name.upper()}": str(path) for name, path in settings}
    named["TICKET_ASSETS_SERVICE__ENCODERS"] = str(trained.line.folders.encoders)
    asked = {"body": ticket.body, "limit": 5}
    with running(trained.root, tmp_path / "state", **named) as server:
        answer = requested_json(server.port, "/similar", asked)
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            called = TriageStub(channel).Similar(pb.SimilarRequest(**asked))
        health = requested_json(server.port, "/healthz")
        assert server.lines, "and each line of the log is JSON"
    assert (health["status"], health["faults"]) == ("ok", [])
    assert answer["bundle"] == called.bundle == trained.bundle.manifest.id
    over_http = [(one["ticket_id"], one["labels"]) for one in answer["tickets"]]
    over_grpc = [(one.ticket_id, dict(one.labels)) for one in called.tickets]
    assert over_http == over_grpc == [(one.ticket_id, one.labels) for one in expected]
    assert [one["similarity"] for one in answer["tickets"]] == [one.similarity for one in called.tickets]


def requested_json(port: int, path: str, body: object = None) -> dict:
    status, said = requested(port, "POST" if body else "GET", path, json.dumps(body) if body else None)
    assert status == 200, said
    read: dict = json.loads(said)
    return read
