"""The examples: what they print of a served bento, in the shape that README.md shows, and what they say where one is
missing.

README's output is true of the demo on the day that it was taken; here its shape is held: the same lines, the same keys.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.serving.access.keys import add_key, new_key
from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.bento import bento_tag
from ticket_assets.serving.probe import free_port, served
from ticket_assets_tests.line import PROFILE
from ticket_assets_tests.serving.conftest import Served

PROJECT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "ask.py": [sys.executable, "examples/ask.py"],
    "ask_grpc.py": [sys.executable, "examples/ask_grpc.py"],
    "ask.sh": ["examples/ask.sh"],
}
ANSWERED = re.compile(r"(\w+): (\S.*) \(([01]\.\d\d)\), (act|suggest|by_hand)")


@dataclass(frozen=True)
class Site:
    """A served bento: where it answers, and keys for all that the examples ask, and for nothing of it."""

    http: str
    grpc: str
    key: str
    other: str

    def place(self, example: str) -> str:
        return self.grpc if example == "ask_grpc.py" else self.http


@pytest.fixture(scope="module")
def site(served_line: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The line's bento as `make serve` serves it: closed, over HTTP and gRPC."""
    file, address = tmp_path_factory.mktemp("access") / "keys.json", f"127.0.0.1:{free_port()}"
    made = []
    for name, scopes in (("me", {Scope.PREDICT, Scope.FEEDBACK}), ("ops", {Scope.ADMIN})):
        key, kept = new_key(name, frozenset(scopes), datetime.now(UTC))
        add_key(file, kept)
        made.append(key)
    variables = {
        "TICKET_ASSETS_ACCESS__AUTH": "keys",
        "TICKET_ASSETS_ACCESS__KEYS_FILE": str(file),
        "TICKET_ASSETS_SERVICE__GRPC__ADDRESS": address,
    }
    tag = bento_tag(PROFILE, served_line.champion)
    with served(served_line.line.folders.bentos, tag, variables=variables) as port:
        yield Site(f"http://127.0.0.1:{port}", address, *made)


def run(example: str, place: str, key: str | None) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "TICKET_ASSETS_KEY"}
    environment |= {"TICKET_ASSETS_KEY": key} if key is not None else {}
    command = [*COMMANDS[example], place]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)


def shown(example: str) -> str:
    """What README.md shows of an example: all between its command and the next one, or the end of the block."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    [found] = re.findall(rf"^\$ \S*(?: ?examples/){re.escape(example)}\b.*\n((?:(?!\$ |```).*\n)+)", text, re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("example", ["ask.py", "ask_grpc.py"])
def test_the_python_clients_print_the_lines_that_the_readme_shows(
    site: Site, served_line: Served, example: str
) -> None:
    ran = run(example, site.place(example), site.key)
    assert (ran.returncode, ran.stderr) == (0, "")
    *told, last = ran.stdout.splitlines() if example == "ask.py" else [*ran.stdout.splitlines(), ""]
    answers = [ANSWERED.fullmatch(line) for line in told]
    assert {one[1]: one[2] in served_line.manifest.targets[one[1]] for one in answers if one} == dict.fromkeys(
        served_line.manifest.targets, True
    )
    *in_readme, last_shown = shown(example).splitlines() if example == "ask.py" else [*shown(example).splitlines(), ""]
    assert in_readme
    assert all(ANSWERED.fullmatch(line) for line in in_readme)
    assert last == last_shown
    assert last in ("feedback accepted", "")


def test_http_and_grpc_give_the_same_answer_and_the_readme_shows_it(site: Site) -> None:
    by_http, by_grpc = (run(one, site.place(one), site.key).stdout.splitlines() for one in ("ask.py", "ask_grpc.py"))
    assert sorted(by_http[:-1]) == by_grpc
    assert sorted(shown("ask.py").splitlines()[:-1]) == shown("ask_grpc.py").splitlines()


def test_curl_gets_the_object_that_the_readme_shows(site: Site) -> None:
    ran = run("ask.sh", site.http, site.key)
    assert (ran.returncode, ran.stderr) == (0, "")
    answer, in_readme = json.loads(ran.stdout), json.loads(re.sub(r",\s*…|…\s*(?=[\]}])", "", shown("ask.sh")))
    assert shape(in_readme) == shape(answer)


def shape(answer: dict[str, Any]) -> dict[str, Any]:
    """Names and kinds of an answer's parts, in their order; of targets and labels, whose names differ, any one."""

    def kinds(one: dict[str, Any]) -> dict[str, str]:
        return {name: type(value).__name__ for name, value in one.items()}

    targets = [kinds(one) for one in answer["targets"].values()]
    assert all(one == targets[0] for one in targets)
    [*likeliest] = [kinds(one) for target in answer["targets"].values() for one in target["top"]]
    return {**kinds(answer), "targets": targets[0], "top": likeliest[0], "order": [*answer, *targets[0], *likeliest[0]]}


@pytest.mark.parametrize("example", COMMANDS)
def test_without_a_server_an_example_says_so_in_a_line_with_the_command(example: str) -> None:
    """It was a stack trace."""
    port = free_port()
    ran = run(example, f"127.0.0.1:{port}" if example == "ask_grpc.py" else f"http://127.0.0.1:{port}", "ta_x")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert re.fullmatch(rf"no service answers at \S*127.0.0.1:{port} \(.+\): `make serve` starts it\n", ran.stderr)


@pytest.mark.parametrize("example", COMMANDS)
@pytest.mark.parametrize("key", [None, ""], ids=["unset", "empty"])
def test_without_a_key_an_example_says_so_in_a_line_with_the_command(site: Site, example: str, key: str | None) -> None:
    ran = run(example, site.place(example), key)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "TICKET_ASSETS_KEY is not set: `make keys ARGS='add --name me --scopes predict,feedback'` prints a key\n"
    )


@pytest.mark.parametrize("example", COMMANDS)
def test_a_key_that_is_refused_is_told_with_the_service_s_words(site: Site, example: str) -> None:
    ran = run(example, site.place(example), site.other)
    assert (ran.returncode, ran.stdout) == (2, "")
    [line] = ran.stderr.splitlines()
    assert re.match(r"the service refused (/predict \(403\)|Predict \(PERMISSION_DENIED\)): .*scope", line)
    assert site.other not in line
