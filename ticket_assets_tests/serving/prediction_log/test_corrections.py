"""What training reads of the log: every correction with its answer, on both databases, and when there is more."""

import pytest
from sqlalchemy import Engine

from ticket_assets.serving.endpoint.settings import load_service_settings
from ticket_assets.serving.prediction_log.corrections import NOTHING, corrections_in, fingerprint
from ticket_assets.serving.prediction_log.erasure import erase
from ticket_assets.serving.prediction_log.feedback import WrongLabelsError
from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets_tests.serving.prediction_log.desk import PATIENCE, logged


def test_every_correction_is_read_with_the_answer_it_is_about(log: PredictionLog, engine: Engine) -> None:
    told = logged(log)
    for label in ("network", "hardware"):
        log.give_feedback(told, {"queue": label}, reviewer="anna", key="desk", comment="no part of training")
    assert log.close(PATIENCE)
    first, last = corrections_in(engine)
    assert (first.label, last.label) == ("network", "hardware"), "the one that holds comes last"
    assert first.moment < last.moment
    assert (last.prediction_id, last.target, last.predicted) == (told, "queue", "billing")
    assert (last.reviewer, last.key, last.bundle, last.model_version) == ("anna", "desk", "b-1", "3")
    assert (last.ticket_id, last.transport, last.context) == ("T-100", "http", {"product": "x"})
    assert (last.subject, last.body) == ("Invoice", "Please send the invoice of May again.")
    assert last.at.utcoffset() is not None and last.predicted_at <= last.at


def test_the_fingerprint_changes_with_each_correction_and_with_each_that_is_erased(
    log: PredictionLog, engine: Engine, wanted: PredictionLogSettings
) -> None:
    assert fingerprint(engine) == NOTHING and corrections_in(engine) == []
    told = [logged(log, ticket_id=name) for name in ("T-1", "T-2")]
    found = [fingerprint(engine)]
    for one, label in ((told[0], "network"), (told[1], "network"), (told[0], "hardware")):
        log.give_feedback(one, {"queue": label})
        assert log.flush(PATIENCE)
        found.append(fingerprint(engine))
    assert log.close(PATIENCE)
    erase(engine, wanted.spool, ticket_ids={"T-1"})
    found.append(fingerprint(engine))
    assert len({*found}) == len(found)
    assert [one.ticket_id for one in corrections_in(engine)] == ["T-2"]


def test_a_label_that_no_model_has_yet_is_taken_where_the_settings_name_it(
    wanted: PredictionLogSettings, engine: Engine
) -> None:
    """A queue that was opened yesterday could never be learnt from corrections."""
    log = PredictionLog.open(wanted.model_copy(update={"new_labels": {"queue": ("payroll",)}}))
    told = logged(log)
    log.give_feedback(told, {"queue": "payroll"})
    for labels in ({"queue": "payrol"}, {"type": "payroll"}):
        with pytest.raises(WrongLabelsError):
            log.give_feedback(told, labels)
    assert log.close(PATIENCE)
    assert [one.label for one in corrections_in(engine)] == ["payroll"], "written too, where it is checked again"
    with pytest.raises(WrongLabelsError):
        PredictionLog.open(wanted).give_feedback(told, {"queue": "payroll"})


def test_new_labels_may_stand_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKET_ASSETS_CONFIG", raising=False)
    monkeypatch.setenv("TICKET_ASSETS_SERVICE__LOG__NEW_LABELS", '{"queue": ["payroll"]}')
    assert load_service_settings().service.prediction_log.new_labels == {"queue": ("payroll",)}
