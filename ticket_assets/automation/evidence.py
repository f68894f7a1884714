"""Gathering what a retraining is decided from: records, runs and materialisations of a profile.

Belongs here: reading the instance and the profile's folders; nothing that takes longer than some look-ups.
Does not belong here: deciding (monitoring/decision.py), the sensor (retraining.py).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from ticket_assets.automation.runs import LOST_AFTER, RETRAIN, at_work, began, is_lost
from ticket_assets.automation.told import DATA_VERSION, is_of_other_data
from ticket_assets.monitoring.evidence import Champion, Evidence, Retraining, State
from ticket_assets.monitoring.orders import read_orders
from ticket_assets.monitoring.recent_families import unseen_families
from ticket_assets.monitoring.verdict import WindowRecord
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.fitted import DATA
from ticket_assets.serving.manifest import BundleError, BundleManifest
from ticket_assets.serving.record import Event, event
from ticket_assets.serving.renamed import renamed
from ticket_assets.serving.store import read_challenger
from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders, read_records
from ticket_assets.tickets.ledger import erased_between

EVENT_TAG, EVENTS_TAG, CAUSES_TAG = "ticket-assets/retrain", "ticket-assets/events", "ticket-assets/causes"
HISTORY = dg.AssetKey(["monitoring", "history"])
CLEAN = dg.AssetKey(["tickets", "clean"])
WINDOW = "window"  # metadata of monitoring/history: the latest record as JSON
HISTORY_FILE = "history.jsonl"
REMEMBERED = 100  # runs and materialisations that are looked at
PAGE, PAGES = 20, 50  # materialisations of the tickets: the one that is looked for is among the first, or far back
CORRECTED = ("feedback_relabelled", "feedback_labelled", "feedback_confirmed")
CORRECTED_NEW = "feedback_new"  # tickets that the source does not have: they count as rows already
_STATES = {
    dg.DagsterRunStatus.SUCCESS: State.DONE,
    dg.DagsterRunStatus.FAILURE: State.FAILED,
    dg.DagsterRunStatus.CANCELED: State.STOPPED,
}


def gather(
    settings: Settings,
    instance: dg.DagsterInstance,
    parents: Mapping[dg.AssetKey, Iterable[dg.AssetKey]],
    now: datetime,
) -> Evidence:
    """All that counts at this moment.

    Args:
        settings: of the profile.
        instance: its Dagster instance.
        parents: of each asset that follows the data by itself, those that it is made from.
        now: the moment (UTC).
    """
    folders = ProfileFolders(settings.profile_root)
    standing = Chronicle.read(folders.records, folders.bundles)
    seat, pin = standing.champion, standing.pin(now)
    champion = Champion(seat.bundle, seat.version, datetime.fromisoformat(seat.since)) if seat else None
    # Named by bundles, which an erasure calls otherwise: what had its run had it.
    names = renamed(folders.records)
    windows = tuple(replace(one, bundle=names.get(one.bundle, one.bundle)) for one in read_windows(folders, instance))
    manifest = _manifest(folders, champion)
    corrected, fresh = _unseen(instance, manifest, folders.records, _made_at(standing))
    judged = [line["at"] for line in standing.lines if event(line) is Event.DECISION]
    if corrected is None:
        corrected = next(
            (one.feedback_rows for one in reversed(windows) if champion and one.bundle == champion.bundle), 0
        )
    return Evidence(
        now=now,
        champion=champion,
        windows=windows,
        feedback_rows=corrected,
        fresh_rows=fresh,
        recent_families=(
            unseen_families(folders, manifest, settings.active.monitoring.feedback.held_out_share) if manifest else None
        ),
        orders=read_orders(folders.records),
        retrainings=retrainings(instance, now, judged_in(standing), names),
        decided_at=datetime.fromisoformat(judged[-1]) if judged else None,
        pinned_until=pin.until if pin else None,
        in_shadow=_in_shadow(folders, champion),
        at_work=tuple(one.run_id for one in at_work(instance, "models", now) if one.job_name != RETRAIN),
        behind=behind(instance, parents, now),
    )


def _in_shadow(folders: ProfileFolders, champion: Champion | None) -> int | None:
    """Version of who is in this champion's shadow; that of another's waits for nothing."""
    challenger = read_challenger(folders.bundles)
    return challenger.version if challenger and champion and challenger.against == champion.bundle else None


def read_windows(folders: ProfileFolders, instance: dg.DagsterInstance) -> tuple[WindowRecord, ...]:
    """Judged windows in their order: of the history's file, and of what its asset told of late."""
    told: list[Mapping[str, Any]] = list(read_records(folders.monitoring / HISTORY_FILE).whole)
    for record in reversed(instance.fetch_materializations(HISTORY, limit=REMEMBERED).records):
        made = record.asset_materialization
        said = made.metadata.get(WINDOW) if made else None
        value: Any = said.value if said is not None else None
        if value:
            told.append(json.loads(value) if isinstance(value, str) else value)
    found = {(one["window"], one["since"]): WindowRecord.from_dict(one) for one in told}
    return tuple(sorted(found.values(), key=lambda one: (one.since, one.number)))


def judged_in(standing: Chronicle) -> frozenset[str]:
    """Runs that judged a challenger, by the record of decisions; not one whose promotion was broken off."""
    judged = (
        line.get("dagster_run")
        for place, line in enumerate(standing.lines)
        if event(line) in (Event.DECISION, Event.SHADOW) and not standing.is_broken_off(place)
    )
    return frozenset(filter(None, judged))


