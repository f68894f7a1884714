"""A notice reaches a real mail server and a real webhook, and no secret of an address is ever said."""

import logging
from collections.abc import Iterator

import pytest

from ticket_assets.monitoring.courier import is_known, send
from ticket_assets.monitoring.outbox import Notice
from ticket_assets.serving.probe import free_port
from ticket_assets_tests.monitoring.receivers import Hook, Mailbox, mail_server, webhook

NOTICE = Notice("n1", "drift", "tiny: live tickets changed", "data drift: an alarm.", "/assets/x", "2026-03-01T08:00")
SECRET = "s3cr3t-token"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as made:
        yield made


@pytest.fixture
def nobody() -> int:
    """A port that nobody listens on."""
    return free_port()


def mail_address(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=desk@example.org&to=anna@example.org&mode=insecure"


def test_a_mail_has_title_sentences_and_a_link(box: Mailbox) -> None:
    assert send(mail_address(box.port), NOTICE, "http://dagster.example:3000/") is None
    assert box.to == ["anna@example.org"]
    [mail] = box.mails
    assert mail["Subject"] == NOTICE.title
    text = mail.as_string()
    assert "data drift: an alarm." in text and "http://dagster.example:3000/assets/x" in text


def test_a_webhook_gets_the_same_with_how_grave_it_is(hook: Hook) -> None:
    assert send(f"json://127.0.0.1:{hook.port}/{SECRET}", NOTICE, None) is None
    assert hook.paths == [f"/{SECRET}"]
    [body] = hook.bodies
    assert (body["title"], body["message"], body["type"]) == (NOTICE.title, NOTICE.body, "warning")


def test_a_refusal_is_told_by_its_number_and_without_the_address(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    """Servers repeat what they were sent; so do libraries in their logs."""
    hook.status, hook.says = 403, f"no such token {SECRET}"
    with caplog.at_level(logging.DEBUG):
        why_not = send(f"json://anna:{SECRET}@127.0.0.1:{hook.port}/{SECRET}", NOTICE, None)
    assert why_not == "(json) was not reached: answered 403"
    assert SECRET not in caplog.text and str(hook.port) not in caplog.text


@pytest.mark.parametrize(
    "kind", ["json://127.0.0.1:{port}/s3cr3t-token", "mailto://127.0.0.1:{port}?from=a@example.org&to=b@example.org"]
)
def test_where_nobody_listens_it_is_said_and_nothing_is_raised(
    kind: str, nobody: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        why_not = send(kind.format(port=nobody), NOTICE, None)
    assert why_not is not None and why_not.endswith("was not reached")
    assert SECRET not in caplog.text + why_not


@pytest.mark.parametrize("address", [f"nosuchkind://{SECRET}", SECRET, ""])
def test_an_address_that_is_none_is_told_without_what_stands_in_it(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        why_not = send(address, NOTICE, None)
    assert why_not is not None and why_not.endswith("is none that Apprise knows")
    assert SECRET not in caplog.text + why_not


@pytest.mark.parametrize(
    "address",
    [
        "slack://TTTTTTTTT/BBBBBBBBB/CCCCCCCCCCCCCCCCCCCCCCCC",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "tgram://123456789:ABCdefghijklmnopqrstuvwxyz123456789/12315544/",
        "mailtos://anna:secret@example.org",
        "json://127.0.0.1/hook",
    ],
)
def test_the_kinds_that_are_promised_are_known(address: str) -> None:
    """Not sent: that takes an account; an address that Apprise takes is one that it can reach."""
    assert is_known(address)
