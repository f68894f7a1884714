"""Rows that people mended or dropped, in the snapshot and in the place of what they replace.

Belongs here: what stands of a row and of its mendings, writing mendings as a batch, putting them where their row was.
Does not belong here: what people wrote and whether it fits (mending.py), judging a row (curation.py).

A mending is a row of the snapshot like any other: `_mended_from` is the row hash of the source's row that it replaces,
`_ingested_at` when it was mended, `_dropped` that it was set aside on purpose. It stands where the source's row stands,
not where it was written: what the source said later of the ticket is later, whenever the mending came, and a source
that still says the broken row, or says it again, brings nothing back. Of several mendings of a row the last one stands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from ticket_assets.storage import digest, replacing
from ticket_assets.tickets.batches import MENDED_BATCH, META_COLUMNS, ROW_GROUP, batches
from ticket_assets.tickets.sources.contract import DROPPED, MENDED_FROM, UNREADABLE_COLUMNS
from ticket_assets.tickets.statements import identifier, literal, types_of, union

_OURS = {*META_COLUMNS, *UNREADABLE_COLUMNS, MENDED_FROM, DROPPED}


@dataclass(frozen=True)
class State:
    """A row as a table for people shows it: column to text, None where there is none."""

    source: dict[str, str | None]
    """As the source says it."""
    standing: dict[str, str | None]
    """As it stands: the last mending, or the source's row."""
    is_mended: bool
    is_dropped: bool
    mendings: int
    latest: str
    """Row hash of what stands."""


@dataclass(frozen=True)
class Edit:
    """What is to stand in a row's place: the standing row with some columns changed.

    Attributes:
        row: hash of the source's row.
        line: in the file that people edited.
        changed: column to its new text.
        is_dropped: the row is set aside.
        keeps_fault: why it could not be read stays with it.
        nth: how many-eth mending of the row it is, from 1.
    """

    row: str
    line: int
    changed: dict[str, str | None]
    is_dropped: bool
    keeps_fault: bool
    nth: int


class Replay:
    """The snapshot, opened to mend rows of it.

    Args:
        folder: of the snapshot.
        pending: a file of rows that is about to become a batch of it.
    """

    def __init__(self, folder: Path, pending: Path | None = None) -> None:
        self._folder = folder
        self._engine = duckdb.connect()
        self._engine.execute("SET TimeZone = 'UTC'")  # else a date is shown as of where it is asked
        rows = union((*batches(folder), *([pending] if pending else [])))
        present = types_of(self._engine, rows)
        # A column that never had a value has no type, and takes text.
        types = {name: "VARCHAR" if kind == '"NULL"' else kind for name, kind in present.items()}
        self.columns = {name: kind for name, kind in types.items() if name not in _OURS}
        """Columns of the source to their DuckDB type."""
        self._faults = [name for name in UNREADABLE_COLUMNS if name in present]
        mended = ", ".join(
            f"{name if name in present else 'NULL'}::{kind} AS {name}"
            for name, kind in ((MENDED_FROM, "VARCHAR"), (DROPPED, "BOOLEAN"))
        )
        replaced = f"REPLACE ({mended})" if MENDED_FROM in present else f", {mended}"
        self._engine.execute(f"CREATE VIEW known AS SELECT * {replaced} FROM {rows}")
        self._engine.execute(f"CREATE VIEW placed AS SELECT *, coalesce({MENDED_FROM}, _row_hash) AS _root FROM known")

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *error: object) -> None:
        self._engine.close()

    def states(self, rows: Iterable[str]) -> dict[str, State]:
        """Hash of a source's row to its state, for those of the rows that the snapshot holds."""
        asked = pa.table({"_root": pa.array(sorted(set(rows)), pa.string())})  # noqa: F841  # DuckDB reads it by name
        texts = ", ".join(f"{_shown(name, kind)} AS {identifier(name)}" for name, kind in self.columns.items())
        found = self._engine.execute(
            f"SELECT _root, {MENDED_FROM} IS NOT NULL, coalesce({DROPPED}, false), _row_hash, {texts} "
            "FROM placed SEMI JOIN asked USING (_root) ORDER BY _ingested_at, _position"
        ).fetchall()
        states: dict[str, State] = {}
        for root, is_mended, is_dropped, latest, *values in sorted(found, key=lambda row: bool(row[1])):
            said, before = dict(zip(self.columns, values, strict=True)), states.get(root)
            mendings = (before.mendings if before else 0) + is_mended
            states[root] = State(before.source if before else said, said, is_mended, is_dropped, mendings, latest)
        return states

    def misfits(self, edits: Sequence[Edit]) -> list[tuple[int, str, str]]:
        """Line, column and type of the changed values that do not fit the type of their column."""
        found = []
        for column, kind in self.columns.items():
            given = [(edit.line, edit.changed[column]) for edit in edits if edit.changed.get(column) is not None]
            if kind != "VARCHAR" and given:
                told = pa.table({"line": [line for line, _ in given], "said": pa.array([one for _, one in given])})  # noqa: F841
                wrong = self._engine.execute(f"SELECT line FROM told WHERE {_read('said', kind)} IS NULL").fetchall()
                found += [(line, column, kind) for (line,) in wrong]
        return sorted(found)

    def alike(self, roots: Iterable[str], batch: str, columns: Iterable[str]) -> list[tuple[str, str]]:
        """Pairs of rows of the source that say the same in these columns, and say something.

        Args:
            roots: hashes of rows, which come first in the pairs; the latest before earlier ones.
            batch: whose rows come second, in their order.
            columns: to be the same; those that no row has are left out.
        """
        named = [identifier(name) for name in columns if name in self.columns]
        same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM s.{name}" for name in named)
        says = " OR ".join(f"trim(coalesce(s.{name}::VARCHAR, '')) <> ''" for name in named)
        asked = pa.table({"_row_hash": pa.array(sorted(set(roots)), pa.string())})  # noqa: F841  # read by name
        read = f"SELECT * FROM known WHERE {MENDED_FROM} IS NULL"
        return self._engine.execute(
            f"SELECT r._row_hash, s._row_hash FROM ({read}) r SEMI JOIN asked USING (_row_hash) "
            f"JOIN ({read} AND _batch = ?) s ON {same} WHERE {says} "
            "ORDER BY s._position, r._ingested_at DESC, r._position",
            [batch],
        ).fetchall()

    def batch_of(self, rows: Iterable[str]) -> dict[str, str]:
        """Hash of a row of the source to the batch that holds it, the last one of several."""
        asked = pa.table({"_row_hash": pa.array(sorted(set(rows)), pa.string())})  # noqa: F841  # read by name
        found = "SELECT _row_hash, _batch FROM known SEMI JOIN asked USING (_row_hash) ORDER BY _ingested_at"
        return dict(self._engine.execute(found).fetchall())

    def write(self, edits: Sequence[Edit], now: datetime, kind: str = MENDED_BATCH) -> None:
        """Append the edits as one batch, of a name that begins with its kind."""
        hashes = [_hash(edit) for edit in edits]
        known = batches(self._folder)
        # Its name tells it from a reading of the source.
        name = f"{kind}{digest([*(batch.name for batch in known), *hashes])}"
        self._engine.register("edits", _edits_table(edits, hashes, list(self.columns)))
        values = [
            f'CASE WHEN e."changed {at}" THEN {_read(f"e.said{at}", kind)} ELSE s.{identifier(column)} END AS '
            f"{identifier(column)}"
            for at, (column, kind) in enumerate(self.columns.items())
        ]
        faults = [f"CASE WHEN e._keeps THEN s.{fault} END AS {fault}" for fault in self._faults]
        with replacing(self._folder / f"{name}.parquet") as temporary:
            self._engine.execute(
                f"COPY (SELECT {', '.join([*values, *faults])}, e._root AS {MENDED_FROM}, e._dropped AS {DROPPED}, "
                "e._at AS _position, e._hash AS _row_hash, greatest(?::TIMESTAMPTZ, (SELECT max(_ingested_at) FROM "
                f"known) + INTERVAL 1 MICROSECOND) AS _ingested_at, '{name}' AS _batch FROM edits e JOIN "
                "(SELECT * FROM placed SEMI JOIN edits USING (_root) QUALIFY row_number() OVER (PARTITION BY _root "
                f"ORDER BY {MENDED_FROM} IS NOT NULL DESC, _ingested_at DESC, _position DESC) = 1) s USING (_root) "
                f"ORDER BY e._at) TO {literal(str(temporary))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE "
                f"{ROW_GROUP})",
                [now],
            )


