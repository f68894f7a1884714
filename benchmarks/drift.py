"""How often the drift tests speak without drift, and how much of it they find: real tickets, windows by the thousand.

python -m benchmarks.drift --data ../shared/data --state path/to/folder [--stages 0 1] [--encoder onnx --rows 9000]
python -m benchmarks.drift --smoke --state path/to/folder     # generated tickets, under five minutes
Every window is a line of <state>/<run>/windows.jsonl; a run that was stopped goes on where it was. Table and pictures:
python -m benchmarks.drift_figures --runs <state>/<run> …

Belongs here: the plan, the run over windows, its file.
Does not belong here: pools (drift_pools.py), kinds (drift_kinds.py), rivals (drift_rivals.py), table and pictures.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.drift_kinds import KINDS, NONE, PoolTooSmallError, Round, Sizes, window
from benchmarks.drift_pools import Encode, Encoded, Pool, make_pool, read_pool
from benchmarks.drift_rivals import evidently_says, score_says
from ticket_assets.monitoring.drift.detector import Detector
from ticket_assets.monitoring.sample import Sample
from ticket_assets.monitoring.verdict import DriftSummary, Verdict
from ticket_assets.monitoring_settings import DriftRule, WindowSettings

STRENGTHS = (0.05, 0.1, 0.2, 0.4)
STREAM = "stream"
MOST_WINDOWS = 6
# Evidently takes longer than all our tests: it sees so many windows of each cell, and only those of 500.
SEEN_BY_EVIDENTLY = {NONE: 300, "": 10}


@dataclass(frozen=True)
class Cell:
    """Windows of one pool, kind, strength and size; `stream` follows a change over windows."""

    pool: str
    kind: str
    strength: float
    rows: int
    windows: int
    way: str = "windows"

    def key(self, index: int) -> str:
        """Name of one of its windows."""
        return f"{self.pool}/{self.way}/{self.kind}/{self.strength}/{self.rows}/{index}"


@dataclass(frozen=True)
class Plan:
    """Cells in stages, the most telling first, and how many champions share them."""

    stages: tuple[tuple[Cell, ...], ...]
    rounds: int
    sizes: Sizes


def full_plan(quiet: int = 1000, each: int = 40) -> Plan:
    """All that the goals are about."""
    ours = [(pool, kind) for kind, its in KINDS.items() if kind != NONE for pool in its.pools]
    home = [one for one in ours if one[0] == "it_service" or one[1] == "language mix"]
    away = [one for one in ours if one not in home]

    def cells(which: Sequence[tuple[str, str]], rows: int, strengths: Sequence[float]) -> tuple[Cell, ...]:
        return tuple(Cell(pool, kind, strength, rows, each) for pool, kind in which for strength in strengths)

    stages = (
        (Cell("it_service", NONE, 0.0, 500, quiet),),
        cells(home, 500, STRENGTHS),
        (Cell("helpdesk", NONE, 0.0, 500, quiet),),
        cells(home, 2000, (0.1,)),
        cells(away, 500, STRENGTHS),
        tuple(Cell(pool, kind, share, 500, each, STREAM) for pool, kind in home for share in (0.1, 0.2)),
        (*cells(home, 2000, (0.05, 0.2, 0.4)), *cells(away, 2000, STRENGTHS)),
        cells(ours, 200, STRENGTHS),
    )
    return Plan(stages, 10, Sizes())


def smoke_plan() -> Plan:
    """A few windows of each way, on a small pool of generated tickets."""
    kinds = ("length", "typos", "vendor", "concept shift")
    cells = [Cell("generated", kind, share, 200, 4) for kind in kinds for share in (0.1, 0.4)]
    quiet, stream = Cell("generated", NONE, 0.0, 200, 40), Cell("generated", "typos", 0.4, 200, 4, STREAM)
    return Plan(((quiet,), tuple(cells), (stream,)), 2, Sizes(600, 300))


def main() -> None:
    """Run a plan, as far as it is not done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--encoder", choices=("static", "onnx"), default="static")
    parser.add_argument("--rows", type=int, help="most tickets of a pool")
    parser.add_argument("--stages", type=int, nargs="+", help="of the plan, from 0; all without")
    parser.add_argument("--strengths", type=float, nargs="+", help="these alone")
    parser.add_argument("--pool", help="this one alone")
    parser.add_argument("--quiet", type=int, default=1000, help="windows without drift per pool")
    parser.add_argument("--whole-families", action="store_true", help="relatives stay, each family on one side")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--smoke", action="store_true")
    chosen = parser.parse_args()
    plan = smoke_plan() if chosen.smoke else full_plan(chosen.quiet)
    pools: dict[str, Pool] = {}
    for place, stage in enumerate(plan.stages):
        wanted = [
            cell
            for cell in stage
            if chosen.pool in (None, cell.pool) and (not chosen.strengths or cell.strength in chosen.strengths)
        ]
        if (chosen.stages and place not in chosen.stages) or not wanted:
            continue
        for name in {cell.pool: None for cell in wanted}:
            pools.setdefault(name, _pool(name, chosen))
            run_stage(
                [cell for cell in wanted if cell.pool == name], plan, pools[name], run_folder(chosen), chosen.seed
            )


