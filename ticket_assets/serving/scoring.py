"""Scoring a file of tickets: the answers of the service, a line each, in the order of the file.

Belongs here: going through the file in batches, the file of answers, going on where a stopped scoring ended.
Does not belong here: reading files (tickets/sources/), an answer (endpoint/triage.py), the command (commands/score.py).

The file of answers is JSON lines: what a predict_batch answers of the row, and its place. A line that a killed process
left torn is cut off, and its ticket asked again; so every ticket has one answer in the file.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ticket_assets.storage import file_digest, write_text

# A killed scoring asks so many tickets again at most; they stand in the log twice then, in the file once.
BATCH = 64
UNREADABLE = "unreadable_row"


class ScoringError(ValueError):
    """A file cannot be scored, or not go on; the message says what to do."""


@dataclass(frozen=True)
class Job:
    """What a file of answers was begun with.

    Attributes:
        file: sha256 of the tickets' file.
        bundle: that answers.
        reasons: that are given for each label.
    """

    file: str
    bundle: str
    reasons: int = 0


@dataclass(frozen=True)
class Scored:
    """What came of it.

    Attributes:
        rows: of the file.
        before: of them answered by an earlier scoring that was stopped.
        failed: without an answer.
        bands: target to band to count, of what was answered now.
        unlogged: answers of now without a prediction id.
    """

    rows: int
    before: int
    failed: int
    bands: dict[str, dict[str, int]]
    unlogged: int = 0


Ask = Callable[[list[Any]], list[dict[str, Any]]]


def score(
    rows: Iterator[Mapping[str, Any]], out: Path, job: Job, ask: Ask, told: Callable[[int], None] = lambda _: None
) -> Scored:
    """Answer all rows that the file of answers has not yet.

    Args:
        rows: as `predict_batch` takes tickets, or with the key UNREADABLE and why.
        out: file of answers; made, or gone on with.
        job: what is scored, by what.
        ask: rows of at most BATCH tickets to as many rows of answers, each with `answer` or `error`.
        told: is given the number of rows that are done, after each batch.

    Raises:
        ScoringError: the file of answers was begun with another file or another model, or another process writes it.
    """
    done = failed = unlogged = 0
    bands: dict[str, dict[str, int]] = {}
    with _alone(out) as (stream, is_new):
        before = _begin(out, job, is_new)
        for batch in _batches(rows):
            new = batch[max(0, before - done) :]
            done += len(batch)
            if new:
                answers = _answers(new, ask)
                first = done - len(new)
                for place, one in enumerate(answers, start=first):
                    stream.write(json.dumps({**one, "index": place}, ensure_ascii=False).encode() + b"\n")
                    failed += one["error"] is not None
                    unlogged += one["answer"] is not None and one["answer"].get("prediction_id") is None
                    _count(bands, one)
                stream.flush()
                os.fsync(stream.fileno())
            told(done)
    if done < before:
        raise ScoringError(f"{out} holds {before} answers, and the file {done} tickets: remove it, or name another")
    _note(out).unlink(missing_ok=True)
    return Scored(done, before, failed, bands, unlogged)


def file_of(path: Path) -> str:
    """What tells a tickets' file from another."""
    return file_digest(path)


@contextmanager
def _alone(out: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """The file of answers, to append to, and whether it is new: two that write one would answer every ticket twice."""
    out.parent.mkdir(parents=True, exist_ok=True)
    was_there = out.exists()
    with out.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScoringError(f"{out} is being written by another scoring: wait for it, or name another OUT") from None
        yield stream, not was_there and out.stat().st_size == 0


def _begin(out: Path, job: Job, is_new: bool) -> int:
    """How many answers are there already, of the same file by the same model."""
    note = _note(out)
    if is_new:
        write_text(note, json.dumps(asdict(job)))
        return 0
    if not note.exists():
        raise ScoringError(f"{out} is there, and no scoring of it was stopped: remove it, or name another OUT")
    begun = Job(**json.loads(note.read_text(encoding="utf-8")))
    if begun.file != job.file:
        raise ScoringError(f"{out} was begun with another file of tickets: remove it, or name another OUT")
    if begun.bundle != job.bundle:
        raise ScoringError(
            f"{out} was begun with bundle {begun.bundle}, and {job.bundle} is champion now: remove it to score anew"
        )
    if begun.reasons != job.reasons:
        raise ScoringError(
            f"{out} was begun with {begun.reasons} reasons for each label: give as many, or name another OUT"
        )
    return _whole_lines(out)


def _whole_lines(out: Path) -> int:
    """Count whole lines, and cut off what follows the last one."""
    count = end = 0
    with out.open("rb+") as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                break
            count, end = count + 1, end + len(line)
        stream.truncate(end)
    return count


def _answers(rows: list[Mapping[str, Any]], ask: Ask) -> list[dict[str, Any]]:
    asked = iter(ask([dict(row) for row in rows if UNREADABLE not in row]) if rows else [])
    fault = {"code": UNREADABLE, "field": None}
    return [
        {"answer": None, "error": {**fault, "message": row[UNREADABLE]}} if UNREADABLE in row else next(asked)
        for row in rows
    ]


def _count(bands: dict[str, dict[str, int]], row: dict[str, Any]) -> None:
    for target, one in ((row["answer"] or {}).get("targets") or {}).items():
        its = bands.setdefault(target, {})
        its[one["band"]] = its.get(one["band"], 0) + 1


def _batches(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _note(out: Path) -> Path:
    return out.with_name(f".{out.name}.begun")
