"""A promotion in a running service: two real workers that follow a store, asked whether they have it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from ticket_assets.monitoring_settings import RolloutSettings
from ticket_assets.serving.access.keys import add_key, new_key
from ticket_assets.serving.probe import free_port
from ticket_assets.serving.rollout import RolloutError, roll_out
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets_tests.serving.endpoint.conftest import ToyStore, _written
from ticket_assets_tests.serving.endpoint.server import running

__all__ = ["_written"]  # a fixture, found by name
pytestmark = pytest.mark.slow
TAG = "ticket-assets-tiny:v2-abc"


@dataclass(frozen=True)
class Desk:
    """A service of two workers, its store, and keys of two scopes."""

    store: ToyStore
    url: str
    admin: str
    reader: str

    def settings(self, way: str, **more: object) -> RolloutSettings:
        told = {"way": way, "url": self.url, "wait_seconds": 20, **more}
        return RolloutSettings.model_validate(told)


@pytest.fixture(scope="module")
def desk(_written: ToyStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("rollout")
    made = []
    for name, scopes in (("deployer", ["admin"]), ("reader", ["predict"])):
        key, kept = new_key(name, scopes, datetime.now(UTC))
        add_key(folder / "keys.json", kept)
        made.append(key)
    _written.crown(1)
    variables = {"TICKET_ASSETS_ACCESS__AUTH": "keys", "TICKET_ASSETS_ACCESS__KEYS_FILE": str(folder / "keys.json")}
    with running(_written.root, folder / "state", workers=2, **variables) as server:
        yield Desk(_written, f"http://127.0.0.1:{server.port}/", *made)


def test_workers_follow_the_pointer_and_are_asked_until_all_answer_with_the_champion(desk: Desk) -> None:
    champion = desk.store.crown(2, act=0.9)
    done = roll_out(desk.settings("pointer"), champion, TAG)
    assert done.confirmed
    assert done.words == f"pointer; 10 answers in a row name v2, bundle {champion.bundle}"


def test_a_reload_tells_them_to_look(desk: Desk) -> None:
    champion, said = desk.store.crown(3, act=0.7), []
    done = roll_out(desk.settings("reload", key=SecretStr(desk.admin)), champion, TAG, said.append)
    assert done.confirmed and done.way == "reload"
    assert said[0].startswith("reload: ")


def test_a_command_gets_the_bento_s_tag_and_is_waited_for(desk: Desk, tmp_path: Path) -> None:
    champion = desk.store.crown(4, act=0.9)
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2]); print('rolled')"
    command = (sys.executable, "-c", script, str(tmp_path / "told"), "image={tag}")
    said: list[str] = []
    assert roll_out(desk.settings("command", command=command), champion, TAG, said.append).confirmed
    assert (tmp_path / "told").read_text() == f"image={TAG}"
    assert "ended with 0:\nrolled" in said[0]


def test_a_service_that_stays_where_it_is_fails_the_roll_out_and_is_named(desk: Desk) -> None:
    """The store that it follows is another one, or the bundle was refused."""
    elsewhere = Champion(9, "f" * 16, "2026-01-09T00:00:00+00:00")
    with pytest.raises(RolloutError, match=r"did not come to v9, bundle f{16} within 1 s: it answers with v4, bundle"):
        roll_out(desk.settings("pointer", wait_seconds=1), elsewhere, TAG)


def test_a_key_without_the_scope_is_said_and_does_not_stand_in_the_error(desk: Desk) -> None:
    champion = desk.store.crown(4, act=0.9)
    with pytest.raises(RolloutError, match=r"refuses monitoring.rollout.key \(403\): it needs scope admin") as caught:
        roll_out(desk.settings("reload", key=SecretStr(desk.reader)), champion, TAG)
    assert desk.reader not in str(caught.value)


def test_a_bundle_that_the_service_refuses_fails_the_roll_out(desk: Desk) -> None:
    before = desk.store.crown(4, act=0.9)
    broken = Champion(5, "0" * 16, "2026-01-05T00:00:00+00:00")
    write_champion(desk.store.root, broken)
    try:
        with pytest.raises(RolloutError, match=r"/reload answered 409: "):
            roll_out(desk.settings("reload", key=SecretStr(desk.admin)), broken, TAG)
    finally:
        write_champion(desk.store.root, before)


CHAMPION = Champion(1, "a" * 16, "2026-01-01T00:00:00+00:00")


def test_without_an_address_nobody_is_asked_and_it_is_said() -> None:
    done = roll_out(RolloutSettings(), CHAMPION, TAG)
    assert not done.confirmed
    assert done.words == "pointer; no monitoring.rollout.url is set, so nobody was asked whether it arrived"


def test_a_service_that_is_not_there_is_named() -> None:
    settings = RolloutSettings(url=f"http://127.0.0.1:{free_port()}", wait_seconds=0.5)
    with pytest.raises(RolloutError, match="ConnectionRefusedError"):
        roll_out(settings, CHAMPION, TAG)


@pytest.mark.parametrize("way", [{"way": "pointer"}, {"way": "reload", "key": "an admin's"}])
def test_a_first_roll_out_to_an_address_where_nobody_listens_waits_and_says_what_to_start(way: dict[str, str]) -> None:
    """A first `make run` waited two minutes for a service that nobody had started, and failed."""
    url = f"http://127.0.0.1:{free_port()}"
    done = roll_out(RolloutSettings.model_validate({"url": url, **way}), CHAMPION, TAG, known=False)
    assert done.waiting and not done.confirmed and done.seconds < 5
    assert done.words == (
        f"nobody answers at {url}: the bento {TAG} is built; start the service with make serve (it takes the champion "
        "by itself), or materialise serving/deployment when it runs"
    )


def test_a_first_roll_out_to_a_name_that_is_not_there_yet_waits_too() -> None:
    """A container that was not started has no name."""
    done = roll_out(RolloutSettings(url="http://triage.invalid:3000"), CHAMPION, TAG, known=False)
    assert done.waiting and "nobody answers at http://triage.invalid:3000" in done.words


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"way": "reload"}, "needs monitoring.rollout.url and monitoring.rollout.key"),
        # The command brings the service there: who is refused at first waits for it.
        ({"way": "command", "command": (sys.executable, "-c", "")}, "ConnectionRefusedError"),
    ],
)
def test_a_first_roll_out_that_fails_for_another_reason_fails(more: dict[str, object], words: str) -> None:
    told = {"url": f"http://127.0.0.1:{free_port()}", "wait_seconds": 0.5, **more}
    with pytest.raises(RolloutError, match=words.replace(".", r"\.")):
        roll_out(RolloutSettings.model_validate(told), CHAMPION, TAG, known=False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (RolloutSettings(way="reload"), "needs monitoring.rollout.url and monitoring.rollout.key"),
        (RolloutSettings(way="command"), "needs monitoring.rollout.command"),
        (RolloutSettings(way="command", command=("no-such-program",)), "there is no program no-such-program"),
        (
            RolloutSettings(way="command", command=(sys.executable, "-c", "import sys; sys.exit('no cluster')")),
            "ended with 1:\nno cluster",
        ),
    ],
)
def test_what_is_missing_or_fails_is_said_with_what_to_mend(settings: RolloutSettings, words: str) -> None:
    with pytest.raises(RolloutError, match=words.replace(".", r"\.")):
        roll_out(settings, CHAMPION, TAG)


@pytest.mark.parametrize(
    "url",
    ["localhost:3000", "127.0.0.1", "//host:3000", "ftp://host", "http://", "http://host:port", "http://host:99999"],
)
def test_an_address_that_cannot_be_asked_is_refused_with_its_field_its_value_and_what_to_write(url: str) -> None:
    """`localhost:3000` has the scheme `localhost`: port 80 of localhost was asked, for two minutes."""
    with pytest.raises(ValidationError) as caught:
        RolloutSettings(url=url)
    said = str(caught.value)
    assert f"rollout.url = {url!r}" in said
    assert "write http:// or https://, host and port, such as http://localhost:3000" in said


@pytest.mark.parametrize("url", [None, "http://localhost:3000", "https://desk.example/triage", "http://[::1]:3000"])
def test_an_address_with_scheme_and_host_is_taken(url: str | None) -> None:
    assert RolloutSettings(url=url).url == url
