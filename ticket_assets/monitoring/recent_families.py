"""How many recent families a challenger could be judged on that the champion has not seen: counted before any run.

Belongs here: counting them on the tables there are, as split and contest will.
Does not belong here: which tickets are recent (models/split.py), the contest (serving/recent_tickets.py), deciding.

With fewer than `promotion.recent_families` the gain is asked on the old hold-out, which holds nothing of what drifted:
the challenger is refused, and the episode has had its one run.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pandas as pd
from pyarrow.parquet import read_schema

from ticket_assets.models.seen_tickets import FILE, SeenTickets, names_of
from ticket_assets.models.split import RECENT, Holdout, assign
from ticket_assets.models.trained_rows import recent_there
from ticket_assets.serving.fitted import version_of
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.storage import ProfileFolders
from ticket_assets.tickets.schema import LABEL_PREFIX


def unseen_families(folders: ProfileFolders, champion: BundleManifest, share: float) -> int | None:
    """Families that the target with most of them would be judged on, were a challenger made now.

    Of the target with most: a gain of one is enough where no other loses. None where nothing tells: no split was made
    yet, or by a version that did not keep who was there.

    Args:
        folders: of the profile.
        champion: its manifest.
        share: of new families that is held out (`monitoring.feedback.held_out_share`).
    """
    files = (folders.parquet / "tickets" / "clean.parquet", folders.split / "holdout.json", folders.split / FILE)
    if not all(path.exists() for path in files):
        return None
    there = tuple((target, version_of(champion, target)) for target in champion.targets)
    # Hashing a million names takes seconds; a tick comes every half minute, and the tables change now and then.
    stamps = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    return _counted(files, stamps, folders.trained, there, share)


@lru_cache(maxsize=4)
def _counted(
    files: tuple[Path, Path, Path],
    stamps: tuple[tuple[int, int], ...],
    trained: Path,
    versions: tuple[tuple[str, str | None], ...],
    share: float,
) -> int | None:
    table, frozen, kept = files
    seen = SeenTickets.load(kept.parent)
    if seen is None:
        return None
    wanted = {"ticket_id", "family_id", *(LABEL_PREFIX + target for target, _ in versions)}
    tickets = pd.read_parquet(table, columns=[one for one in read_schema(table).names if one in wanted])
    there = {target: recent_there(trained, version) for target, version in versions}
    counted = count_families(tickets, Holdout.load(frozen), seen, share, there)
    return max(counted.values(), default=0)


def count_families(
    tickets: pd.DataFrame,
    holdout: Holdout,
    seen: SeenTickets,
    share: float,
    there: Mapping[str, frozenset[str]],
) -> dict[str, int]:
    """Target to the number of recent families with a label of it that were not there before.

    Args:
        tickets: ticket_id, family_id, a column of labels per target.
        holdout: as it was frozen.
        seen: who was there at the split before, and who was recent.
        share: of new families that is held out.
        there: target to names of recent tickets that were there when the champion's model of it was trained.
    """
    sides = assign(tickets[["ticket_id", "family_id"]], holdout, 1, seen, share)["side"].to_numpy()
    recent = tickets[sides == RECENT]
    names = pd.Series(names_of(recent["ticket_id"]), index=recent.index, dtype="object")
    found = {}
    for target, known in there.items():
        column = LABEL_PREFIX + target
        labelled = recent[column].notna() if column in recent else pd.Series(False, index=recent.index)
        found[target] = recent.loc[labelled & ~names.isin(known), "family_id"].nunique()
    return found
