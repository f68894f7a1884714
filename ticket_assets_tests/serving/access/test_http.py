"""The guarding over real HTTP: who is let in, what is told, what stands in the log."""

import http.client
import threading
import time

import pytest

from ticket_assets.serving.access.policy import Scope
from ticket_assets_tests.serving.access.conftest import Clock, Desk
from ticket_assets_tests.serving.access.site import Rooms, reply_of, site


def test_without_a_key_the_door_is_closed_and_the_probes_are_open(desk: Desk) -> None:
    desk.key("crm", Scope.PREDICT)
    with site(desk.guard()) as here:
        refused = here.ask("/predict", {"body": "x"})
        assert (refused.status, refused.error["code"]) == (401, "unauthenticated")
        assert refused.headers["www-authenticate"] == 'Bearer realm="ticket-assets"'
        assert "X-API-Key" in refused.error["message"]
        assert here.ask("/readyz").status == 200


def test_a_key_opens_the_door_in_either_header_and_its_rate_is_told(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    with site(desk.guard(requests_per_second=1, burst=5)) as here:
        for number, headers in enumerate(({"authorization": f"Bearer {key}"}, {"x_api_key": key})):
            answered = here.ask("/predict", {"body": "x"}, **headers)
            assert answered.status == 200
            assert answered.headers["ratelimit-remaining"] == str(4 - number)


def test_too_often_is_429_with_retry_after(desk: Desk, clock: Clock) -> None:
    key = desk.key("crm", Scope.PREDICT)
    with site(desk.guard(requests_per_second=0.25, burst=1)) as here:
        assert here.ask("/predict", {"body": "x"}, x_api_key=key).status == 200
        refused = here.ask("/predict", {"body": "x"}, x_api_key=key)
        assert (refused.status, refused.error["code"], refused.headers["retry-after"]) == (429, "rate_limited", "4")
        clock.seconds += 4
        assert here.ask("/predict", {"body": "x"}, x_api_key=key).status == 200


def test_a_missing_scope_is_403_that_names_it(desk: Desk) -> None:
    key = desk.key("shop", Scope.FEEDBACK)
    with site(desk.guard()) as here:
        refused = here.ask("/predict", {"body": "x"}, x_api_key=key)
        assert refused.status == 403
        assert "the scope predict" in refused.error["message"]


def test_a_forgotten_route_is_not_there_and_neither_is_an_unknown_one(desk: Desk) -> None:
    predict, admin = desk.key("crm", Scope.PREDICT), desk.key("ops", Scope.ADMIN)
    with site(desk.guard()) as here:
        for path in ("/forgotten", "/nowhere"):
            told = [here.ask(path).error, here.ask(path, x_api_key=predict).error]
            assert [(one["code"], one["message"]) for one in told] == [("not_found", "there is no such thing here")] * 2
        assert here.ask("/forgotten", x_api_key=admin).status == 200
        assert here.ask("/nowhere", x_api_key=admin).error["code"] == "not_found"


def test_every_error_has_the_one_shape(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    with site(desk.guard()) as here:
        refused = here.ask("/predict", {"body": "refuse"}, x_api_key=key)
        assert (refused.status, refused.error["field"]) == (422, "subject")
        wrong = here.ask("/predict", x_api_key=key)
        assert (wrong.status, wrong.error["code"], wrong.headers["allow"]) == (405, "method_not_allowed", "POST")
        unknown = here.ask("/predict", {"bodi": "x"}, x_api_key=key)
        assert (unknown.status, unknown.error["field"]) == (400, "bodi")


def test_a_failure_is_told_by_its_id_and_the_log_says_why(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    with site(desk.guard()) as here:
        failed = here.ask("/predict", {"body": "fail"}, x_api_key=key)
        assert failed.status == 500
        assert failed.error["code"] == "internal"
        assert "inside" not in failed.content.decode()
    [told] = [line for line in here.lines() if "exception" in line]
    assert told["request_id"] == failed.error["request_id"]
    assert "RuntimeError: the inside of the service, with ***" in told["exception"]


@pytest.mark.parametrize(("given", "is_kept"), [("desk-7:2026.05_01", True), ("a b", False), ("x" * 65, False)])
def test_a_sane_request_id_is_kept_and_another_replaced(desk: Desk, given: str, is_kept: bool) -> None:
    with site(desk.guard(auth="open")) as here:
        answered = here.ask("/predict", {"body": "x"}, x_request_id=given)
    made = answered.headers["x-request-id"]
    assert (made == given) is is_kept
    assert answered.json()["request_id"] == made, "the code that answers knows it"


def test_the_log_has_one_line_per_request_and_no_secrets(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    with site(desk.guard()) as here:
        answered = here.ask(f"/predict?api_key={key}", {"body": "my secret ticket"}, x_api_key=key)
        here.ask(f"/{key}/%0A%7B%22forged%22%3A1%7D", x_api_key=key)
        here.ask("/readyz")
    log, (first, second) = here.log.getvalue(), here.requests()
    assert {name: first[name] for name in ("method", "path", "status", "caller", "request_id", "level", "message")} == {
        **{"method": "POST", "path": "/predict", "status": 200, "caller": "key:crm", "level": "info"},
        **{"request_id": answered.headers["x-request-id"], "message": "request"},
    }
    assert (first["bytes_read"], first["bytes_written"]) == (28, len(answered.content))
    assert second["path"] == '/***/\n{"forged":1}'
    assert key not in log
    assert "secret ticket" not in log


def test_a_refused_request_is_logged_with_who_asked(desk: Desk) -> None:
    key = desk.key("shop", Scope.FEEDBACK)
    with site(desk.guard()) as here:
        here.ask("/predict", {"body": "x"}, x_api_key=key)
        here.ask("/predict", {"body": "x"})
    assert [(line["status"], line["caller"]) for line in here.requests()] == [(403, "key:shop"), (401, None)]


def test_pages_of_named_origins_may_ask_and_others_may_not(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    asks = {"access_control_request_method": "POST", "access_control_request_headers": "authorization"}
    with site(desk.guard(cors_origins=("https://desk.example.com",))) as here:
        for origin, is_named in (("https://desk.example.com", True), ("https://evil.example.com", False)):
            before = here.ask("/predict", method="OPTIONS", origin=origin, **asks)
            assert (before.status, before.headers.get("access-control-allow-origin")) == (
                (200, origin) if is_named else (400, None)
            )
            for headers in ({"x_api_key": key}, {}):
                asked = here.ask("/predict", {"body": "x"}, origin=origin, **headers)
                assert asked.headers.get("access-control-allow-origin") == (origin if is_named else None)
                assert "access-control-allow-credentials" not in asked.headers


def test_without_origins_no_page_may_ask(desk: Desk) -> None:
    with site(desk.guard(auth="open")) as here:
        asked = here.ask("/predict", {"body": "x"}, origin="https://desk.example.com")
        assert "access-control-allow-origin" not in asked.headers


def test_more_than_the_process_can_have_in_work_is_turned_away_and_the_probes_are_not(desk: Desk) -> None:
    rooms = Rooms()
    with site(desk.guard(auth="open", max_in_flight=1), rooms) as here:
        first: list[int] = []
        thread = threading.Thread(target=lambda: first.append(here.ask("/predict", {"body": "wait"}).status))
        thread.start()
        assert rooms.entered.wait(20)
        refused = here.ask("/predict", {"body": "x"})
        assert (refused.status, refused.error["code"], refused.headers["retry-after"]) == (503, "overloaded", "1")
        assert here.ask("/readyz").status == 200
        rooms.gate.set()
        thread.join(20)
        assert first == [200]
        assert here.ask("/predict", {"body": "x"}).status == 200


def test_what_takes_too_long_is_504_while_the_thread_still_counts(desk: Desk) -> None:
    rooms = Rooms()
    with site(desk.guard(auth="open", answer_seconds=0.2, max_in_flight=1), rooms) as here:
        late = here.ask("/predict", {"body": "wait"})
        assert (late.status, late.error["code"]) == (504, "timeout")
        assert here.ask("/predict", {"body": "x"}).error["code"] == "overloaded"
        rooms.gate.set()
        until = time.monotonic() + 20
        while here.ask("/predict", {"body": "x"}).status != 200:
            assert time.monotonic() < until, "its place is free again once the thread has ended"


def test_every_request_is_counted_by_its_path_and_status_and_no_path_of_a_client_s_choice(desk: Desk) -> None:
    key, counted = desk.key("crm", Scope.PREDICT), []
    with site(desk.guard(), counted=lambda *told: counted.append(told[:3])) as here:
        here.ask("/predict", {"body": "x"}, x_api_key=key)
        here.ask("/predict", {"body": "x"})
        here.ask("/made/up")
    assert counted == [("http", "/predict", "200"), ("http", "/predict", "401"), ("http", "other", "404")]


def test_a_connection_serves_again_after_a_refusal(desk: Desk) -> None:
    key = desk.key("crm", Scope.PREDICT)
    with site(desk.guard()) as here:
        connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=30)
        statuses = []
        for content, headers in ((b"{", {"X-API-Key": key}), (b"{}", {}), (b"{}", {"X-API-Key": key})):
            connection.request("POST", "/predict", content, {"Content-Type": "application/json", **headers})
            statuses.append(reply_of(connection).status)
        connection.close()
    assert statuses == [400, 401, 200]
