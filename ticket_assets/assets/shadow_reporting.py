"""What one sees of a challenger in the shadow in the Dagster UI: its numbers, the ruling, a plot, as metadata.

Belongs here: turning an outcome of serving/probation.py into Dagster metadata.
Does not belong here: judging, drawing (models/probation_plot.py).
"""

from typing import Any

import dagster as dg

from ticket_assets.assets.declaration import table
from ticket_assets.models.plots import as_markdown_image
from ticket_assets.models.probation import Live, points
from ticket_assets.models.probation_plot import probation_chart
from ticket_assets.monitoring.trend import NOTHING
from ticket_assets.serving.probation import Outcome

NOBODY = "nobody is in the shadow"


def shadow_metadata(outcome: Outcome, max_loss: float) -> dict[str, Any]:
    """Who was in the shadow, what live tickets say of it, what became of it."""
    told: dict[str, Any] = {
        "state": outcome.reason,
        "champion": f"v{outcome.champion.version}" if outcome.champion else "none",
        "promoted": outcome.promoted,
    }
    beside = outcome.challenger
    if beside is None:
        return told
    told |= {"challenger": f"v{beside.version}", "bundle": beside.bundle, "since": beside.since}
    told |= {"predictions meanwhile": f"{outcome.answered:,}"}
    if outcome.ruling is None or not outcome.ruling.targets:
        return told
    its = outcome.ruling.targets
    title = f"v{beside.version} in the shadow of {told['champion']}"
    if outcome.promoted:
        title = f"v{beside.version}, champion since, as it was in the shadow"
    picture = probation_chart(its, max_loss, title)
    return {
        **told,
        "ruling": outcome.ruling.verdict.value,
        "targets": table([_row(name, one) for name, one in its.items()]),
        "plot": dg.MetadataValue.md(as_markdown_image(picture, title)),
    }


def _row(name: str, one: Live) -> dict[str, Any]:
    return {
        "target": name,
        "pairs": f"{one.pairs:,}",
        "agreement": f"{100 * one.agreement.estimate:.1f} %" if one.agreement else NOTHING,
        "labelled": f"{one.labelled:,}",
        "accuracy": points(one.paired) if one.paired else NOTHING,
        "A/B accuracy": points(one.arms) if one.arms else NOTHING,
    }
