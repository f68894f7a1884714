"""What is kept of a text: what the models read, all of it, or nothing; and never more than that in the spool."""

from pathlib import Path

import pytest

from ticket_assets.serving.prediction_log.log import PredictionLog
from ticket_assets.serving.prediction_log.masking import as_kept, comment_as_kept
from ticket_assets.tickets.cleaning import clean_text
from ticket_assets_tests.serving.prediction_log.desk import answer, logged, settings

BODY = "<p>Write to jane&#64;example.com, or call +49 30 1234567.</p>"
PRIVATE = answer(
    subject="From jane@example.com",
    body=BODY,
    context={"site": "jane@example.com", "none": None},
    claimed_language="jane@example.com",
)


def test_masked_text_is_what_the_models_read() -> None:
    kept = as_kept(PRIVATE, "masked", ("email",))
    assert kept.body == clean_text(BODY, kinds=("email",))
    assert kept.subject == "From [email_address]"
    assert kept.context == {"site": "[email_address]", "none": None}
    assert kept.claimed_language == "[email_address]"
    assert "1234567" in kept.body
    assert "1234567" not in as_kept(PRIVATE, "masked", ("email", "phone")).body


def test_plain_text_stays_as_it_came() -> None:
    assert as_kept(PRIVATE, "plain", ()) == PRIVATE
    assert comment_as_kept("jane@example.com", "plain", ("email",)) == "jane@example.com"


def test_no_text_means_none_at_all() -> None:
    kept = as_kept(PRIVATE, "none", ())
    assert (kept.subject, kept.body, kept.context, kept.claimed_language) == ("", "", {}, None)
    assert comment_as_kept("jane@example.com", "none", ()) is None


@pytest.mark.parametrize("text", ["masked", "none"])
def test_what_is_masked_never_reaches_the_disk(tmp_path: Path, text: str) -> None:
    (tmp_path / "away").write_text("no folder, so that all waits in the spool")
    log = PredictionLog.open(settings(tmp_path / "log", f"sqlite:///{tmp_path}/away/log.db", text=text))
    logged(log, body=BODY, subject="jane@example.com")
    (segment,) = (tmp_path / "log" / "spool").glob("*.journal")
    assert b"billing" in segment.read_bytes()
    assert b"jane" not in segment.read_bytes()
    assert not log.close(0.5)
