"""Which tickets models were trained on: a list of names per version of the data; and which were held out as recent.

Belongs here: the lists, who stands in them, erasing from them, removing those that no bundle needs.
Does not belong here: which versions a bundle was made from (serving/fitted.py), which rows are trained on (split.py).

Weights say of nobody whether they were fitted to him. An erasure has to know it: a champion that was is to give way.
"""

import time
from collections.abc import Collection, Iterable
from pathlib import Path

from ticket_assets.models.neighbours import row_names
from ticket_assets.storage import write_text

# Another run may have written its list, and not yet the bundle that needs it.
LEFT_BEHIND_SECONDS = 24 * 3600


def keep_trained(folder: Path, version: str, ticket_ids: Iterable[str], recent: Iterable[str] = ()) -> None:
    """Write down who was trained on in a version of `tickets/clean`, by name (`row_names`), one a line.

    Args:
        folder: of the lists.
        version: of the data.
        ticket_ids: that are trained on.
        recent: that were there and are held out as recent: to a model of this version they are not new.
    """
    write_text(_list(folder, version), "\n".join(sorted(_names(ticket_ids))))
    if there := sorted(_names(recent)):
        write_text(_recent(folder, version), "\n".join(there))
    else:
        _recent(folder, version).unlink(missing_ok=True)


def recent_there(folder: Path, version: str | None) -> frozenset[str]:
    """Names of the tickets held out as recent that were there when models of a version of the data were trained.

    None of them where no list tells: the version is then of a time before any ticket was held out so.
    """
    path = _recent(folder, version) if version else None
    return frozenset(filter(None, _read(path))) if path and path.exists() else frozenset()


def was_trained_on(folder: Path, version: str, ticket_ids: Iterable[str]) -> bool | None:
    """Whether any of these tickets was trained on in that version; None where no list tells."""
    path = _list(folder, version)
    return None if not path.exists() else not _names(ticket_ids).isdisjoint(_read(path))


def trained_names(folder: Path, version: str) -> set[str] | None:
    """Names of who was trained on in that version; None where no list tells."""
    path = _list(folder, version)
    return None if not path.exists() else {one for one in _read(path) if one}


def erase_trained(folder: Path, ticket_ids: Collection[str]) -> int:
    """Take tickets out of every list; return how many lists named one."""
    gone, touched = _names(ticket_ids), 0
    for path in sorted(folder.glob("*.txt")):
        names = _read(path)
        if not gone.isdisjoint(names):
            write_text(path, "\n".join(one for one in names if one not in gone))
            touched += 1
    return touched


def sweep_trained(folder: Path, needed: Collection[str]) -> int:
    """Remove the lists of versions that nobody needs and that are older than a day; return how many."""
    old = [
        path
        for path in sorted(folder.glob("*.txt"))
        if path.name.partition(".")[0] not in needed and time.time() - path.stat().st_mtime > LEFT_BEHIND_SECONDS
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _list(folder: Path, version: str) -> Path:
    return folder / f"{version}.txt"


def _recent(folder: Path, version: str) -> Path:
    return folder / f"{version}.recent.txt"


def _read(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").split("\n")


def _names(ticket_ids: Iterable[str]) -> set[str]:
    return {one.decode() for one in row_names(ticket_ids).tolist()}
