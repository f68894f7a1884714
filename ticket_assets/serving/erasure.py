"""Erasing a person's tickets from everything that a profile keeps: what goes, in which order, and what is left to say.

Belongs here: the plan, which is kept until all of it is proven done; its steps; asking for the proof.
Does not belong here: how one store is rewritten (`erasure` of each folder, erased_bundles.py), searching (proof.py).

Every step may be done twice. A process that is killed leaves the plan, with which the next one begins again; until it
is carried out nothing else runs on the profile (state.py). The plan holds what is to be erased, and goes last.
"""

import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from ticket_assets.features.erasure import erase_vectors
from ticket_assets.models.erasure import erase_candidates, erase_from_holdout, erase_from_tables, own_terms
from ticket_assets.models.neighbours import row_names
from ticket_assets.models.registry import Registry
from ticket_assets.models.seen_tickets import erase_seen
from ticket_assets.models.split import Holdout
from ticket_assets.models.trained_rows import erase_trained
from ticket_assets.profile import ColumnSettings
from ticket_assets.serving.bento import BUILDING
from ticket_assets.serving.erased_bundles import erase_from_artifacts, erase_from_bundles, remove_bentos
from ticket_assets.serving.fitted import touched
from ticket_assets.serving.prediction_log.erasure import erase as erase_from_log
from ticket_assets.serving.prediction_log.erasure import traces as traces_in_log
from ticket_assets.serving.prediction_log.schema import reached
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.proof import Found, search
from ticket_assets.serving.redaction import LockedError, redact
from ticket_assets.state import plan_of_erasure
from ticket_assets.storage import ProfileFolders, append_record, write_text
from ticket_assets.tickets.arriving import is_scoring
from ticket_assets.tickets.erasure import Erased, Selection, erase_from_file, erase_rows, said_by, select
from ticket_assets.tickets.feedback_erasure import is_among, with_feedback
from ticket_assets.tickets.ledger import LEDGER, PROOF, enter
from ticket_assets.tickets.masking import TOKENS
from ticket_assets.tickets.quarantine import as_shown, erase_from_exports
from ticket_assets.tickets.traces import Finder, Traces, is_telling, pieces

# What is written before it has its name: files and folders of any store, tables of LanceDB, bentos, encoders.
LEFTOVERS = (".*.tmp", ".new-*", f"{BUILDING}*", ".partial-*")
DOCUMENTS = (("tickets/clean", "text"), ("features/text", "document"))


@dataclass(frozen=True)
class Site:
    """Where an erasure takes place: the profile's folders, its columns, those of its labels, its registry, its log."""

    folders: ProfileFolders
    columns: ColumnSettings
    labels: tuple[str, ...]
    registry: Registry
    log: PredictionLogSettings | None = None


@dataclass(frozen=True)
class Plan:
    """What is to go, and what must be found nowhere afterwards.

    Attributes:
        name: of the erasure, in the ledger.
        at: when it was planned, ISO 8601.
        erased: tickets and rows.
        traces: of them.
        trained: whether they may have been trained on: the snapshot holds some that are not held out.
        fitted: versions of the data in which bundles of the store were (fitted.py); None in a plan that an earlier
            version of the project made, which does not tell.
    """

    name: str
    at: str
    erased: Erased
    traces: Traces
    trained: bool = False
    fitted: tuple[str, ...] | None = ()

    def keep(self, folders: ProfileFolders) -> None:
        """Write it down: from here on the erasure is begun."""
        write_text(plan_of_erasure(folders.root), json.dumps(asdict(self), default=sorted))

    @classmethod
    def begun(cls, folders: ProfileFolders) -> "Plan | None":
        """The plan of an erasure that was begun and not proven done."""
        if not plan_of_erasure(folders.root).exists():
            return None
        raw = json.loads(plan_of_erasure(folders.root).read_text(encoding="utf-8"))
        erased = Erased(**{name: frozenset(its) for name, its in raw["erased"].items()})
        its = raw["traces"]
        traces = Traces(
            tuple(its["ids"]),
            tuple(map(tuple, its["texts"])),
            tuple(its["names"]),
            frozenset(its["terms"]),
            frozenset(its["mentioned"]),
        )
        # A plan of an earlier version of the project does not say it: as if they had been trained on.
        trained, fitted = raw.get("trained", True), raw.get("fitted")
        told = None if fitted is None and trained else tuple(fitted or ())
        return cls(raw["name"], raw["at"], erased, traces, trained, told)