def run_folder(chosen: argparse.Namespace) -> Path:
    """Folder of this run's windows, by what makes another run of it."""
    parts = ["smoke" if chosen.smoke else chosen.encoder, *([str(chosen.rows)] if chosen.rows else [])]
    return Path(chosen.state) / "-".join([*parts, *(["whole"] if chosen.whole_families else []), f"seed{chosen.seed}"])


def _pool(name: str, chosen: argparse.Namespace) -> Pool:
    if name == "generated":
        return generated_pool(Encoded(chosen.state, "static"))
    if chosen.data is None:
        raise SystemExit("name the folder of the public ticket files: --data")
    return read_pool(name, chosen.data, chosen.state, chosen.encoder, chosen.rows, chosen.whole_families)


def generated_pool(encode: Encode, rows: int = 3000) -> Pool:
    """Tickets that the package makes itself; their families stay whole."""
    from ticket_assets.tickets.cleaning import ticket_text
    from ticket_assets.tickets.families import number_families
    from ticket_assets.tickets.sample import generate
    from ticket_assets.tickets.sample_spec import SampleSpec

    table = generate(SampleSpec(rows=rows))
    table["text"] = [ticket_text(*one) for one in zip(table["subject"], table["body"], strict=True)]
    table = table[table["queue"].notna() & (table["text"] != "")].drop_duplicates("ticket_id")
    ids = table["ticket_id"].astype(str).tolist()
    table["family"] = number_families(table["text"].tolist(), ids, 0.5).family_ids
    table["language"] = table["language"].fillna("und")
    return make_pool(table.reset_index(drop=True), ("queue",), ("de", "en", "es", "fr"), encode, 0.5)


def run_stage(cells: Sequence[Cell], plan: Plan, pool: Pool, folder: Path, seed: int) -> None:
    """Judge what is not judged yet, champion by champion: fitting one costs as much as twenty windows."""
    folder.mkdir(parents=True, exist_ok=True)
    drop_cut_line(folder)
    done = {line["key"] for line in read_lines(folder)}
    begun, judged = time.monotonic(), 0
    for left_out in {KINDS[cell.kind].left_out: None for cell in cells}:
        for number in range(plan.rounds):
            missing = [
                (cell, index)
                for cell in cells
                if KINDS[cell.kind].left_out == left_out
                for index in range(number, cell.windows, plan.rounds)
                if cell.key(index) not in done
            ]
            if not missing:
                continue
            with threadpool_limits(1):
                try:
                    one = Round.begin(pool, number, seed, plan.sizes, left_out)
                except PoolTooSmallError as small:
                    print(f"{cells[0].pool} without {left_out or 'perturbed rows'} is left out: {small}", flush=True)
                    break
                detector = Detector.fit(one.reference, DriftRule(), seed, WindowSettings(), pool.cut)
                with (folder / "windows.jsonl").open("a") as file:
                    for cell, index in missing:
                        file.write(json.dumps(_judged(cell, index, one, detector, seed)) + "\n")
                        file.flush()
                        judged += 1
            took = time.monotonic() - begun
            print(f"{cells[0].pool} {left_out or ''} round {number}: {judged} windows, {took:.0f} s", flush=True)


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """Every window that was judged; a line that is not whole is left out."""
    path = folder / "windows.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def drop_cut_line(folder: Path) -> None:
    """Take off a last line that the end of its process cut short: the next would be glued to it."""
    path = folder / "windows.jsonl"
    if path.exists():
        told = path.read_bytes()
        os.truncate(path, told.rfind(b"\n") + 1)


