"""What one sees of the tickets in the Dagster UI: tables, plots and what to do next, as metadata.

Belongs here: turning outcomes of tickets/ into Dagster metadata.
Does not belong here: counting (tickets/quality.py, tickets/quarantine.py), drawing (tickets/quality_plots.py).
"""

from typing import Any

import dagster as dg
import pandas as pd

from ticket_assets.assets.declaration import table
from ticket_assets.models.plots import as_markdown_image
from ticket_assets.profile import Profile
from ticket_assets.tickets import quality_plots as plots
from ticket_assets.tickets.curation import REASONS
from ticket_assets.tickets.data_summary import SummaryFiles
from ticket_assets.tickets.instants import Written
from ticket_assets.tickets.quality import SMALL_CLASS, Quality
from ticket_assets.tickets.quarantine import count_reasons, sample_rows


def quarantine_metadata(rows: pd.DataFrame, profile: str, active: Profile) -> dict[str, Any]:
    """A count per reason, a sample without personal data, the rows of each batch, and the way to mend them."""
    told: dict[str, Any] = {
        "reasons": table(
            [
                {"reason": reason, "meaning": REASONS[reason], "rows": count}
                for reason, count in count_reasons(rows).items()
            ]
        ),
        "how to mend": dg.MetadataValue.md(
            f"`make quarantine PROFILE={profile} FILE=quarantine.csv`, mend values there or write `drop` into "
            f"`_action`, `make mend PROFILE={profile} FILE=quarantine.csv`, `make run PROFILE={profile}`"
        ),
    }
    if len(rows):
        told["sample"] = table(sample_rows(rows, active.columns, active.targets))
        counted = rows.groupby(["_ingested_at", "reason"]).size().unstack(fill_value=0)
        batches = [(f"{at:%Y-%m-%d %H:%M}", row.to_dict()) for at, row in counted.iterrows()]
        picture = plots.quarantined_per_batch(batches, f"{profile}: rows in quarantine")
        told["per batch"] = dg.MetadataValue.md(as_markdown_image(picture, "rows in quarantine per batch"))
    return told


def date_order_metadata(order: Written | None) -> dict[str, str]:
    """How dates by numbers were read; nothing where there are none."""
    if order == "auto":
        return {}
    if order == "by_separator":
        return {"date_order": "in both orders, each separator in its own, where that can be told"}
    return {"date_order": order.replace("_", " ") if order else "as none, since nothing tells day from month"}


def quality_metadata(found: Quality, clean: pd.DataFrame, summary: SummaryFiles, profile: str) -> dict[str, Any]:
    """The report as tables and pictures, and where Evidently's page lies."""
    labels = {
        f"labels of {target}": table(
            [
                {
                    "label": one.label or "(none)",
                    "tickets": one.tickets,
                    "share": one.tickets / max(found.clean, 1),
                    "warning": one.warning,
                }
                for one in counts
            ]
        )
        for target, counts in found.labels.items()
    }
    columns = [
        {"column": one.column, "missing": one.missing, "share": one.missing / max(one.rows, 1)} for one in found.missing
    ]
    return {
        "rows": table(
            [
                {
                    "read": found.read,
                    "clean": found.clean,
                    "quarantined": found.quarantined,
                    "earlier versions, mended rows, copies": found.replaced,
                }
            ]
        ),
        "missing": table(columns),
        "duplicates": table(
            [
                {
                    "same text, other label": found.exact_duplicates,
                    "disputed": found.disputed,
                    "with near-duplicates": found.in_families,
                    "families": found.families,
                    "largest family": found.largest_family,
                }
            ]
        ),
        "languages": table([{"language": code, "tickets": count} for code, count in found.languages.items()]),
        **labels,
        "small classes": sum(bool(one.warning) for counts in found.labels.values() for one in counts),
        "characters": table([{"quantile": name, "characters": count} for name, count in found.lengths.items()]),
        "dates": table([{name: "" if value is None else value for name, value in vars(found.dates).items()}]),
        "masked": table([{"personal data": kind, "masked": count} for kind, count in found.masked.items()]),
        "plots": dg.MetadataValue.md(
            "\n\n".join(as_markdown_image(image, name) for name, image in quality_plots(found, clean, profile).items())
        ),
        "page": dg.MetadataValue.path(summary.html),
        "figures": dg.MetadataValue.path(summary.json),
        "page_bytes": summary.html.stat().st_size,
        "page_rows": summary.rows,
    }


def quality_plots(found: Quality, clean: pd.DataFrame, profile: str) -> dict[str, bytes]:
    """PNG images: lengths of texts, tickets over time, tickets per label of each target."""
    images = {}
    if len(clean):
        images["lengths of texts"] = plots.text_lengths(
            clean["text"].str.len().to_numpy(), f"{profile}: lengths of cleaned texts"
        )
    created = clean["created_at"].dropna()
    if len(created):
        images["tickets over time"] = plots.tickets_over_time(created, f"{profile}: tickets by date of creation")
    for target, counts in found.labels.items():
        named = [(one.label, one.tickets) for one in counts if one.label is not None]
        if named:
            images[f"labels of {target}"] = plots.label_bars(named, SMALL_CLASS, f"{profile}: tickets per {target}")
    return images
