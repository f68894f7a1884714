"""A/B: whose ticket it is depends on its id and the challenger alone, whoever is asked, and over what."""

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine, func, select

from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets.serving.endpoint.messages import Batch
from ticket_assets.serving.endpoint.runtime import Runtime
from ticket_assets.serving.endpoint.settings import ServiceSettings
from ticket_assets.serving.endpoint.sharing import arm_of
from ticket_assets.serving.endpoint.wire import told as in_grpc
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.shadows import arms_in, pairs_in
from ticket_assets.serving.prediction_log.tables import predictions, shadow_answers
from ticket_assets.serving.store import remove_challenger
from ticket_assets_tests.serving.endpoint.conftest import LOUD, ToyStore
from ticket_assets_tests.serving.endpoint.rivals import LONG_AGO, PATIENCE, ask, look, pairs, put_beside, write_deaf
from ticket_assets_tests.serving.endpoint.server import Server, running

SHARE = 0.4
IDS = [f"T-{number}" for number in range(30)]


def test_the_share_is_kept_within_what_chance_allows_and_a_larger_share_takes_no_ticket_back() -> None:
    ids = [f"INC-{number}" for number in range(20_000)]
    arms = {share: [arm_of(one, "b-1", share) for one in ids] for share in (0.05, 0.3, 0.5)}
    for share, its in arms.items():
        deviation = (its.count("challenger") - share * len(ids)) / (len(ids) * share * (1 - share)) ** 0.5
        assert abs(deviation) < 4, share
    for few, more in ((0.05, 0.3), (0.3, 0.5)):
        taken = [one for one, other in zip(arms[few], arms[more], strict=True) if one == "challenger"]
        kept = [1 for one, other in zip(arms[few], arms[more], strict=True) if one == other == "challenger"]
        assert len(taken) == len(kept)


def test_the_next_challenger_draws_other_tickets() -> None:
    arms = [[arm_of(one, salt, 0.5) for one in map(str, range(4000))] for salt in ("b-1", "b-2")]
    same = sum(one == other for one, other in zip(*arms, strict=True))
    assert 1800 < same < 2200


def test_the_same_ticket_has_the_same_arm_for_ever() -> None:
    """Values of today: another hash, or another order of its parts, would move tickets in the middle of a trial."""
    found = [arm_of(one, "bundle", 0.5) for one in ("T-1", "T-2", "T-3", "é", "\ud800")]
    assert found == ["challenger", "challenger", "champion", "challenger", "challenger"]


@pytest.mark.parametrize(("ticket_id", "share"), [(None, 0.9), ("", 0.9), ("T-1", 0.0)])
def test_without_an_id_or_a_share_no_ticket_is_shared_out(ticket_id: str | None, share: float) -> None:
    assert arm_of(ticket_id, "b-1", share) is None


def test_a_whole_share_is_every_ticket() -> None:
    assert {arm_of(str(number), "b-1", 1.0) for number in range(1000)} == {"challenger"}


@pytest.mark.parametrize("share", [0.0, SHARE])
def test_info_names_who_is_beside_the_champion_and_the_share_as_long_as_it_answers(
    beside: Callable[..., Runtime], store: ToyStore, share: float
) -> None:
    runtime = beside(challenger={"share": share})
    assert runtime.office.info().challenger is None
    rival = put_beside(store.root, write_deaf(store.root))
    look(runtime)
    told = runtime.office.info()
    assert told.challenger is not None and told.model_version == 1
    assert (told.challenger.model_version, told.challenger.bundle) == (2, rival.bundle)
    assert (told.challenger.since, told.challenger.share) == (rival.since, share)
    wired = in_grpc(told, pb.ServiceInfo).challenger
    assert (wired.model_version, wired.bundle, wired.share) == (2, rival.bundle, share)
    remove_challenger(store.root)
    look(runtime)
    gone = runtime.office.info()
    assert gone.challenger is None and not in_grpc(gone, pb.ServiceInfo).HasField("challenger")


