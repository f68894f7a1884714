"""What one sees of monitoring in the Dagster UI: tables, the trend chart, where reports lie, as metadata.

Belongs here: turning outcomes of monitoring/ into Dagster metadata.
Does not belong here: drawing (monitoring/trend_plot.py), judging (monitoring/judging.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from ticket_assets.assets.declaration import table
from ticket_assets.models.plots import as_markdown_image
from ticket_assets.monitoring.day_tables import TRAINED_ON, DayState, day_file
from ticket_assets.monitoring.drift.outcome import chance
from ticket_assets.monitoring.judged import REPORT, Judged, window_folder
from ticket_assets.monitoring.reference import Basis
from ticket_assets.monitoring.reference_store import reference_folder
from ticket_assets.monitoring.trend import NOTHING, Point, window_row
from ticket_assets.monitoring.trend_plot import trend_chart
from ticket_assets.monitoring.verdict import Verdict, WindowRecord
from ticket_assets.monitoring_settings import DriftRule
from ticket_assets.serving.store import Champion

SHOWN = 20
NO_WINDOW = "no window is complete yet"
Figures = Mapping[str, float | None]


def day_metadata(folder: Path, day: date, state: DayState, gone: int) -> dict[str, Any]:
    """Rows of a day, how many of them have a label and who gave it, how far the log was read."""
    labelled = {
        f"labels of {target} {'left out, trained on' if source == TRAINED_ON else f'by {source}'}": rows
        for target, by_source in (state.labelled or {}).items()
        for source, rows in by_source.items()
    }
    return {
        "dagster/row_count": state.rows,
        **labelled,
        "read_until": state.read_until,
        "days_no_longer_kept": gone,
        "path": dg.MetadataValue.path(day_file(folder, day)),
    }


def reference_metadata(folder: Path, champion: Champion, basis: Basis, gone: int) -> dict[str, Any]:
    """Whose reference, how many rows, what is to be said of it."""
    its = basis.reference
    return {
        "champion": f"v{champion.version}",
        "bundle": champion.bundle,
        "training_rows": len(its.inputs),
        "held_out_rows": len(its.answers),
        "vectors": its.inputs.vectors is not None,
        "notes": _sentences(basis.notes),
        "former_references_removed": gone,
        "path": dg.MetadataValue.path(reference_folder(folder, champion.bundle)),
    }


def drift_metadata(folder: Path, judged: Sequence[Judged], new: int, waiting: int) -> dict[str, Any]:
    """The latest window's tests, and where Evidently's page of it lies."""
    told: dict[str, Any] = {"windows_judged": new, "predictions_waiting": waiting}
    if not judged:
        return {**told, "state": NO_WINDOW}
    latest = judged[-1]
    summary, page = latest.told["summary"], window_folder(folder, latest.window.id) / REPORT
    findings = [
        {
            "what": one["subject"],
            "verdict": one["verdict"],
            "adjusted p": _chance(one["adjusted"]),
            "effect": one["effect"],
            "effect is": one["effect_name"],
            "test": one["test"],
            "p": _chance(one["p_value"]),
        }
        for one in summary["findings"]
    ]
    told |= {"window": latest.window.id, "verdict": str(latest.verdict), "reasons": _sentences(latest.reasons)}
    told |= {"rows": summary["rows"], "of_rows": summary["of_rows"]}
    told |= {"page": dg.MetadataValue.path(page)} if page.exists() else {}
    told |= {"notes": _sentences(summary["notes"])}
    return told | ({"tests": table(findings)} if findings else {})


def performance_metadata(judged: Sequence[Judged], new: int, missing: str | None) -> dict[str, Any]:
    """The latest window's figures beside the promised ones; or what they cannot be held against."""
    if not judged or missing:
        return {"windows_judged": new, "state": missing or NO_WINDOW}
    latest = judged[-1]
    scores = [{"target": target, **_scores(its)} for target, its in latest.told["performance"].items()]
    shares = [{"target": target, **_shares(its)} for target, its in latest.told["by_hand"].items()]
    told: dict[str, Any] = {"windows_judged": new, "window": latest.window.id, "verdict": str(latest.verdict)}
    told |= {"reasons": _sentences(latest.reasons), "words": _sentences(latest.told["words"])}
    told |= {"notes": _sentences(latest.told["notes"])}
    told |= {"scores": table(scores)} if scores else {}
    told |= {"by_hand": table(shares)} if shares else {}
    return told | {"estimated_by": "average confidence (accuracy), CBPE (macro F1)"}


def history_metadata(
    records: Sequence[WindowRecord], points: Sequence[Point], added: int, rule: DriftRule, profile: str
) -> dict[str, Any]:
    """The trend as a picture, the last windows as a table, the latest record as JSON; the long ones last."""
    if not records:
        return {"windows_added": added, "windows": 0, "state": NO_WINDOW}
    rows = [window_row(one) for one in list(records)[-SHOWN:][::-1]]
    chart = trend_chart(points, rule, f"{profile}: live traffic against the champion's reference")
    alarms = sum(Verdict.ALARM in one.verdicts.values() for one in records)
    return {
        "windows_added": added,
        "windows": len(records),
        "windows_with_alarm": alarms,
        "trend": dg.MetadataValue.md(as_markdown_image(chart, "drift, performance and answers by hand over windows")),
        "last_windows": table(rows),
        "window": dg.MetadataValue.json(records[-1].as_dict()),
    }


def _sentences(said: Sequence[str]) -> dg.MetadataValue:
    """Sentences below each other; a list would be shown as JSON, and one without any as `[]`."""
    return table([{"said": one} for one in said]) if said else dg.MetadataValue.text(NOTHING)


def _scores(its: Figures) -> dict[str, str]:
    """A target's scores in few columns."""
    return {
        "labels": f"{its['rows'] or 0:,.0f}",
        "macro F1": f"{_number(its['macro_f1'])} [{_number(its['low'])}, {_number(its['high'])}]"
        if its["macro_f1"] is not None
        else NOTHING,
        "promised": f"{_number(its['promised'])}, at least {_number(its['promised_low'])}",
        "p": _chance(its.get("p_value")),
        "estimated": _number(its["estimated"]),
        "accuracy": f"{_number(its['accuracy'])}, promised {_number(its['promised_accuracy'])}",
        "estimated accuracy": _number(its["estimated_accuracy"]),
    }


def _shares(its: Figures) -> dict[str, str]:
    shares = {name: NOTHING if its.get(name) is None else f"{its[name]:.1%}" for name in ("share", "promised")}
    return shares | {"p": _chance(its.get("p_value"))}


def _chance(p_value: float | None) -> str:
    """A p-value; rounded like other numbers a small one would be 0, which none is."""
    return NOTHING if p_value is None else chance(p_value).removeprefix("p ").removeprefix("= ")


def _number(one: float | None) -> str:
    return NOTHING if one is None else f"{one:.3f}"