def _judged(cell: Cell, index: int, one: Round, detector: Detector, seed: int) -> dict[str, Any]:
    line = {"key": cell.key(index), "index": index, **asdict(cell)}
    if cell.way == STREAM:
        return {**line, **followed(cell, index, one, detector, seed)}
    rows = window(cell.kind, one, cell.strength, cell.rows, index, seed)
    begun = time.process_time()
    found = detector.judge(rows)
    line |= {"seconds": round(time.process_time() - begun, 3), **_told(found)}
    return {**line, "rivals": _rivals(cell, index, one, rows)}


def _rivals(cell: Cell, index: int, one: Round, rows: Sample) -> dict[str, bool]:
    rivals = {"score rule": score_says(one.reference, rows)}
    most = SEEN_BY_EVIDENTLY.get(cell.kind, SEEN_BY_EVIDENTLY[""])
    if cell.rows == 500 and index < most:
        rivals |= evidently_says(one.reference, rows)
    return rivals


def _told(found: DriftSummary) -> dict[str, Any]:
    kinds = {one.kind for one in found.findings}
    return {
        "verdict": str(found.verdict),
        "kinds": {kind: str(found.verdict_of(kind)) for kind in sorted(kinds)},
        "spoke": {one.subject: one.adjusted for one in found.findings if one.verdict is not Verdict.PASS},
        "p": {one.subject: float(f"{one.p_value:.3g}") for one in found.findings},
    }


def followed(cell: Cell, index: int, one: Round, detector: Detector, seed: int) -> dict[str, Any]:
    """Tickets from a change, somewhere in a window, to the end of the window that warns and of the one that alarms."""
    share = float(np.random.default_rng([seed, index]).random())
    rule, after, before = detector.rule, 0.0, {}
    delays: dict[str, float | None] = {"warned": None, "alarmed": None}
    for number in range(MOST_WINDOWS):
        # Of the first window only the rows after the change can have it.
        strength = cell.strength * (1 - share) if number == 0 else cell.strength
        # Of the same classes: kinds that go round classes or pairs of them come to the same one every 12,000 windows.
        found = detector.judge(window(cell.kind, one, strength, cell.rows, 12_000 * (number + 1) + index, seed))
        after += cell.rows * ((1 - share) if number == 0 else 1.0)
        if found.verdict is not Verdict.PASS and delays["warned"] is None:
            delays["warned"] = after
        before = in_a_row(found, before)
        if found.verdict is Verdict.ALARM or max(before.values(), default=0) >= rule.warnings:
            delays["alarmed"] = after
            break
    return {"delays": delays, "followed": after}


def in_a_row(found: DriftSummary, before: Mapping[str, int]) -> dict[str, int]:
    """Kind to how many windows in a row have warned of it, this one the last."""
    spoke = {one.kind for one in found.findings if one.verdict is not Verdict.PASS}
    return {kind: before.get(kind, 0) + 1 for kind in spoke}


def cells_of(plan: Plan) -> Iterator[Cell]:
    """All of a plan."""
    for stage in plan.stages:
        yield from stage


if __name__ == "__main__":
    main()
