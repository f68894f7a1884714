"""Where the state of a profile lies, and how a file or folder is written so that nobody sees half of it.

Belongs here: paths under the profile's root, atomic writes, the identity guard.
Does not belong here: what is in the files (each plain folder knows its own), settings, Dagster's IO manager.
"""

import fcntl
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class IdentityError(RuntimeError):
    """The storage root was filled from another source or for other targets."""


@dataclass(frozen=True)
class ProfileFolders:
    """Paths of one profile; every one lies under `root`."""

    root: Path

    @property
    def parquet(self) -> Path:
        """Tables that assets hand on as rows."""
        return self.root / "parquet"

    @property
    def quarantine(self) -> Path:
        """The table of quarantined rows."""
        return self.parquet / "tickets" / "quarantine.parquet"

    @property
    def raw(self) -> Path:
        """Append-only batches of source rows."""
        return self.root / "raw"

    @property
    def kept(self) -> Path:
        """Results per row and pair, so that only new tickets cost; may be removed at any time."""
        return self.root / "kept"

    @property
    def service(self) -> Path:
        """State of a service of this profile: prediction log, spool, switch."""
        return self.root / "service"

    @property
    def source(self) -> Path:
        """Generated tickets, read like any other source."""
        return self.root / "source"

    @property
    def vectors(self) -> Path:
        """LanceDB."""
        return self.root / "lancedb"

    @property
    def encoders(self) -> Path:
        """Exported encoders, one folder per encoder id."""
        return self.root / "encoders"

    @property
    def encoder_choices(self) -> Path:
        """Which encoder was chosen and why, one file per setting."""
        return self.root / "encoder_choices"

    @property
    def split(self) -> Path:
        """The frozen hold-out."""
        return self.root / "split"

    @property
    def trained(self) -> Path:
        """Lists of the tickets that models were trained on, one per version of the data."""
        return self.root / "trained"

    @property
    def search(self) -> Path:
        """Outcomes of the search and out-of-fold scores, a folder per target."""
        return self.root / "search"

    @property
    def candidates(self) -> Path:
        """Fitted models per target, before any promotion."""
        return self.root / "candidates"

    @property
    def bundles(self) -> Path:
        """The bundle store: a folder per version and `champion.json`."""
        return self.root / "bundles"

    @property
    def reports(self) -> Path:
        """The latest evaluation, for people and the command line."""
        return self.root / "reports"

    @property
    def records(self) -> Path:
        """Append-only records: promotions, openings of the hold-out."""
        return self.root / "records"

    @property
    def access(self) -> Path:
        """Keys and users of the service, for its owner alone; kept whatever is erased or run anew."""
        return self.root / "access"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts, where MLflow is embedded."""
        return self.root / "mlflow"

    @property
    def bentos(self) -> Path:
        """BentoML's home."""
        return self.root / "bentoml"

    @property
    def monitoring(self) -> Path:
        """Days of the prediction log, references, judged windows and their history."""
        return self.root / "monitoring"

    def monitoring_copies(self) -> tuple[Path, Path]:
        """Days of the log and references under `monitoring`: they hold tickets, and are made again where they lack."""
        return self.monitoring / "predictions", self.monitoring / "reference"

    @property
    def notices(self) -> Path:
        """Notices that are on their way, and what became of the others."""
        return self.root / "notices"

    def database_url(self, name: str) -> str:
        """URL of an embedded SQLite database."""
        self.root.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{self.root / name}.db"

    def require_identity(self, identity: Mapping[str, str], frozen: Mapping[str, Any] | None = None) -> None:
        """Remember source and targets at first use, refuse others afterwards.

        Args:
            identity: part of the settings to its hash.
            frozen: part to the settings that its hash is of, so that an error can name what changed.

        Raises:
            IdentityError: naming each setting that changed; both hashes on a root that does not know the settings.
        """
        from ticket_assets.frozen_settings import FROZEN, changes  # a bento holds this module, and not that one

        path = self.root / "identity.json"
        if not path.exists():
            write_text(path, json.dumps({**identity, **({FROZEN: frozen} if frozen else {})}, indent=2))
            return
        before = json.loads(path.read_text())
        changed = [line for key in identity for line in changes(key, before, {**identity, FROZEN: frozen or {}})]
        if changed:
            raise IdentityError(
                f"{self.root} holds another profile's state ({'; '.join(changed)}): "
                "give the changed profile a new name, or remove that folder"
            )
        if frozen and FROZEN not in before:  # a root from before it was written down
            write_text(path, json.dumps({**before, FROZEN: frozen}, indent=2))


def temporary_sibling(path: Path) -> Path:
    """A name in the same folder that no reader takes for finished and no other writer takes for its own.

    Threads share a process id, and so do containers, where every main process is number 1.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file to write, which takes the place of `path` when the block ends without an error."""
    temporary = temporary_sibling(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file atomically and durably."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


class RecordError(RuntimeError):
    """A line of a file of records is none; the message names file and line."""


@dataclass(frozen=True)
class Records:
    """What a file of records holds.

    Attributes:
        whole: the records, oldest first.
        torn: what a process that was killed while it appended left of a last line; None where it left nothing.
    """

    whole: tuple[dict[str, Any], ...] = ()
    torn: str | None = None


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line; whole lines are never rewritten, a torn last one makes room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        # Without the lock, what another process is writing just now would look torn.
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        before, end, last = stream.read().rpartition(b"\n")
        is_whole = _as_record(last) is not None  # all but its line end was written
        if last and not is_whole:
            stream.truncate(len(before + end))
        stream.write((b"\n" if is_whole else b"") + json.dumps(record, sort_keys=True).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_records(path: Path) -> Records:
    """Read what `append_record` wrote; where there is no file there are no records.

    Raises:
        RecordError: another line than an unfinished last one is no record.
    """
    if not path.exists():
        return Records()
    with path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        *lines, last = stream.read().split(b"\n")
    whole = []
    for number, line in enumerate(lines, start=1):
        record = _as_record(line)
        if record is None:
            raise RecordError(f"{path}, line {number} is no record: {line[:80].decode(errors='replace')!r}")
        whole.append(record)
    unended = _as_record(last)
    if unended is not None:
        return Records((*whole, unended))
    return Records(tuple(whole), last.decode(errors="replace") or None)


def _as_record(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None where it is none."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def digest(parts: Iterable[str]) -> str:
    """Short content hash over strings, in their order; the separator cannot occur inside a JSON string."""
    running = hashlib.sha256()
    for part in parts:
        running.update(part.encode("utf-8", "surrogatepass") + b"\x00")
    return running.hexdigest()[:16]


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
