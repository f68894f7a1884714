"""A ticket is empty to the service where its row would be empty to `tickets/quarantine`, and nowhere else."""

import pytest

from ticket_assets.serving.bundle import TriageBundle, write_bundle
from ticket_assets.serving.endpoint.answering import EmptyTicket, answer_many, answer_one
from ticket_assets.serving.endpoint.messages import TicketIn
from ticket_assets.tickets.curation import EMPTY_TEXT
from ticket_assets_tests.serving.conftest import toy_fields, toy_model
from ticket_assets_tests.tickets.curations import curated

# Subject, body, and whether something of them is text.
ROWS = [
    ("", "", False),
    (" \n ", "\t", False),
    ("", "<p>&nbsp;</p>", False),
    ("<br>", "<!-- nothing --><style>p {}</style>", False),
    ("\x00", "\u200b\ufeff", False),
    ("", "!!!", True),
    ("?", "", True),
    ("", "...", True),
    ("", "😀", True),
    ("", "[email_address]", True),
    ("", "7", True),
    ("<b>!</b>", "", True),
    ("VPN drops", "", True),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TriageBundle:
    root = tmp_path_factory.mktemp("bundles")
    return TriageBundle.load(root / write_bundle(root, [toy_model()], toy_fields(), "card").id, root)


@pytest.mark.parametrize(("subject", "body", "is_text"), ROWS)
def test_what_curation_sets_aside_as_empty_is_refused_and_what_it_keeps_is_answered(
    bundle: TriageBundle, subject: str, body: str, is_text: bool
) -> None:
    """A row of three exclamation marks is trained on, so a ticket of them is answered."""
    row = curated({"subject": subject, "body": body})
    assert list(row.quarantine["reason"]) == ([] if is_text else [EMPTY_TEXT])
    ticket = TicketIn(subject=subject, body=body)
    if is_text:
        assert answer_one(bundle, ticket).targets["tone"].label in ("loud", "quiet")
    else:
        with pytest.raises(EmptyTicket, match="no text is left of either after cleaning"):
            answer_one(bundle, ticket)
    assert [one is not None for one in answer_many(bundle, [ticket, ticket])] == [is_text, is_text]