def standing_rows(snapshot: pd.DataFrame) -> pd.DataFrame:
    """Rows of the snapshot with each mending in the place of the row that it replaces.

    Args:
        snapshot: rows of `snapshot.read_snapshot`, in order of ingestion.

    Returns:
        Fewer rows by those that were replaced: rows of the source, and mendings that were mended again.
    """
    if MENDED_FROM not in snapshot:
        return snapshot
    is_mending = snapshot[MENDED_FROM].notna()
    mendings = snapshot[is_mending].drop_duplicates(MENDED_FROM, keep="last")
    theirs = snapshot.loc[~is_mending & snapshot["_row_hash"].isin(mendings[MENDED_FROM]), "_row_hash"]
    # A row that the source took back to stands in the snapshot twice: its later place is the one in force.
    places = pd.Series(theirs.index, index=theirs).groupby(level=0).last()
    order = snapshot.index.to_series()
    # A mending whose row was erased, being word for word another person's too, stays where it was written.
    order[mendings.index] = mendings[MENDED_FROM].map(places).fillna(order[mendings.index]).astype(order.dtype)
    kept = order.drop(theirs.index).drop(snapshot.index[is_mending].difference(mendings.index))
    return snapshot.loc[kept.sort_values(kind="stable").index].reset_index(drop=True)


def _shown(column: str, kind: str) -> str:
    nested = kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
    return f"{'to_json' if nested else ''}({identifier(column)})::VARCHAR"


def _read(text: str, kind: str) -> str:
    """The expression that reads text as a value of a column's type; NULL where it is none."""
    nested = kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
    return f"TRY_CAST({f'TRY_CAST({text} AS JSON)' if nested else text} AS {kind})"


def _hash(edit: Edit) -> str:
    """Row hash of a mending: no row of a source has it, and no other mending."""
    said = [f"{column} {value}" for column, value in sorted(edit.changed.items())]
    return digest(["mended", edit.row, str(edit.nth), str(edit.is_dropped), *said])


def _edits_table(edits: Sequence[Edit], hashes: Sequence[str], columns: Sequence[str]) -> pa.Table:
    arrays = {
        "_root": pa.array([edit.row for edit in edits], pa.string()),
        "_hash": pa.array(hashes, pa.string()),
        "_at": pa.array(range(1, len(edits) + 1), pa.int64()),
        "_dropped": pa.array([edit.is_dropped or None for edit in edits], pa.bool_()),
        "_keeps": pa.array([edit.keeps_fault for edit in edits], pa.bool_()),
    }
    for at, column in enumerate(columns):
        arrays[f"changed {at}"] = pa.array([column in edit.changed for edit in edits], pa.bool_())
        arrays[f"said{at}"] = pa.array([edit.changed.get(column) for edit in edits], pa.string())
    return pa.table(arrays)
