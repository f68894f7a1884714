"""What happened at a desk of the loop, read from what its daemon and its service leave: the timeline.

Belongs here: windows, runs and decisions of a desk as moments in their order.
Does not belong here: what is asked of them (loop.py), drawing them (loop_figures.py).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from benchmarks.loop_desk import Desk
from benchmarks.loop_traffic import Heard, Phase
from ticket_assets.automation.evidence import CAUSES_TAG, CLEAN
from ticket_assets.automation.runs import DEPLOY, RETRAIN
from ticket_assets.monitoring.history import HISTORY
from ticket_assets.monitoring.verdict import Verdict, WindowRecord
from ticket_assets.serving.record import Event, decisions, event
from ticket_assets.storage import read_records

PHASES = {
    Phase.USUAL: "traffic as trained",
    Phase.CHANGED: "new tickets appear",
    Phase.CORRECTED: "people begin to say what was right",
    Phase.QUIET: "swapped: more of the same traffic",
}


@dataclass(frozen=True, order=True)
class Moment:
    """Something that happened: when (s since 1970), in words."""

    at: float
    words: str


def windows(desk: Desk, version: int | None = None) -> list[WindowRecord]:
    """Judged windows, of all champions or of one version."""
    told = [WindowRecord.from_dict(one) for one in read_records(desk.folders.monitoring / HISTORY).whole]
    return [one for one in told if version is None or one.version == version]


def alarmed(desk: Desk, version: int) -> list[WindowRecord]:
    """Windows of a version with an alarm."""
    return [one for one in windows(desk, version) if Verdict.ALARM in one.verdicts.values()]


def runs(desk: Desk, job: str) -> list[dg.RunRecord]:
    """Runs of a job, oldest first."""
    with dg.DagsterInstance.from_config(str(desk.folders.root / "dagster")) as instance:
        return list(reversed(instance.get_run_records(dg.RunsFilter(job_name=job))))


def clean_rows(desk: Desk) -> list[tuple[float, int]]:
    """When `tickets/clean` was made (s since 1970) and with how many rows, oldest first."""
    with dg.DagsterInstance.from_config(str(desk.folders.root / "dagster")) as instance:
        found = instance.fetch_materializations(CLEAN, limit=1000).records
    made = [(one.timestamp, one.asset_materialization) for one in reversed(found)]
    return [(at, int(str(one.metadata["clean"].value))) for at, one in made if one and "clean" in one.metadata]


def refusals(desk: Desk) -> list[str]:
    """Why challengers were refused."""
    told = decisions(desk.folders.records).whole
    return [one["reason"] for one in told if event(one) is Event.DECISION and not one["promoted"]]


def failed(desk: Desk, until: float) -> list[str]:
    """Runs of any job that failed until a moment (s since 1970): what is at work when the daemon is ended fails too."""
    with dg.DagsterInstance.from_config(str(desk.folders.root / "dagster")) as instance:
        found = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        return [f"{one.dagster_run.job_name} {one.dagster_run.run_id}" for one in found if (one.end_time or 0) < until]


def timeline(desk: Desk, heard: Heard, phases: dict[Phase, float]) -> list[Moment]:
    """All of it in its order."""
    found = [Moment(at, PHASES[phase]) for phase, at in phases.items()]
    for one in windows(desk):
        loud = {kind: verdict for kind, verdict in one.verdicts.items() if verdict in (Verdict.WARN, Verdict.ALARM)}
        if loud:
            said = ", ".join(f"{kind.replace('_', ' ')}: {verdict}" for kind, verdict in loud.items())
            found.append(Moment(seconds(one.until), f"window {one.number} of v{one.version} ends: {said}"))
    for job in (RETRAIN, DEPLOY):
        for record in runs(desk, job):
            causes = record.dagster_run.tags.get(CAUSES_TAG, "")
            began = record.start_time or record.create_timestamp.replace(tzinfo=UTC).timestamp()
            found.append(Moment(began, f"run {job} begins" + (f": {causes}" if causes else "")))
            if record.end_time:
                found.append(Moment(record.end_time, f"run {job}: {record.dagster_run.status.value.lower()}"))
    for line in decisions(desk.folders.records).whole:
        found.append(Moment(seconds(line["at"]), f"decision: {line['reason']}"))
    seen: set[int] = set()
    for answer in heard.answers:
        if answer.version not in seen:
            seen.add(answer.version)
            found.append(Moment(answer.at, f"the first answer by v{answer.version}"))
    return sorted(found)


def count_runs(desk: Desk) -> dict[str, int]:
    """Runs of the daemon by job and state."""
    with dg.DagsterInstance.from_config(str(desk.folders.root / "dagster")) as instance:
        found = Counter(f"{one.job_name} {one.status.value.lower()}" for one in instance.get_runs())
    return dict(sorted(found.items()))


def seconds(told: str) -> float:
    """Seconds since 1970 of an ISO 8601 moment."""
    return datetime.fromisoformat(told).timestamp()
