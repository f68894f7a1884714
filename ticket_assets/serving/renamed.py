"""What bundles and hold-outs are called now that an erasure rewrote: they are named by their content.

Belongs here: id before to id now, read from the ledger of erasures; lines of the record with today's ids.
Does not belong here: rewriting a bundle (erased_bundles.py), the record itself, which is only ever appended to.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ticket_assets.storage import read_records
from ticket_assets.tickets.ledger import BUNDLE, LEDGER


def renamed(records: Path, kind: str = BUNDLE) -> dict[str, str]:
    """Id before to id now, from the folder of a profile's records; what no erasure touched is not in it.

    Args:
        records: the folder.
        kind: of entries: BUNDLE or HOLDOUT.
    """
    steps = {one["before"]: one["after"] for one in read_records(records / LEDGER).whole if one["kind"] == kind}
    for before in steps:
        while steps[before] in steps:  # rewritten again by a later erasure
            steps[before] = steps[steps[before]]
    return steps


def former_ids(bundle: str, names: Mapping[str, str]) -> frozenset[str]:
    """Ids that a bundle had before erasures renamed it; `names` as of `renamed`."""
    return frozenset(before for before, now in names.items() if now == bundle)


def as_called_now(line: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A line of the record with the ids that its bundles have now."""
    told = dict(line)
    for who in ("champion", "challenger"):
        if line.get(who) and "bundle" in line[who]:
            told[who] = {**line[who], "bundle": names.get(line[who]["bundle"], line[who]["bundle"])}
    if "models_from" in line:
        told["models_from"] = {target: names.get(one, one) for target, one in line["models_from"].items()}
    return told
