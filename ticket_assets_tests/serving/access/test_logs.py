"""Lines of the log: their form, and what never stands in one."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from ticket_assets.serving.access.current import answering
from ticket_assets.serving.access.keys import new_key
from ticket_assets.serving.access.logs import FIELDS, JsonFormatter, configure_logging, masked
from ticket_assets.serving.access.policy import Scope
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.tokens import Tokens
from ticket_assets.serving.access.users import Passwords, new_user
from ticket_assets_tests.serving.access.conftest import NOW, PASSWORD


class Ticket(BaseModel):
    body: str


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The root's log as the service writes it."""
    before, level, stream = logging.root.handlers, logging.root.level, io.StringIO()
    known = {name: list(one.handlers) for name, one in loggers() if isinstance(one, logging.Logger)}
    configure_logging(stream=stream)
    yield stream
    logging.root.handlers = before
    logging.root.setLevel(level)
    for name, handlers in known.items():
        logging.getLogger(name).handlers = handlers


def loggers() -> list[tuple[str, Any]]:
    return list(logging.root.manager.loggerDict.items())


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_what_who_and_in_which_request(stream: io.StringIO) -> None:
    with answering("r-1"):
        logging.getLogger("desk").warning("so many: %d", 3, extra={FIELDS: {"status": 200}})
    logging.getLogger("desk").info("outside")
    first, second = lines(stream)
    assert first.pop("time").endswith("+00:00")
    assert first == {
        **{"level": "warning", "logger": "desk", "message": "so many: 3"},
        **{"request_id": "r-1", "status": 200},
    }
    assert "request_id" not in second


def test_nothing_that_is_logged_begins_a_line_of_its_own(stream: io.StringIO) -> None:
    logging.getLogger("desk").info('a\n{"forged": 1}\r\n\u2028\x1b[31m')
    [line] = lines(stream)
    assert line["message"] == 'a\n{"forged": 1}\r\n\u2028\x1b[31m'
    assert stream.getvalue().isascii()


def test_keys_tokens_hashes_and_passwords_are_masked_wherever_they_stand(stream: io.StringIO) -> None:
    key, _ = new_key("crm", [Scope.PREDICT], NOW)
    user = new_user("anna", PASSWORD, [Scope.PREDICT], Passwords(), NOW)
    token = Tokens("s" * 48, 60).issue(user)
    secrets = [key, token, token.rpartition(".")[0], user.password_hash, "hunter2hunter2"]
    log = logging.getLogger("desk")
    log.info("%s and %s", key, token, extra={FIELDS: {"a": user.password_hash, "b": [key]}})
    log.info("postgresql://desk:hunter2hunter2@db/log and Authorization: Bearer hunter2hunter2")
    log.info("Basic hunter2hunter2, {'authorization': 'bearer hunter2hunter2'}")
    log.info(token.rpartition(".")[0])
    try:
        raise RuntimeError(f"with {key}") from ValueError(token)
    except RuntimeError:
        log.exception("it failed with %s", key)
    assert len(lines(stream)) == 5
    for secret in secrets:
        assert secret not in stream.getvalue()
    assert "postgresql://***@db/log" in stream.getvalue()


def test_plain_words_are_not_masked() -> None:
    text = "ta_rget of data_table, https://desk.example.com/a?b=c, bearer of news, mail anna@example.com"
    assert masked(text) == text


def test_a_failure_is_one_field_with_what_led_to_it(stream: io.StringIO) -> None:
    try:
        try:
            raise ValueError("first")
        except ValueError as error:
            raise RuntimeError("then") from error
    except RuntimeError:
        logging.getLogger("desk").exception("it failed")
    [line] = lines(stream)
    assert (line["level"], line["message"]) == ("error", "it failed")
    assert line["exception"].index("ValueError: first") < line["exception"].index("RuntimeError: then")
    assert "test_logs.py" in line["exception"]


def test_a_client_s_mistake_is_no_error_and_its_ticket_is_not_logged(stream: io.StringIO) -> None:
    """BentoML logs it with a trace that ends in the input."""
    try:
        Ticket.model_validate({"body": ["my password is hunter2"]})
    except ValidationError:
        logging.getLogger("bentoml.serve").exception("Exception on /predict [POST]")
    try:
        raise Refusal(422, "body: no text is left of it")
    except Refusal:
        logging.getLogger("bentoml.serve").exception("Exception on /predict [POST]")
    first, second = lines(stream)
    assert (first["level"], first["refused"]) == ("info", "body: Input should be a valid string")
    assert (second["level"], second["refused"]) == ("info", "422 invalid_input: body: no text is left of it")
    assert "hunter2" not in stream.getvalue()


def test_a_wrong_input_further_inside_does_not_show_either(stream: io.StringIO) -> None:
    wrong = {"body": ["".join(["hunt", "er2"])]}  # not in this line, which a trace shows
    try:
        try:
            Ticket.model_validate(wrong)
        except ValidationError as error:
            raise RuntimeError("no answer") from error
    except RuntimeError:
        logging.getLogger("desk").exception("it failed")
    assert "hunter2" not in stream.getvalue()
    assert "ValidationError: body: Input should be" in lines(stream)[0]["exception"]


def test_what_a_database_refuses_is_logged_without_its_values(stream: io.StringIO) -> None:
    ticket = "".join(["hunt", "er2"])  # not in this line, which a trace shows
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT :body FROM nowhere"), {"body": ticket})
    except SQLAlchemyError:
        logging.getLogger("desk").exception("it failed")
    engine.dispose()
    [line] = lines(stream)
    assert "no such table: nowhere" in line["exception"]
    assert "hunter2" not in stream.getvalue()


def test_loggers_with_handlers_of_their_own_write_the_same_lines() -> None:
    """BentoML's and uvicorn's do."""
    own, other, stream = logging.getLogger("desk.own"), io.StringIO(), io.StringIO()
    own.addHandler(logging.StreamHandler(other))
    own.propagate = False
    before, level = logging.root.handlers, logging.root.level
    try:
        configure_logging(stream=stream)
        own.warning("once")
    finally:
        logging.root.handlers, own.propagate = before, True
        logging.root.setLevel(level)
    assert other.getvalue() == ""
    assert [line["message"] for line in lines(stream)] == ["once"]


def test_what_cannot_be_written_as_json_is_written_as_text() -> None:
    record = logging.LogRecord("desk", logging.INFO, "f", 1, "m", None, None)
    setattr(record, FIELDS, {"scope": {1, 2} - {2}})
    assert json.loads(JsonFormatter().format(record))["scope"] == "{1}"
