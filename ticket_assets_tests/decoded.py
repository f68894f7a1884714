"""All that lies below a folder, decoded, by another road than the program's own search.

Here: what several test folders ask of it. Not here: any test.
"""

import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import lancedb
import pyarrow.parquet as pq


def where(root: Path, *words: str) -> list[str]:
    """Files below a root that say one of the words, whatever the case; encoders, which are a link here, left out."""
    wanted = [word.lower().encode() for word in words]
    found = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*"))
        if path.is_file() and any(word in part.lower() for part in _decoded(path) for word in wanted)
    ]
    for folder in root.glob("lancedb/*.lance"):
        main = lancedb.connect(folder.parent).open_table(folder.stem)
        for branch, table in [("", main), *((name, main.branches.checkout(name)) for name in main.branches.list())]:
            for version in table.list_versions():
                table.checkout(version["version"])
                told = str(table.to_arrow().drop_columns(["vector"]).to_pylist()).lower().encode()
                found += [f"{folder.name} {branch} version {version['version']}" for word in wanted if word in told]
    return found


def _decoded(path: Path) -> Iterator[bytes]:
    blob = path.read_bytes()
    yield blob
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield str(table.to_pylist()).encode("utf-8", "surrogatepass")
        yield str(table.schema.metadata).encode()
    elif blob.startswith(b"SQLite format 3\x00"):
        with closing(sqlite3.connect(path)) as database:
            yield "\n".join(database.iterdump()).encode("utf-8", "surrogatepass")
    elif path.suffix == ".npz":
        with zipfile.ZipFile(path) as members:
            yield from (members.read(name) for name in members.namelist())
