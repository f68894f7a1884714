"""What a request comes to, without a transport: answers, rows of a batch, corrections, the log's part in both."""

import resource
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.endpoint.answering import answer_many, answer_one
from ticket_assets.serving.endpoint.messages import (
    Answer,
    Batch,
    Correction,
    SimilarRequest,
    TicketIn,
)
from ticket_assets.serving.endpoint.reports import ActedRequest, ActingChange
from ticket_assets.serving.prediction import Ticket
from ticket_assets_tests.serving.endpoint.conftest import LOUD, QUIET, Parts, ToyStore


def predicted(parts: Parts, body: str = LOUD, **fields: Any) -> Answer:
    return parts.triage.predict(TicketIn(body=body, **fields), "http")


def logged(parts: Parts, answer: Answer) -> Any:
    assert answer.prediction_id is not None
    found = parts.log.find(answer.prediction_id)
    assert found is not None
    return found.answer


def test_an_answer_is_the_bundle_s_and_names_version_bundle_language_and_id(parts: Parts) -> None:
    seat = parts.engine.seat
    assert seat is not None
    answer = predicted(parts, id="INC-1")
    [expected] = seat.bundle.predict([Ticket(LOUD)])
    assert answer.targets["tone"].probabilities == expected["tone"].probabilities
    assert (answer.model_version, answer.bundle, answer.id) == (1, seat.champion.bundle, "INC-1")
    assert answer.language == "en"


def test_the_likeliest_labels_are_listed_as_many_as_were_asked_for(parts: Parts) -> None:
    one = predicted(parts, top=1).targets["tone"]
    assert [label.label for label in one.top] == [one.label]
    both = predicted(parts, top=2).targets["tone"].top
    assert [label.probability for label in both] == sorted((label.probability for label in both), reverse=True)


def test_an_answer_with_an_id_is_in_the_log_as_it_was_told(parts: Parts) -> None:
    answer = predicted(parts, id="INC-1", context={"channel": "mail"})
    kept = logged(parts, answer)
    assert (kept.ticket_id, kept.bundle, kept.model_version, kept.transport) == ("INC-1", answer.bundle, "1", "http")
    assert kept.targets["tone"].label == answer.targets["tone"].label
    assert kept.targets["tone"].band == kept.targets["tone"].served_band == answer.targets["tone"].band


def test_a_language_that_is_claimed_is_told_and_kept_and_never_believed(parts: Parts) -> None:
    plain, claimed = predicted(parts), predicted(parts, language="xx")
    assert (claimed.language, claimed.claimed_language) == ("en", "xx")
    assert claimed.targets == plain.targets
    kept = logged(parts, claimed)
    assert (kept.language, kept.claimed_language) == ("en", "xx")
    assert (plain.claimed_language, logged(parts, plain).claimed_language) == (None, None)


def test_personal_data_is_masked_before_it_is_logged(parts: Parts) -> None:
    kept = logged(parts, predicted(parts, "HELP NOW write to anna@example.org HELP NOW"))
    assert "anna@example.org" not in kept.body
    assert "HELP NOW" in kept.body


def test_the_switch_turns_act_into_suggest_and_the_log_knows_both(parts: Parts) -> None:
    assert predicted(parts).targets["tone"].band == "act"
    parts.office.act(ActingChange(on=False, reason="wrong since Monday"))
    answer = predicted(parts)
    assert (answer.acting, answer.targets["tone"].band, answer.targets["tone"].needs_review) == (False, "suggest", True)
    assert (logged(parts, answer).targets["tone"].band, logged(parts, answer).targets["tone"].served_band) == (
        "act",
        "suggest",
    )
    parts.office.act(ActingChange(on=True, reason="mended"))
    assert predicted(parts).targets["tone"].band == "act"


@pytest.mark.parametrize("ticket", [{}, {"body": " \n", "subject": "\t"}, {"body": "<br><!-- nothing -->"}])
def test_a_ticket_of_which_cleaning_leaves_nothing_is_refused_and_not_logged(
    parts: Parts, ticket: dict[str, str]
) -> None:
    with pytest.raises(Refusal, match=r"^422 empty_ticket: subject, body: ") as refusal:
        parts.triage.predict(TicketIn(**ticket), "http")
    assert refusal.value.field == "body"
    assert parts.log.state().backlog_records == 0