def retrainings(
    instance: dg.DagsterInstance, now: datetime, judged: frozenset[str], names: Mapping[str, str]
) -> tuple[Retraining, ...]:
    """Runs of job `retrain`, newest first; one that is lost counts as failed.

    Args:
        instance: that knows the runs.
        now: the moment (UTC).
        judged: runs that judged their challenger. One that failed after that, as by a machine that died, is done: a
            challenger that was refused is not made again for the same event.
        names: bundles that are called otherwise now: id before to id now.
    """
    found = []
    for record in instance.get_run_records(dg.RunsFilter(job_name=RETRAIN), limit=REMEMBERED):
        run = record.dagster_run
        ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None
        state = _STATES.get(run.status, State.AT_WORK)
        if state is State.AT_WORK and is_lost(instance, record, now):
            state, ended = State.FAILED, min(began(record) + LOST_AFTER, now)
        if state is State.FAILED and run.run_id in judged:
            state = State.DONE
        events = tuple(_as_called_now(one, names) for one in json.loads(run.tags.get(EVENTS_TAG, "[]")))
        found.append(Retraining(run.run_id, events, state, began(record), ended))
    return tuple(found)


def _as_called_now(event: str, names: Mapping[str, str]) -> str:
    """`feedback-<bundle>-…` and `stale-<bundle>-…` with the bundle's id of today; a window keeps its id for good."""
    kind, _, rest = event.partition("-")
    bundle, _, count = rest.partition("-")
    return f"{kind}-{names[bundle]}-{count}" if bundle in names else event


def behind(
    instance: dg.DagsterInstance, parents: Mapping[dg.AssetKey, Iterable[dg.AssetKey]], now: datetime
) -> tuple[str, ...]:
    """Assets that were made from other data than there is now, and that no run is about to make.

    What is being made is not waited for: a retraining stands in the same queue (`LANE`), and begins when it is there.
    """
    found = [key for key, its in parents.items() if is_of_other_data(instance, key, its)]
    if not found:
        return ()
    made = set().union(*(run.asset_selection or () for run in at_work(instance, "features", now)))
    return tuple(sorted(key.to_user_string() for key in found if key not in made))


def _manifest(folders: ProfileFolders, champion: Champion | None) -> BundleManifest | None:
    """The champion's; None where its files are out of reach, or of another version: report and service say so."""
    if champion is None:
        return None
    try:
        return BundleManifest.read(folders.bundles / champion.bundle)
    except BundleError:
        return None


def _made_at(standing: Chronicle) -> datetime | None:
    """When the champion was judged first: it was made of what there was before. Of one without a line, its seat."""
    seat = standing.champion
    if seat is None:
        return None
    lines = (line for line in standing.lines if (line.get("challenger") or {}).get("bundle") == seat.bundle)
    return datetime.fromisoformat(next((line["at"] for line in lines), seat.since))


def _unseen(
    instance: dg.DagsterInstance, manifest: BundleManifest | None, records: Path, made_at: datetime | None
) -> tuple[int | None, int | None]:
    """Corrections, and labelled tickets with them, that came to `tickets/clean` since the champion was made from it.

    Tickets that were erased in between are no longer there, and did not take new ones with them. None where nothing
    tells: the champion's version of the table is not on record.
    """
    if manifest is None or made_at is None:
        return None, None
    made_from = manifest.data.get(DATA)
    then = next((one for one in _counted(instance, made_at) if one[1].get(DATA_VERSION) == made_from), None)
    latest = next(_counted(instance), None)
    if then is None or latest is None:
        return None, None
    (until, _, today), (since, _, before) = latest, then
    erased = erased_between(records, datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC))
    rows = today["clean"] - before["clean"] + erased
    corrected = _sum(today, CORRECTED) - _sum(before, CORRECTED)
    new = _sum(today, (CORRECTED_NEW,)) - _sum(before, (CORRECTED_NEW,))
    # Where nothing was ever corrected, the table says nothing of corrections; nor of those that came since, where an
    # erasure took some: the log counts these by time.
    says = not erased and any(name in today for name in (*CORRECTED, CORRECTED_NEW))
    return (max(corrected, 0) + max(new, 0) if says else None), max(rows, 0) + max(corrected, 0)


def _counted(
    instance: dg.DagsterInstance, made_at: datetime | None = None
) -> Iterator[tuple[float, Mapping[str, str], dict[str, int]]]:
    """Time, tags and counts of `tickets/clean`, newest first, as it was made until a moment, with that second.

    What an erasure told of the table are no counts. Read page by page, so that who finds it at once reads no more.
    """
    until = (made_at + timedelta(seconds=1)).timestamp() if made_at else None
    wanted, cursor = dg.AssetRecordsFilter(CLEAN, before_timestamp=until), None
    for _ in range(PAGES):
        page = instance.fetch_materializations(wanted, limit=PAGE, cursor=cursor)
        for one in page.records:
            if (made := one.asset_materialization) and "clean" in (numbers := _numbers(made)):
                yield one.timestamp, made.tags or {}, numbers
        if not page.has_more:
            return
        cursor = page.cursor


def _numbers(made: dg.AssetMaterialization) -> dict[str, int]:
    """Whole numbers of its metadata."""
    return {name: one.value for name, one in made.metadata.items() if isinstance(one.value, int)}


def _sum(told: Mapping[str, int], names: Iterable[str]) -> int:
    return sum(told.get(name, 0) for name in names)
