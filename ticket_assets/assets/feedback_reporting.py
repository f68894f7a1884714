"""What one sees of corrections in the Dagster UI: how they stand, who contradicts whom, what they did to the tickets.

Belongs here: turning outcomes of tickets/feedback.py and tickets/fed_tickets.py into Dagster metadata.
Does not belong here: counting them, any text of a ticket.
"""

from typing import Any

import dagster as dg
import pandas as pd

from ticket_assets.assets.declaration import table
from ticket_assets.tickets.fed_tickets import Fed
from ticket_assets.tickets.feedback import FAULTS, STANDINGS, UNUSABLE, disputes, standing_counts

SHOWN = 50  # lines of a table


def feedback_metadata(rows: pd.DataFrame) -> dict[str, Any]:
    """How many stand how and why, disputes as a table, who corrected, and which model was corrected."""
    disputed = disputes(rows)
    told: dict[str, Any] = {
        "corrections": len(rows),
        "disputed": len(disputed),
        "standings": table(
            [
                {"standing": name, "meaning": STANDINGS[name], "corrections": count}
                for name, count in standing_counts(rows).items()
            ]
        ),
    }
    if disputed:
        told["disputes"] = table(disputed[:SHOWN])
    unusable = rows.loc[rows["standing"] == UNUSABLE, "reason"].value_counts()
    if len(unusable):
        told["unusable"] = table(
            [{"reason": one, "meaning": FAULTS[one], "corrections": int(count)} for one, count in unusable.items()]
        )
    if len(rows):
        people = rows["reviewer"].fillna(rows["key"]).fillna("unknown").value_counts()
        told["by reviewer"] = people.head(SHOWN).to_dict()
        told["by model"] = rows["model_version"].fillna("unknown").value_counts().to_dict()
    return told


def fed_metadata(fed: Fed) -> dict[str, Any]:
    """What corrections did to the tickets; nothing where there was none."""
    if not any(fed.counts.values()):
        return {}
    told: dict[str, Any] = {f"feedback_{name}": count for name, count in fed.counts.items()}
    if fed.disputed:
        told["people against the desk"] = table(list(fed.disputed[:SHOWN]))
    if fed.quarantined:
        told["feedback without a text"] = table(list(fed.quarantined[:SHOWN]))
    return {name: dg.MetadataValue.int(one) if isinstance(one, int) else one for name, one in told.items()}
