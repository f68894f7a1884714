"""Context values on their way from clean tickets to features."""

import pandas as pd

from ticket_assets.tickets.schema import ticket_contexts


def test_every_ticket_has_its_context_by_source_name() -> None:
    clean = pd.DataFrame({"context_channel": ["mail", None], "context_product": ["vpn", "laptop"]})
    assert ticket_contexts(clean, ("channel", "product")) == [
        {"channel": "mail", "product": "vpn"},
        {"channel": None, "product": "laptop"},
    ]


def test_a_profile_without_context_still_gives_one_empty_context_per_ticket() -> None:
    """A frame without columns has no records: the real IT tickets, which have no context, had no features."""
    assert ticket_contexts(pd.DataFrame({"ticket_id": ["a", "b", "c"]}), ()) == [{}, {}, {}]