def test_each_is_answered_and_logged_by_whose_ticket_it_is_alone_and_in_a_batch(
    beside: Callable[..., Runtime], store: ToyStore
) -> None:
    runtime = beside(challenger={"share": SHARE})
    rival = put_beside(store.root, write_deaf(store.root))
    look(runtime)
    whose = {one: arm_of(one, rival.bundle, SHARE) for one in IDS}
    assert {*whose.values()} == {"champion", "challenger"}
    bundles = {"challenger": rival.bundle, "champion": rival.against}
    alone = {one: ask(runtime, LOUD, one) for one in IDS}
    tickets = [{"body": LOUD, "id": one} for one in IDS]
    both = []
    for start in range(0, len(IDS), 10):
        rows = runtime.triage.predict_batch(Batch(tickets=tickets[start : start + 10]), "batch").rows
        both += [row.answer for row in rows if row.answer]
    for one, other in zip(alone.values(), both, strict=True):
        assert one.id is not None
        assert one.bundle == other.bundle == bundles[str(whose[one.id])]
        assert one.targets["tone"].label == ("quiet" if one.bundle == rival.bundle else "loud")
        assert one.targets == other.targets
    nameless = ask(runtime, LOUD)
    assert nameless.bundle == rival.against
    shadowed = {one.ticket for one in pairs(runtime, rival.against, rival.bundle)}
    assert shadowed == {one for one, arm in whose.items() if arm == "champion"} | {nameless.prediction_id}
    with store_of(runtime.settings.prediction_log) as engine:
        assert not its_own_shadows(engine), "nobody is in the shadow of itself"
        assert {one.ticket: one.arm for one in arms_in(engine, [rival.against], [rival.bundle], LONG_AGO)} == whose


def its_own_shadows(engine: Engine) -> int:
    """Shadow answers to tickets that the same bundle answered."""
    joined = shadow_answers.join(predictions, predictions.c.id == shadow_answers.c.prediction_id)
    query = select(func.count()).select_from(joined).where(predictions.c.bundle == shadow_answers.c.bundle)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one()


@pytest.mark.parametrize("share", [-0.1, 1.1, "much"])
def test_a_share_that_is_none_is_refused(share: object) -> None:
    with pytest.raises(ValueError, match=r"challenger\.share"):
        ServiceSettings.model_validate({"challenger": {"share": share}})


def test_two_workers_say_the_same_over_http_over_grpc_and_in_a_batch(store: ToyStore, tmp_path: Path) -> None:
    store.crown(1)
    rival = put_beside(store.root, write_deaf(store.root))
    share = {"TICKET_ASSETS_SERVICE__CHALLENGER__SHARE": str(SHARE), "TICKET_ASSETS_ACCESS__OPEN_METRICS": "true"}
    bundles = {"challenger": rival.bundle, "champion": rival.against}
    expected = {one: bundles[str(arm_of(one, rival.bundle, SHARE))] for one in IDS}
    with running(store.root, tmp_path / "state", 2, **share) as server:
        until = time.monotonic() + PATIENCE
        while server.said.count(f"{rival.bundle}: in the shadow of") < 2:
            assert time.monotonic() < until, server.said[-2000:]
            time.sleep(0.05)
        for _ in range(3):  # each connection may be another worker's
            assert _over_http(server) == expected
            assert _over_grpc(server) == expected
        assert _told(server, "/readyz", None) is not None
        text = _get(server, "/metrics")
        assert 'ticket_assets_role_answers_total{model_version="2",role="challenger"}' in text
    log = PredictionLogSettings(folder=tmp_path / "state" / "log")
    with store_of(log) as engine:
        arms = {one.ticket: one.arm for one in arms_in(engine, [rival.against], [rival.bundle], LONG_AGO)}
        assert {one: bundles[arm] for one, arm in arms.items()} == expected
        shadowed = {one.ticket for one in pairs_in(engine, [rival.against], [rival.bundle], LONG_AGO)}
        assert shadowed <= {one for one, bundle in expected.items() if bundle == rival.against}
        assert shadowed, "what the champion answered was scored in the shadow"


def _over_http(server: Server) -> dict[str, str]:
    found = {}
    for one in IDS:
        answer = _told(server, "/predict", {"body": LOUD, "id": one})
        found[one] = answer["bundle"]
    rows = _told(server, "/predict_batch", {"tickets": [{"body": LOUD, "id": one} for one in IDS]})["rows"]
    assert {row["answer"]["id"]: row["answer"]["bundle"] for row in rows} == found
    return found


def _over_grpc(server: Server) -> dict[str, str]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options) as channel:
        stub = TriageStub(channel)
        found = {one: stub.Predict(pb.Ticket(body=LOUD, id=one), timeout=PATIENCE).bundle for one in IDS}
        batch = stub.PredictBatch(pb.Batch(tickets=[pb.Ticket(body=LOUD, id=one) for one in IDS]), timeout=PATIENCE)
    assert {row.answer.id: row.answer.bundle for row in batch.rows} == found
    return found


def _told(server: Server, path: str, body: object) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request(
            "GET" if body is None else "POST", path, body and json.dumps(body), {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        said = response.read()
        assert response.status == 200, said
        return json.loads(said)
    finally:
        connection.close()


def _get(server: Server, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