@pytest.mark.parametrize("ticket", [{"body": "help"}, {"subject": "help"}, {"body": None, "subject": "?"}])
def test_text_in_one_of_two_fields_is_enough(parts: Parts, ticket: dict[str, Any]) -> None:
    assert parts.triage.predict(TicketIn(**ticket), "http").prediction_id


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"body": 7}, "body"),
        ({"body": "x", "subjekt": "y"}, "subjekt"),
        ({"body": "x", "top": 0}, "top"),
        ({"body": "x", "top": "3"}, "top"),
        ({"body": "x", "reasons": 21}, "reasons"),
        ({"body": "x", "top": 1.5}, "top"),
        ({"body": "x", "id": ""}, "id"),
        ({"body": "x", "id": "a\0b"}, "id"),
        ({"body": "x", "context": {"channel": 7}}, "context"),
        ({"body": "x", "context": {str(one): "x" for one in range(101)}}, "context"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not_told(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        TicketIn.model_validate(fields)
    assert {one["loc"][0] for one in error.value.errors()} == {field}
    assert "input_value" not in str(error.value)


def test_json_has_one_kind_of_number() -> None:
    assert TicketIn.model_validate_json('{"body": "x", "top": 2.0, "reasons": 1e0}').top == 2


def test_each_row_of_a_batch_has_its_answer_or_its_error(parts: Parts) -> None:
    rows = [{"body": LOUD, "id": "1"}, {"bdy": "x"}, {"body": ""}, 7, {"body": QUIET, "id": "5"}]
    told = parts.triage.predict_batch(Batch(tickets=rows), "batch")
    assert [row.index for row in told.rows] == [0, 1, 2, 3, 4]
    assert told.failed == 3
    codes = [row.error.code if row.error else row.answer.id if row.answer else None for row in told.rows]
    assert codes == ["1", "invalid", "empty_ticket", "invalid", "5"]
    assert [row.error.field for row in told.rows if row.error] == ["bdy", "body", None]


def test_a_batch_answers_as_if_each_ticket_were_alone(parts: Parts) -> None:
    tickets = [LOUD, QUIET, "help NOW"]
    told = parts.triage.predict_batch(Batch(tickets=[{"body": one} for one in tickets]), "batch")
    for row, body in zip(told.rows, tickets, strict=True):
        assert row.answer is not None
        assert row.answer.targets == predicted(parts, body).targets
        assert logged(parts, row.answer).body == body


def test_a_batch_beyond_the_bound_is_refused_with_the_bound(parts: Parts) -> None:
    with pytest.raises(Refusal, match="6 tickets; at most 5 are taken at once"):
        parts.triage.predict_batch(Batch(tickets=[{"body": "x"}] * 6), "batch")


def test_more_tickets_than_are_worked_on_at_once_keep_their_order_and_their_reasons(parts: Parts) -> None:
    seat = parts.engine.seat
    assert seat is not None
    tickets = [TicketIn(body=f"{LOUD} {at}" if at % 3 else " ", reasons=at % 2) for at in range(70)]
    answers = answer_many(seat.bundle, tickets)
    for ticket, answer in zip(tickets, answers, strict=True):
        if ticket.body == " ":
            assert answer is None
        else:
            assert answer == answer_one(seat.bundle, ticket)


def test_a_correction_is_kept_and_history_with_it(parts: Parts) -> None:
    answer = predicted(parts)
    assert answer.prediction_id is not None
    for label in ("quiet", "loud", "quiet"):
        receipt = parts.triage.feedback(Correction(prediction_id=answer.prediction_id, labels={"tone": label}))
        assert receipt.state == "accepted"
    assert parts.log.flush(30)
    assert parts.log.state().rejected == 0


@pytest.mark.parametrize(
    ("labels", "code", "field"),
    [({"tone": "shrill"}, "unknown_label", "labels.tone"), ({"mood": "loud"}, "unknown_label", "labels.mood")],
)
def test_a_label_that_the_model_does_not_have_is_refused_with_those_it_has(
    parts: Parts, labels: dict[str, str], code: str, field: str
) -> None:
    answer = predicted(parts)
    assert answer.prediction_id is not None
    with pytest.raises(Refusal, match=r"quiet, loud|only tone") as refusal:
        parts.triage.feedback(Correction(prediction_id=answer.prediction_id, labels=labels))
    assert (refusal.value.status, refusal.value.code, refusal.value.field) == (422, code, field)
    assert "shrill" not in refusal.value.message


def test_feedback_on_a_prediction_that_nobody_made_is_not_found(parts: Parts) -> None:
    assert parts.log.flush(30)
    for made_up in ("nonsense", "p-01a2001a-7931-7514-8ba1-6214a7dc209d"):
        with pytest.raises(Refusal) as refusal:
            parts.triage.feedback(Correction(prediction_id=made_up, labels={"tone": "loud"}))
        assert (refusal.value.status, refusal.value.field) == (404, "prediction_id")
        assert (made_up in refusal.value.message, refusal.value.grpc_code) == (False, "NOT_FOUND")


def test_one_feedback_id_stands_for_one_correction(parts: Parts) -> None:
    answer = predicted(parts)
    assert answer.prediction_id is not None

    def give(label: str) -> str:
        its = Correction(prediction_id=str(answer.prediction_id), labels={"tone": label}, feedback_id="mine")
        receipt = parts.triage.feedback(its)
        assert parts.log.flush(30)
        return receipt.feedback_id

    assert give("quiet") == give("quiet")
    with pytest.raises(Refusal) as refusal:
        give("loud")
    assert (refusal.value.status, refusal.value.field) == (409, "feedback_id")


def test_a_toy_without_sentence_vectors_cannot_tell_similar_tickets_and_says_so(parts: Parts) -> None:
    with pytest.raises(Refusal, match="409 no_index: no model of this bundle uses sentence vectors"):
        parts.triage.similar(SimilarRequest(body=LOUD))


def test_a_service_without_a_seat_says_that_it_is_not_there_yet(parts: Parts) -> None:
    parts.engine._seat = None
    for ask in (lambda: predicted(parts), lambda: parts.office.info()):
        with pytest.raises(Refusal) as refusal:
            ask()
        assert (refusal.value.status, refusal.value.headers) == (503, {"retry-after": "5"})


def test_info_tells_what_the_bundle_says_of_itself_and_that_all_is_well(parts: Parts) -> None:
    told = parts.office.info()
    assert (told.status, told.profile, told.model_version, told.faults) == ("ok", "toy", 1, [])
    assert told.targets["tone"].labels == ["quiet", "loud"]
    assert told.log.state == "up"


def test_a_refused_champion_and_a_fallback_are_faults_that_info_tells(parts: Parts, store: ToyStore) -> None:
    champion = store.crown(2, act=0.9)
    (store.root / champion.bundle / "tone" / "model.json").unlink()
    with pytest.raises(Refusal, match=r"409 bundle_refused: .*model\.json is missing.*goes on"):
        parts.office.reload()
    told = parts.office.info()
    assert told.status == "degraded"
    assert any("was refused" in fault for fault in told.faults)
    assert told.swaps[0].taken is False


def test_a_reload_tells_whether_another_model_answers_now(parts: Parts, store: ToyStore) -> None:
    assert parts.office.reload().changed is False
    store.crown(2, act=0.9)
    told = parts.office.reload()
    assert (told.changed, told.model_version) == (True, 2)


def test_the_report_of_what_act_did_counts_corrections_and_the_moves_of_the_switch(parts: Parts) -> None:
    answers = [predicted(parts, f"{LOUD} {at}") for at in range(3)]
    for answer, label in zip(answers[:2], ("loud", "quiet"), strict=True):
        parts.triage.feedback(Correction(prediction_id=str(answer.prediction_id), labels={"tone": label}))
    parts.office.act(ActingChange(on=False, reason="a look at it"))
    assert parts.log.flush(30)
    report = parts.office.act_report(ActedRequest())
    [row] = report.rows
    assert (row.target, row.label, row.acted, row.reviewed, row.right, row.accuracy) == ("tone", "loud", 3, 2, 1, 0.5)
    assert row.low is not None
    assert row.high is not None
    assert row.low < 0.5 < row.high
    assert (report.switches[0].on, report.switches[0].reason) == (False, "a look at it")


def test_a_time_that_is_none_is_refused_by_name(parts: Parts) -> None:
    with pytest.raises(Refusal, match="since is no time: write ISO 8601") as refusal:
        parts.office.act_report(ActedRequest(since="yesterday"))
    assert refusal.value.field == "since"


def test_while_nothing_can_be_kept_tickets_are_answered_without_an_id(open_parts: Callable[..., Parts]) -> None:
    """A real limit of the kernel on the size of files stands for a disk that is full."""
    parts = open_parts()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        answer = predicted(parts)
        told = parts.office.info()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.prediction_id is None
    assert answer.targets["tone"].label == "loud"
    assert (told.status, told.log.state, told.log.not_logged) == ("degraded", "degraded", 1)
    assert predicted(parts).prediction_id is not None, "and when there is room again, with one"


def test_a_switch_that_cannot_be_moved_is_told_and_no_failure_of_ours(parts: Parts) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(Refusal, match="503 not_moved: the switch cannot be moved"):
            parts.office.act(ActingChange(on=False, reason="r"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
