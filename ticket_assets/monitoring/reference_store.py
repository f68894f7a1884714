"""Where references are kept, in formats that run nothing when they are read.

Belongs here: writing one so that nobody meets half of it, reading it, which of them go.
Does not belong here: what stands in it (reference.py).

A folder per champion: `reference.json` with notes and what it was made with, and for each half a Parquet table of what
is text and an `.npz` of what is numbers.
"""

import json
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ticket_assets.monitoring.reference import Basis
from ticket_assets.monitoring.sample import Reference, Sample, TargetSample
from ticket_assets.storage import temporary_sibling
from ticket_assets.tables import write_parquet

FOLDER = "reference"  # as ProfileFolders.monitoring_copies has it: an erasure removes it
LAYOUT = 3  # and of the rule that chooses rows: one of an earlier rule is made again
_ABOUT = "reference.json"
_CONTEXT, _TRUTH = "context_", "truth_"


@dataclass(frozen=True)
class MadeWith:
    """What a reference depends on beside champion and tickets: another of these makes it again."""

    max_rows: int
    min_sample: int
    seed: int
    layout: int = LAYOUT


def reference_folder(monitoring: Path, bundle: str) -> Path:
    """Of a champion, under folders.monitoring."""
    return monitoring / FOLDER / bundle


def save_reference(monitoring: Path, basis: Basis, made_with: MadeWith) -> Path:
    """Write it; one that is there gives way. Return its folder."""
    place = reference_folder(monitoring, basis.reference.bundle)
    draft = temporary_sibling(place)
    draft.mkdir()
    try:
        _write(draft, "inputs", basis.reference.inputs)
        _write(draft, "answers", basis.reference.answers, basis.families)
        about = {"bundle": basis.reference.bundle, "notes": basis.notes, "made_with": vars(made_with)}
        (draft / _ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place


def has_reference(monitoring: Path, bundle: str) -> bool:
    """Whether a champion has one that can be read."""
    return _about(reference_folder(monitoring, bundle)) is not None


def load_reference(monitoring: Path, bundle: str, made_with: MadeWith | None = None) -> Basis | None:
    """That of a champion; None where there is none, or none that was made with this."""
    place = reference_folder(monitoring, bundle)
    about = _about(place)
    if about is None or (made_with is not None and about["made_with"] != vars(made_with)):
        return None
    inputs, _ = _read(place, "inputs")
    answers, families = _read(place, "answers")
    return Basis(Reference(about["bundle"], inputs, answers), families, tuple(about["notes"]))


def forget_references(monitoring: Path, needed: Collection[str]) -> int:
    """Remove those of other champions; return how many."""
    gone = [path for path in (monitoring / FOLDER).glob("[!.]*") if path.name not in needed]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return len(gone)


def _about(place: Path) -> dict[str, Any] | None:
    """What a reference says of itself; None where there is none, or one of another layout."""
    if not (place / _ABOUT).exists():
        return None
    told: dict[str, Any] = json.loads((place / _ABOUT).read_text(encoding="utf-8"))
    return told if told["made_with"]["layout"] == LAYOUT else None


def _write(folder: Path, name: str, sample: Sample, families: tuple[str, ...] | None = None) -> None:
    said: dict[str, Sequence[str | None]] = {"id": sample.ids, "text": sample.texts, "language": sample.languages}
    said |= {_CONTEXT + one: values for one, values in sample.context.items()}
    said |= {_TRUTH + target: its.truth for target, its in sample.targets.items()}
    said |= {"family": families} if families is not None else {}
    write_parquet(folder / f"{name}.parquet", pd.DataFrame(said, dtype=object))
    numbers = {"columns": sample.columns, "column_names": np.array(sample.column_names, dtype=np.str_)}
    numbers |= {} if sample.vectors is None else {"vectors": sample.vectors}
    for target, its in sample.targets.items():
        numbers |= {f"labels/{target}": np.array(its.labels, dtype=np.str_), f"shares/{target}": its.probabilities}
    np.savez(folder / f"{name}.npz", allow_pickle=False, **numbers)


def _read(folder: Path, name: str) -> tuple[Sample, tuple[str, ...]]:
    said = pd.read_parquet(folder / f"{name}.parquet")
    with np.load(folder / f"{name}.npz", allow_pickle=False) as held:
        numbers = {key: held[key] for key in held.files}

    def words(column: str) -> tuple[str | None, ...]:
        return tuple(one if isinstance(one, str) else None for one in said[column])

    targets = {
        key.removeprefix("labels/"): TargetSample(
            tuple(map(str, labels)),
            numbers[key.replace("labels/", "shares/", 1)],
            words(_TRUTH + key.removeprefix("labels/")),
        )
        for key, labels in numbers.items()
        if key.startswith("labels/")
    }
    sample = Sample(
        ids=tuple(said["id"]),
        texts=tuple(said["text"]),
        languages=tuple(said["language"]),
        columns=numbers["columns"],
        column_names=tuple(map(str, numbers["column_names"])),
        context={one.removeprefix(_CONTEXT): words(one) for one in said if one.startswith(_CONTEXT)},
        vectors=numbers.get("vectors"),
        targets=targets,
    )
    return sample, tuple(said["family"]) if "family" in said else ()
