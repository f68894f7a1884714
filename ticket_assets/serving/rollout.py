"""Rolling a promotion out: the running service is brought to the champion, and is asked whether it is.

Belongs here: the three ways (pointer, reload, command), waiting for the service, saying what is wrong.
Does not belong here: building the bento (bento.py), how a worker swaps (endpoint/), which settings there are
(monitoring_settings.py).

`champion.json` is what every worker follows, so the pointer alone is a way. Asked is `/readyz`, which needs no key and
names version and bundle. A port may be shared by several workers: as many answers in a row, each by a connection of its
own, must name the champion.
"""

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ticket_assets.monitoring_settings import RolloutSettings
from ticket_assets.serving.store import Champion

IN_A_ROW = 10
PAUSE_SECONDS = 0.5
ASK_SECONDS = 10.0
KNOCK_SECONDS = 3.0
COMMAND_SECONDS = 1800.0
SHOWN = 2000  # characters of what a command said


class RolloutError(RuntimeError):
    """The champion was not rolled out; the message says what to mend."""


@dataclass(frozen=True)
class Rollout:
    """How it went.

    Attributes:
        way: pointer, reload or command.
        confirmed: whether the service said that it answers with the champion; False where no address is set.
        seconds: it took.
        words: a sentence.
        waiting: whether it is for a service that nobody started yet.
    """

    way: str
    confirmed: bool
    seconds: float
    words: str
    waiting: bool = False


def roll_out(
    settings: RolloutSettings,
    champion: Champion,
    tag: str,
    log: Callable[[str], object] = lambda line: None,
    known: bool = True,
) -> Rollout:
    """Roll a champion out by the configured way, and wait until the service says so, where its address is set.

    Args:
        settings: of the profile.
        champion: in the seat.
        tag: of its bento.
        log: takes what the way said.
        known: whether the service was rolled out to before: then it must be there. Else a roll-out to an address where
            nobody listens waits until somebody starts it; where a command brings it there, that one does.

    Raises:
        RolloutError: the way failed, or the service says another version until the time is over.
    """
    begun = time.monotonic()
    if not known and waits_for_service(settings):
        words = (
            f"nobody answers at {settings.url}: the bento {tag} is built; start the service with make serve (it takes "
            "the champion by itself), or materialise serving/deployment when it runs"
        )
        return Rollout(settings.way, False, time.monotonic() - begun, words, waiting=True)
    if settings.way == "reload":
        log(_reload(settings))
    elif settings.way == "command":
        log(_command(settings, tag))
    if settings.url is None:
        words = f"{settings.way}; no monitoring.rollout.url is set, so nobody was asked whether it arrived"
        return Rollout(settings.way, False, time.monotonic() - begun, words)
    answers = _wait(settings, champion, begun + settings.wait_seconds)
    words = f"{settings.way}; {answers} answers in a row name v{champion.version}, bundle {champion.bundle}"
    return Rollout(settings.way, True, time.monotonic() - begun, words)


def nobody_listens(url: str) -> bool:
    """Whether the host of an address refuses connections to its port, or has no name yet, as a container that is down.

    One that says nothing may be a network away.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "localhost", port), KNOCK_SECONDS):
            return False
    except (ConnectionRefusedError, socket.gaierror):
        return True
    except OSError:
        return False


def waits_for_service(settings: RolloutSettings) -> bool:
    """Whether nobody listens at the address, and the way is one that brings no service there."""
    by_itself = settings.way == "pointer" or (settings.way == "reload" and settings.key is not None)
    return by_itself and settings.url is not None and nobody_listens(settings.url)


def _reload(settings: RolloutSettings) -> str:
    if settings.url is None or settings.key is None:
        raise RolloutError("rollout.way = reload needs monitoring.rollout.url and monitoring.rollout.key (scope admin)")
    key = settings.key.get_secret_value()
    status, said = _ask(settings.url, "POST", "/reload", {"Authorization": f"Bearer {key}"})
    if status is None:
        raise RolloutError(f"{settings.url} does not answer: {said}")
    if status in (401, 403):
        raise RolloutError(f"{settings.url}/reload refuses monitoring.rollout.key ({status}): it needs scope admin")
    if status != 200:
        raise RolloutError(f"{settings.url}/reload answered {status}: {_message(said)}")
    return f"reload: {json.loads(said).get('reason', said)}"


def _command(settings: RolloutSettings, tag: str) -> str:
    if not settings.command:
        raise RolloutError("rollout.way = command needs monitoring.rollout.command")
    # No shell, and the tag as it is: a brace elsewhere in an argument stands for itself.
    command = [part.replace("{tag}", tag) for part in settings.command]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS, env={**os.environ}
        )
    except FileNotFoundError:
        raise RolloutError(f"there is no program {command[0]}: mend monitoring.rollout.command") from None
    except subprocess.TimeoutExpired:
        raise RolloutError(f"{command[0]} did not end within {COMMAND_SECONDS:.0f} s") from None
    said = (done.stdout + done.stderr)[-SHOWN:]
    if done.returncode != 0:
        raise RolloutError(f"{command[0]} ended with {done.returncode}:\n{said}")
    return f"{command[0]} ended with 0:\n{said}"


def _wait(settings: RolloutSettings, champion: Champion, until: float) -> int:
    """Ask until enough answers in a row name the champion."""
    assert settings.url is not None
    wanted, row, last = (champion.version, champion.bundle), 0, "it was not asked"
    while row < IN_A_ROW:
        status, said = _ask(settings.url, "GET", "/readyz")
        found = _named(said) if status == 200 else None
        row = row + 1 if found == wanted else 0
        last = said[:300] if status is None or found is None else f"it answers with v{found[0]}, bundle {found[1]}"
        if row < IN_A_ROW and time.monotonic() > until:
            raise RolloutError(
                f"{settings.url} did not come to v{champion.version}, bundle {champion.bundle} within "
                f"{settings.wait_seconds:g} s: {last}; /info says why it refused a bundle"
            )
        if row == 0:
            time.sleep(PAUSE_SECONDS)
    return row


def _named(said: str) -> tuple[int, str] | None:
    try:
        told = json.loads(said)
        return int(told["model_version"]), str(told["bundle"])
    except (ValueError, KeyError, TypeError):
        return None


def _message(said: str) -> str:
    try:
        return str(json.loads(said)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return said[:300]


def _ask(url: str, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int | None, str]:
    """Status and content; None and why, where there is no answer."""
    parts = urlsplit(url)
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = made(parts.hostname or "localhost", parts.port, timeout=ASK_SECONDS)
    try:
        body = "{}" if method == "POST" else None
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if body else {})}
        connection.request(method, f"{parts.path.rstrip('/')}{path}", body, sent)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return None, f"{type(error).__name__}: {error}"
    finally:
        connection.close()
