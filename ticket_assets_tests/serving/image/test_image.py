"""The image of a champion: what is in it, who runs it, what it answers, how it ends. Each asked of a real container."""

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ticket_assets.serving.bento import PROJECT
from ticket_assets.serving.contract import triage_v1_pb2 as pb
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
from ticket_assets.serving.probe import TOLERANCE, largest_gap
from ticket_assets_tests.serving.conftest import Served
from ticket_assets_tests.serving.image.conftest import Keyed
from ticket_assets_tests.serving.image.engine import podman, running
from ticket_assets_tests.serving.test_bento import HEAVY
from ticket_assets_tests.test_imports import TRAINING_SIDE, make_store

pytestmark = [pytest.mark.podman, pytest.mark.slow]

LARGEST = 1_000_000_000
USER = 1034


def posted(port: int, path: str, key: str | None, **fields: Any) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}
        connection.request("POST", path, json.dumps(fields), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def required() -> set[str]:
    """Names of the packages that the image should have."""
    names = set()
    for file in ("serve.txt", "image.txt"):
        lines = (PROJECT / "requirements" / file).read_text().splitlines()
        for one in (Requirement(line) for line in lines if line and line[0] not in "# "):
            if one.marker is None or one.marker.evaluate():
                names.add(canonicalize_name(one.name))
    return names


def test_the_image_has_what_serving_requires_and_nothing_of_the_training_side(keyed: Keyed) -> None:
    installed = {
        canonicalize_name(name)
        for name in keyed.container.python(
            "import json; from importlib.metadata import distributions as d; print(json.dumps([o.name for o in d()]))"
        )
    }
    assert installed == required() - {"uv", "xgboost"}
    assert not installed & HEAVY
    assert not [name for name in installed if name.startswith("nvidia-nccl")]


def test_the_service_in_the_image_loads_nothing_of_the_training_side(keyed: Keyed) -> None:
    code = "import json, sys; sys.path.insert(0, '/app/bento/src'); import service; print(json.dumps([*sys.modules]))"
    loaded = {name.partition(".")[0] for name in keyed.container.python(code)}
    assert {"service", "bentoml", "ticket_assets"} <= loaded
    assert not loaded & TRAINING_SIDE


def test_every_library_that_a_champion_may_answer_with_loads(keyed: Keyed) -> None:
    """LightGBM's wheel has no OpenMP in it, and python:slim neither."""
    code = (
        "import json, lightgbm, xgboost, onnxruntime, tokenizers, scipy.sparse, lingua, snowballstemmer, psycopg2; "
        "print(json.dumps([lightgbm.__version__, xgboost.__version__, xgboost.build_info()['USE_CUDA']]))"
    )
    *versions, gpu = keyed.container.python(code)
    assert all(versions)
    assert gpu is False


def test_a_champion_of_xgboost_answers_in_the_image_as_outside(image: str, tmp_path: Path) -> None:
    """The image has another build of it, under another name: a check of versions by name refused the champion."""
    store = make_store(tmp_path / "store", "xgboost")
    code = (
        "import json, sys; from pathlib import Path; from ticket_assets.serving.store import require_champion; "
        "from ticket_assets.serving.bundle import TriageBundle; from ticket_assets.serving.prediction import Ticket; "
        "root = Path(sys.argv[1]); bundle = TriageBundle.load(root / require_champion(root).bundle, root); "
        "print(json.dumps(bundle.predict([Ticket('help', 'printer')])[0]['queue'].probabilities))"
    )
    path = ["--env", "PYTHONPATH=/app/bento/src", "--entrypoint", "python"]
    inside = json.loads(podman("run", "--rm", "-v", f"{store}:/store:ro", *path, image, "-c", code, "/store"))
    outside = json.loads(subprocess.check_output([sys.executable, "-c", code, store], cwd=PROJECT, text=True))
    assert inside == pytest.approx(outside, abs=TOLERANCE)


def test_the_image_has_no_compiler_and_no_cache_and_is_small(keyed: Keyed) -> None:
    code = (
        "import json, os, shutil; print(json.dumps([[o for o in ('cc', 'gcc', 'g++', 'make', 'uv') if shutil.which(o)],"
        "[o for o in ('/root/.cache', '/build', '/var/lib/apt/lists/partial') if os.path.exists(o)]]))"
    )
    assert keyed.container.python(code) == [[], []]
    size = int(podman("image", "inspect", keyed.image, "--format", "{{.Size}}"))
    print(f"image: {size / 1e6:.0f} MB")
    assert size < LARGEST


def test_the_service_is_nobody_and_can_write_its_state_alone(keyed: Keyed) -> None:
    code = """
import json, os
def writable(folder):
    try:
        open(os.path.join(folder, 'probe'), 'w').close()
        os.remove(os.path.join(folder, 'probe'))
        return True
    except OSError:
        return False
status = dict(line.split(':', 1) for line in open('/proc/1/status'))
print(json.dumps({
    'user': os.stat('/proc/1').st_uid, 'rights': status['CapEff'].strip(),
    'writable': [one for one in ('/', '/app', '/app/bento/src', '/etc', '/home', '/state', '/tmp') if writable(one)],
    'owned': [path for path, _, _ in os.walk('/app') if os.stat(path).st_uid != 0][:3],
}))
"""
    found = keyed.container.python(code)
    assert found == {"user": USER, "rights": "0" * 16, "writable": ["/state", "/tmp"], "owned": []}


def test_the_image_says_its_ports_its_user_by_number_and_its_probe(keyed: Keyed) -> None:
    said = json.loads(podman("image", "inspect", keyed.image))[0]
    assert set(said["Config"]["ExposedPorts"]) == {"3000/tcp", "50051/tcp"}
    assert said["User"] == f"{USER}:{USER}"
    assert set(said["Config"]["Volumes"]) == {"/state"}
    assert said["Healthcheck"]["Test"][0] == "CMD"


def test_held_out_tickets_are_answered_over_http_and_grpc_as_the_asset_computed_them(
    keyed: Keyed, served_line: Served
) -> None:
    ids, container = served_line.of_both_targets()[:20], keyed.container
    http_answers, grpc_answers = [], []
    with grpc.insecure_channel(f"127.0.0.1:{container.grpc_port}") as channel:
        for one in map(served_line.tickets.__getitem__, ids):
            context = {name: value for name, value in one.context.items() if value is not None}
            said = {"subject": one.subject, "body": one.body, "context": context}
            status, answer = posted(container.port, "/predict", keyed.key, **said)
            assert status == 200
            assert answer["bundle"] == served_line.champion.bundle
            http_answers.append(answer)
            told = TriageStub(channel).Predict(pb.Ticket(**said), timeout=60, metadata=[("x-api-key", keyed.key)])
            grpc_answers.append(
                {"targets": {name: {"probabilities": dict(it.probabilities)} for name, it in told.targets.items()}}
            )
    assert largest_gap(http_answers, served_line.expected(ids)) <= TOLERANCE
    assert largest_gap(grpc_answers, served_line.expected(ids)) <= TOLERANCE


def test_nobody_is_answered_without_a_key(keyed: Keyed) -> None:
    assert posted(keyed.container.port, "/predict", None, body="help")[0] == 401
    with grpc.insecure_channel(f"127.0.0.1:{keyed.container.grpc_port}") as channel, pytest.raises(grpc.RpcError) as no:
        TriageStub(channel).Predict(pb.Ticket(body="help"), timeout=60)
    assert no.value.code() == grpc.StatusCode.UNAUTHENTICATED  # type: ignore[attr-defined]


def test_the_probe_passes_while_the_service_answers_and_fails_where_nobody_listens(keyed: Keyed) -> None:
    container = keyed.container
    assert subprocess.run(["podman", "healthcheck", "run", container.id], check=False).returncode == 0
    probe = json.loads(podman("image", "inspect", keyed.image))[0]["Healthcheck"]["Test"][1:]
    elsewhere = ["podman", "exec", "--env", "BENTOML_PORT=1", container.id, *probe]
    assert subprocess.run(elsewhere, capture_output=True, check=False).returncode != 0


def test_a_worker_that_is_killed_is_replaced(keyed: Keyed) -> None:
    """With BENTOML_CONTAINERIZED BentoML replaces none: of several, the others answered alone from then on."""
    workers = """
import glob, json
found = []
for path in glob.glob('/proc/[0-9]*/cmdline'):
    try:
        if b'_bentoml_impl.worker.service' in open(path, 'rb').read().split(b'\\0'):
            found.append(int(path.split('/')[2]))
    except OSError:  # it has just ended
        pass
print(json.dumps(found))
"""
    [before] = keyed.container.python(workers)
    keyed.container.python(f"import os, json; os.kill({before}, 9); print(json.dumps(None))")
    deadline = time.monotonic() + 60
    while (now := keyed.container.python(workers)) in ([], [before]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    keyed.container.wait_until_ready()
    assert now != [before]
    assert posted(keyed.container.port, "/predict", keyed.key, body="help")[0] == 200


def test_a_container_that_is_stopped_ends_by_itself_and_the_next_one_knows_its_answers(image: str) -> None:
    """What is answered waits for a minute unless the stop writes it."""
    volume = podman("volume", "create")
    variables = {"TICKET_ASSETS_ACCESS__AUTH": "open", "TICKET_ASSETS_SERVICE__LOG__FLUSH_SECONDS": "60"}
    try:
        with running(image, volume=volume, **variables) as container:
            ids = [posted(container.port, "/predict", None, body=f"printer {one}")[1] for one in range(30)]
            podman("stop", "--time", "60", container.id)  # killed then, which would be 137
            assert container.state()["ExitCode"] == 0, container.log[-3000:]
        look = (
            "import json, pathlib, sqlite3; log = pathlib.Path('/state/log'); "
            "rows = sqlite3.connect(log / 'prediction_log.db').execute('select id from predictions').fetchall(); "
            "print(json.dumps([[row[0] for row in rows], [str(one) for one in log.glob('spool/*.journal')]]))"
        )
        told = podman("run", "--rm", "-v", f"{volume}:/state", "--entrypoint", "python", image, "-c", look)
        kept, journals = json.loads(told)
        assert sorted(kept) == sorted(one["prediction_id"] for one in ids)
        assert journals == []
        with running(image, volume=volume, **variables) as container:
            right = {target: answer["label"] for target, answer in ids[0]["targets"].items()}
            told = posted(container.port, "/feedback", None, prediction_id=ids[0]["prediction_id"], labels=right)
            assert told[0] == 200, told
    finally:
        podman("volume", "rm", "--force", volume)
