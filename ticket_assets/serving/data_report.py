"""What a report says of the data: rows and where they went, source, languages, dates, families, hold-out.

Belongs here: lines of what assets recorded; what none recorded is left out.
Does not belong here: any counting (tickets/, the assets record it), reading the records (automation/recorded.py).
"""

from collections.abc import Iterator, Mapping
from typing import Any

ASSETS = ("tickets/raw", "tickets/clean", "tickets/quarantine", "tickets/quality", "models/split")
Recorded = Mapping[str, Mapping[str, Any]]
_FATES = ("clean", "superseded", "folded", "quarantined")
_READ_AS = "files read as "
_LANGUAGES_NAMED = 6
_SIDES = {"holdout": "held out", "train": "to train on", "barred": "barred, being relatives of those held out"}


def data_lines(recorded: Recorded) -> Iterator[str]:
    """Lines for a terminal; none where nothing was recorded.

    Args:
        recorded: asset to name to value, of the assets in ASSETS; `erased` of `tickets/raw` says that an erasure
            rewrote it after all of this was counted.
    """
    raw, clean, quarantine, quality, split = (recorded.get(one, {}) for one in ASSETS)
    told = [
        ("rows", _rows(clean, quarantine)),
        ("source", _source(raw)),
        ("languages", _languages(clean.get("languages") or {})),
        ("dates", _dates((quality.get("dates") or [{}])[0], clean)),
        ("families", _families((quality.get("duplicates") or [{}])[0], clean)),
        ("hold-out", _sides(split)),
        ("", split.get("doubt")),  # whether today's dates would choose another
    ]
    lines = [f"  {name:<10} {said}" for name, said in told if said]
    if not lines:
        return
    yield "data, as the last run counted it before tickets were erased" if raw.get("erased") else "data"
    yield from lines


def _rows(clean: Mapping[str, Any], quarantine: Mapping[str, Any]) -> str:
    if "read" not in clean:
        return ""
    said = f"{clean['read']:,} read = " + " + ".join(f"{clean[fate]:,} {fate}" for fate in _FATES)
    reasons = [f"{one['reason']} {one['rows']:,}" for one in quarantine.get("reasons", ()) if one["rows"]]
    return f"{said} ({', '.join(reasons)})" if reasons else said


def _source(raw: Mapping[str, Any]) -> str:
    """What files were read as; a table or a Parquet file has no encoding to tell."""
    dialects = {name.removeprefix(_READ_AS): int(count) for name, count in raw.items() if name.startswith(_READ_AS)}
    told = [f"{count:,} file{'' if count == 1 else 's'} of {dialect}" for dialect, count in dialects.items()]
    return "; ".join(filter(None, (str(raw.get("source", "")), *told)))


def _languages(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    named = [f"{code} {_share(count, total)}" for code, count in ordered[:_LANGUAGES_NAMED]]
    others = sum(count for _, count in ordered[_LANGUAGES_NAMED:])
    return ", ".join([*named, *([f"others {_share(others, total)}"] if others else [])])


def _dates(found: Mapping[str, Any], clean: Mapping[str, Any]) -> str:
    order = clean.get("date_order")
    read = f"dates by numbers read {order}" if order else ""
    unreadable = clean.get("unreadable_dates")
    unread = f"{unreadable:,} that cannot be read" if unreadable else ""
    if not found.get("first"):
        return ", ".join(filter(None, (read, unread)))
    counts = {"without a date": found["missing"], "later than they were read": found["future"]}
    rest = [f"{count:,} {what}" for what, count in counts.items() if count]
    return ", ".join(filter(None, (f"{found['first']} to {found['last']}", read, *rest, unread)))


def _families(found: Mapping[str, Any], clean: Mapping[str, Any]) -> str:
    if "families" not in found:
        return ""
    said = f"{found['families']:,} of near-duplicates"
    if not found["families"]:
        return said
    share = clean.get("in_families_share")
    its = f", with {share:.0%} of the tickets" if share is not None else ""
    return f"{said}{its}; the largest has {found['largest family']:,}"


def _sides(split: Mapping[str, Any]) -> str:
    sides = split.get("sides") or {}
    return ", ".join(f"{sides[side]:,} {what}" for side, what in _SIDES.items() if sides.get(side))


def _share(count: int, total: int) -> str:
    """Whole percents; below one, that it is below."""
    return f"{count / total:.0%}" if count / total >= 0.005 else "under 1%"