def plan(site: Site, wanted: Selection) -> Plan | None:
    """What an erasure of these tickets would take; None where nothing of them is found anywhere.

    Raises:
        SelectionError: what is asked for cannot be looked for.
    """
    erased = select(site.folders.raw, site.columns, wanted)
    # Of an id that the snapshot does not know, something may stand elsewhere.
    erased = replace(erased, tickets=erased.tickets | {*wanted.ids})
    clean = site.folders.parquet / "tickets" / "clean.parquet"
    erased = with_feedback(erased, wanted, clean.with_stem("feedback"), clean)
    if not (erased.tickets or erased.contents):
        return None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    has_rows = bool(erased.contents) or is_among(erased, clean)
    trained = _not_held_out(site.folders, erased.tickets) if has_rows else frozenset()
    fitted = touched(site.folders.bundles, site.folders.trained, trained)
    made = Plan(uuid.uuid4().hex, now, erased, _traces(site, erased), bool(trained), fitted)
    return made if erased.contents or any(one.hits for one in look(site, made)) else None


STEPS: tuple[tuple[str, Callable[[Site, Plan], Any]], ...] = (
    # First of all: from here on no reading brings a row back.
    (
        "ledger",
        lambda site, plan: enter(
            site.folders.records, plan.name, plan.at, plan.erased.tickets, plan.erased.contents, plan.fitted
        ),
    ),
    ("lists of training tickets", lambda site, plan: _lists(site.folders, plan.erased.tickets)),
    # What a killed process left half written may hold anything, and would be taken for what it was to become.
    ("leftovers", lambda site, plan: sweep(site.folders.root)),
    ("prediction log", lambda site, plan: _logged(site.log, plan) if site.log else 0),
    ("bundles", lambda site, plan: _bundles(site, plan)),
    ("MLflow's copies", lambda site, plan: _artifacts(site, plan)),
    ("bentos", lambda site, plan: remove_bentos(site.folders.bentos, plan.traces)),
    # Cleaned texts and pairs, kept so that only new tickets cost: the next run makes them again.
    ("kept results", lambda site, plan: _remove(site.folders.kept)),
    ("copies of monitoring", lambda site, plan: _remove(*site.folders.monitoring_copies())),
    ("candidates", lambda site, plan: erase_candidates(site.folders.candidates, plan.traces, plan.trained)),
    ("vectors", lambda site, plan: erase_vectors(site.folders.vectors, plan.erased.tickets)),
    ("tables", lambda site, plan: erase_from_tables(site.folders.parquet, plan.erased)),
    ("tables for people", lambda site, plan: erase_from_exports(site.folders.reports, plan.erased.rows)),
    ("hold-out", lambda site, plan: _holdout(site.folders, plan)),
    ("generated source", lambda site, plan: erase_from_file(site.folders.source, site.columns, plan.erased)),
    ("raw batches", lambda site, plan: erase_rows(site.folders.raw, site.columns, plan.erased)),
)


def carry_out(site: Site, plan: Plan, progress: Callable[[str, Any], None]) -> None:
    """Do every step; begun again after it was broken off, it ends the same.

    Args:
        site: where.
        plan: what.
        progress: called with the name of each step and what came of it.
    """
    plan.keep(site.folders)
    for name, step in STEPS:
        progress(name, step(site, plan))


