"""The frozen hold-out, what is held out of the tickets that come later, and the folds of what is left.

Belongs here: which families are held out, keeping that choice when tickets are added.
Does not belong here: what a family is (tickets/families.py), whether the classes are alike (class_shift.py), the random
split of published figures (evaluation.py).
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ticket_assets.models.seen_tickets import SeenTickets, names_of
from ticket_assets.profile import SplitSettings
from ticket_assets.storage import digest, write_text

TRAIN, HOLDOUT, BARRED, RECENT = "train", "holdout", "barred", "recent"
BY_TIME = "families in order of their latest ticket, the latest held out"
BY_TIME_WHERE_DATED = f"{BY_TIME}; families without a date trained on"
AT_RANDOM = "families at random"
ALIKE = 0.8  # of the families held out; below, another hold-out than today's dates would choose
STAYS = "it stays frozen on purpose; to hold out the latest, give the profile a new name or remove its whole folder"


class SplitError(RuntimeError):
    """The hold-out does not represent the tickets, or is not the one that the settings ask for."""


@dataclass(frozen=True)
class Holdout:
    """The frozen choice: rule, seed and ticket ids; `id` is their hash and travels with every score.

    `share` is the setting it was made with, no part of the id: the same tickets are the same hold-out. None in files
    from before it was kept.
    """

    rule: str
    seed: int
    ticket_ids: tuple[str, ...]
    share: float | None = None

    @property
    def id(self) -> str:
        """Hash of rule, seed and ids."""
        return digest([self.rule, str(self.seed), *self.ticket_ids])

    def save(self, path: Path) -> None:
        """Write it once and for all."""
        kept = {"rule": self.rule, "seed": self.seed, "holdout_share": self.share, "id": self.id}
        write_text(path, json.dumps({**kept, "ticket_ids": self.ticket_ids}))

    @classmethod
    def load(cls, path: Path) -> "Holdout":
        """Read it; a file whose ids do not give its id was changed by hand and is refused."""
        raw = json.loads(path.read_text())
        holdout = cls(raw["rule"], raw["seed"], tuple(raw["ticket_ids"]), raw.get("holdout_share"))
        if holdout.id != raw["id"]:
            raise SplitError(f"{path} was changed: its ids hash to {holdout.id}, it says {raw['id']}")
        return holdout


def frozen_holdout(path: Path, tickets: pd.DataFrame, settings: SplitSettings) -> Holdout:
    """The hold-out of the file; where there is none yet, one to freeze.

    Raises:
        SplitError: the settings ask for another one than was frozen; or too few families to part.
    """
    if not path.exists():
        return choose_holdout(tickets, settings)
    holdout = Holdout.load(path)
    frozen = {"holdout_share": holdout.share, "seed": holdout.seed}
    now = {name: getattr(settings, name) for name in frozen}
    changed = [
        f"split.{name} was {value}, is {now[name]}" for name, value in frozen.items() if value not in (None, now[name])
    ]
    if changed:
        raise SplitError(
            f"{path} was frozen with other settings ({'; '.join(changed)}): put them back, or give the profile a new "
            "name, or remove its whole folder; without that file alone, models would be scored on what they have learnt"
        )
    return holdout


def choose_holdout(tickets: pd.DataFrame, settings: SplitSettings) -> Holdout:
    """Choose whole families: the latest, or at random where most have no date.

    A family is as late as its latest ticket that has a date. Where some families have none, they are trained on and
    decide nothing: the hold-out is what it would be without them.

    Args:
        tickets: ticket_id, family_id, created_at.
        settings: share, seed.

    Raises:
        SplitError: too few families to part.
    """
    families = tickets.groupby("family_id", sort=True).agg(rows=("ticket_id", "size"), latest=("created_at", "max"))
    if len(families) < 10:
        raise SplitError(f"{len(families)} families are too few to hold some out: give more tickets")
    dated = families[families["latest"].notna()]
    if 2 * len(dated) >= len(families):
        rule = BY_TIME if tickets["created_at"].notna().all() else BY_TIME_WHERE_DATED
        ordered = dated.sort_values(["latest", "family_id"], ascending=False)
        chosen = ordered.index[: max(1, round(settings.holdout_share * len(dated)))]
    else:
        rule = AT_RANDOM
        order = np.random.default_rng(settings.seed).permutation(len(families))
        before = families["rows"].to_numpy()[order].cumsum() - families["rows"].to_numpy()[order]
        chosen = families.index[order[before < settings.holdout_share * len(tickets)]]
    ids = sorted(tickets.loc[tickets["family_id"].isin(chosen), "ticket_id"])
    return Holdout(rule, settings.seed, tuple(ids), settings.holdout_share)


def doubt_of_dates(tickets: pd.DataFrame, holdout: Holdout) -> str:
    """Why the frozen hold-out is not what today's dates would choose, and what to do; empty where it is.

    Judged among what was there for sure, being ingested no later than the first ticket held out: tickets that came
    afterwards are trained on whatever their date.

    Args:
        tickets: ticket_id, family_id, created_at, ingested_at.
        holdout: as it was frozen.
    """
    ours = tickets[tickets["ticket_id"].isin(holdout.ticket_ids)]
    there = ~tickets["family_id"].isin(ours["family_id"]) & (tickets["ingested_at"] <= ours["ingested_at"].min())
    latest = pd.concat([ours, tickets[there]]).groupby("family_id")["created_at"].max()
    dated = latest.dropna().reset_index()
    if ours.empty or (holdout.rule == AT_RANDOM and 2 * len(dated) < len(latest)):
        return ""
    held = ours["family_id"].unique()
    again = dated.sort_values(["created_at", "family_id"], ascending=False).head(len(held))
    alike = float(again["family_id"].isin(held).sum() / len(held))
    if alike >= ALIKE:
        return ""
    if holdout.rule == AT_RANDOM:
        return f"it was drawn at random, when fewer dates were read than today: {STAYS}"
    return (
        f"{alike:.0%} of the families held out are the latest by today's dates, "
        f"which were read otherwise when it was frozen: {STAYS}"
    )


def assign(
    tickets: pd.DataFrame, holdout: Holdout, folds: int, seen: SeenTickets | None = None, recent_share: float = 0.0
) -> pd.DataFrame:
    """Put every ticket on its side.

    A ticket that is new, or that a merge brought into a family of the hold-out, is barred: neither trained on nor
    scored, so that the hold-out stays what it was.

    Of the families all of whose tickets came after the freezing, by feedback or by the desk, a share is recent: scored
    like the hold-out, and never trained on, so that it says what a model is worth on what arrives now. A family stays
    recent when further tickets join it. Where a merge brings it to tickets that were trained on, its own are barred.

    Args:
        tickets: ticket_id, family_id.
        holdout: as it was frozen.
        folds: of the search.
        seen: who was there before, and who was recent; None: all are old, and none is recent.
        recent_share: of the families that are new, by a hash of their ids.

    Returns:
        ticket_id, family_id, side (train, holdout, barred, recent), group (int, of the family), fold (int; -1 off
        training).
    """
    held = tickets["ticket_id"].isin(holdout.ticket_ids)
    related = tickets["family_id"].isin(tickets.loc[held, "family_id"])
    side = np.where(held, HOLDOUT, np.where(related, BARRED, TRAIN)).astype(object)
    if seen is not None:
        free = (side == TRAIN).nonzero()[0]
        side[free] = _sides_of_free(tickets.iloc[free], seen, recent_share)
    group = np.array([zlib.crc32(family.encode()) for family in tickets["family_id"]], dtype=np.int64)
    fold = np.where(side == TRAIN, (group // 1000) % folds, -1)
    return pd.DataFrame(
        {
            "ticket_id": tickets["ticket_id"],
            "family_id": tickets["family_id"],
            "side": side,
            "group": group,
            "fold": fold,
        }
    )


def _sides_of_free(tickets: pd.DataFrame, seen: SeenTickets, share: float) -> np.ndarray:
    """Sides of tickets that have no relative in the hold-out: train, recent or barred."""
    names, families = pd.Series(names_of(tickets["ticket_id"])), tickets["family_id"].reset_index(drop=True)
    was_recent = names.isin(seen.recent)
    is_old = names.isin(seen.others).groupby(families).transform("any")
    stays = was_recent.groupby(families).transform("any")
    drawn = families.map({family: _draw(family) < share for family in families.unique()}).astype(bool)
    return np.where(is_old, np.where(was_recent, BARRED, TRAIN), np.where(stays | drawn, RECENT, TRAIN))


def _draw(family: str) -> float:
    """A number in 0..1 that is the family's own, and has nothing to do with its fold."""
    return int(digest(["recent", family]), 16) / 16**16


def require_whole_families(split: pd.DataFrame) -> None:
    """Refuse a split in which relatives stand on both sides, or in two folds.

    Raises:
        SplitError: naming a family that is parted.
    """
    used = split[split["side"] != BARRED]
    parted = used.groupby("family_id").agg(sides=("side", "nunique"), folds=("fold", "nunique"))
    parted = parted[(parted["sides"] > 1) | (parted["folds"] > 1)]
    if len(parted):
        raise SplitError(f"{len(parted)} families stand on both sides of the line, among them {parted.index[0]}")