def prove(site: Site, plan: Plan) -> list[Found]:
    """Black out what logs and databases still say, then search everything; recorded, and done if nothing is found."""
    folders = site.folders
    for one in look(site, plan):
        if one.hits and one.path.is_file():
            with suppress(FileNotFoundError):  # a service that runs removed it just now
                redact(one.path, folders.root, plan.traces)
    found = look(site, plan)
    hits = sum(one.hits for one in found)
    places = dict(sorted(Counter(one.place for one in found).items()))
    proof = {"kind": PROOF, "erasure": plan.name, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    append_record(folders.records / LEDGER, {**proof, "files_searched": places, "hits": hits})
    if not hits:
        plan_of_erasure(folders.root).unlink()
    return found


def look(site: Site, plan: Plan) -> list[Found]:
    """Search everything under the root but the plan itself, and the prediction log wherever it lies."""
    found = search(site.folders.root, plan.traces, site.columns.id, but=(plan_of_erasure(site.folders.root),))
    if site.log is None:
        return found
    with reached(site.log) as engine:
        logged = traces_in_log(engine, site.log.spool, plan.erased.tickets, plan.erased.predictions)
    return [*found, Found(site.log.folder, "prediction log", len(logged))]


def _logged(log: PredictionLogSettings, plan: Plan) -> dict[str, int]:
    """Also while a service runs."""
    with reached(log) as engine:
        return asdict(erase_from_log(engine, log.spool, plan.erased.tickets, plan.erased.predictions))


def _bundles(site: Site, plan: Plan) -> dict[str, str]:
    return erase_from_bundles(site.folders.bundles, site.folders.records, site.registry, plan.traces)


def _artifacts(site: Site, plan: Plan) -> int:
    return erase_from_artifacts(site.folders.artifacts, site.folders.records, plan.traces)


def _lists(folders: ProfileFolders, ticket_ids: Collection[str]) -> int:
    return erase_trained(folders.trained, ticket_ids) + bool(erase_seen(folders.split, ticket_ids))


def _holdout(folders: ProfileFolders, plan: Plan) -> int:
    return erase_from_holdout(folders.split / "holdout.json", folders.records, plan.erased.tickets)


def _not_held_out(folders: ProfileFolders, ticket_ids: Collection[str]) -> frozenset[str]:
    path = folders.split / "holdout.json"
    return frozenset(ticket_ids) - {*(Holdout.load(path).ticket_ids if path.exists() else ())}


def _remove(*folders: Path) -> None:
    for folder in folders:
        if folder.is_dir():
            shutil.rmtree(folder)


def sweep(root: Path) -> int:
    """Remove what killed processes left half written, which may hold anything; no run is at work now, a service may be.

    Raises:
        LockedError: a scoring is at work: its rows are not left by anybody, and may be of the tickets.
    """
    if is_scoring(root):
        raise LockedError(f"make score is at work on {root.name}: wait for it or stop it, and run the same again")
    left = []
    for folder, below, names in os.walk(root):  # which takes it well that a folder goes meanwhile
        its = [one for one in (*below, *names) if any(fnmatchcase(one, name) for name in LEFTOVERS)]
        below[:] = [one for one in below if one not in its]
        left += [Path(folder, one) for one in its]
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(left)


def _traces(site: Site, erased: Erased) -> Traces:
    """What tells of these tickets and of no other; what tickets that stay say as well, they are not erased for."""
    ids = tuple(sorted(erased.tickets))
    unsaid = [name for name in (*site.labels, site.columns.id) if name]
    gone = _documents(site.folders, erased.tickets, stays=False)
    values = {value for rows in said_by(site.folders.raw, site.columns, erased, False, unsaid) for value in rows}
    cut = {value: pieces(value) for value in sorted({*values, *gone})}
    cut |= {shown: _unmasked(pieces(shown)) for shown in sorted(set(map(as_shown, values)) - cut.keys())}
    finder = Finder((one for its in cut.values() for one in its), filter(is_telling, ids))
    staying = _documents(site.folders, erased.tickets, stays=True)
    shared: set[str] = set()
    for rows in (*said_by(site.folders.raw, site.columns, erased, True), staying):
        shared |= finder.within("\x00".join(rows).encode("utf-8", "surrogatepass"))
    texts = tuple(kept for its in cut.values() if (kept := tuple(one for one in its if one not in shared)))
    names = tuple(one.decode() for one in row_names(ids).tolist())
    return Traces(ids, texts, names, own_terms([*gone, *values], staying), frozenset(shared & {*ids}))


def _unmasked(said: list[str]) -> list[str]:
    """Pieces without a mask, which stands in everybody's text."""
    return [one for one in said if not any(token in one for token in TOKENS.values())]


def _documents(folders: ProfileFolders, ticket_ids: Collection[str], stays: bool) -> list[str]:
    return [text for texts in _columns(folders, ticket_ids, stays) for text in texts if text]


def _columns(folders: ProfileFolders, ticket_ids: Collection[str], stays: bool) -> Iterator[list[str]]:
    for table, column in DOCUMENTS:
        path = folders.parquet / f"{table}.parquet"
        if path.exists():
            rows = pd.read_parquet(path, columns=["ticket_id", column])
            yield rows.loc[rows["ticket_id"].isin(ticket_ids) ^ stays, column].tolist()
