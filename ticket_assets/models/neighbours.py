"""Votes of the nearest training tickets: what relatives of a ticket, told by its sentence vector, were labelled.

Belongs here: the index of training vectors, exact similarities, the votes, its file.
Does not belong here: the vectors (features/encoder.py), the 1-NN baseline (baselines.py), how one ticket's nearest are
found without reading all vectors (principal.py).

It is the kernel estimate of Nadaraya and Watson (1964) with an exponential kernel, cut off at NEIGHBOURS. On help-desk
mail it is memory of rewordings as much as skill: rewordings that share few words lie in different families, so
they stand on both sides of a split by families, as they will stand on both sides of the day of training.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.models.principal import Principal
from ticket_assets.storage import digest

NEIGHBOURS_FILE = "neighbours.npz"
NEIGHBOURS = 64
# Measured out of fold on the help-desk tickets: votes at 0.02 are best alone, 0.05 adds the wider neighbourhood.
TEMPERATURES = (0.02, 0.05)
# A class without a vote has this share before the logarithm; it bounds the block at about -7.
LEAST_SHARE = 1e-3
# Similarities from a matrix product differ in the last bit with the number of rows; those are only candidates.
_SPARE = 16
_BLOCK = 512
# Up to so many tickets one after the other are found faster than together, for which all vectors are read.
_FEW = 8
_NOBODY = -2.0


@dataclass(frozen=True)
class Nearest:
    """The nearest rows of n tickets.

    Attributes:
        rows: int (n, k) positions in the index, nearest first; k is NEIGHBOURS, or all there are.
        cosines: float64 (n, k); _NOBODY for a row that was not to be found.
    """

    rows: np.ndarray
    cosines: np.ndarray


@dataclass(frozen=True)
class Neighbours:
    """An index of training tickets.

    Attributes:
        vectors: float16 (m, d), L2 norm 1.
        y: int32 (m,) class of each.
        classes: number of classes, K.
        names: bytes S16 (m,) name of each row's ticket (`row_names`), by which erasure finds it and targets know each
            other's rows; None in an index that is never kept.
        ids: bytes (m,) UTF-8 id of each row's ticket, for people who ask for similar ones; None where there are no
            names, and in an index of an earlier version.
        directions: float32 (d, r) principal directions of the vectors, found when they were written; None where they
            are few, were just fitted, or written by an earlier version.
        principal: the vectors for one ticket at a time (`quick`); None where all of them are read for each.
    """

    vectors: np.ndarray
    y: np.ndarray
    classes: int
    names: np.ndarray | None = None
    ids: np.ndarray | None = None
    directions: np.ndarray | None = field(default=None, repr=False, compare=False)
    principal: Principal | None = field(default=None, repr=False, compare=False)

    @classmethod
    def fit(
        cls, vectors: np.ndarray, y: np.ndarray, classes: int, ticket_ids: Sequence[str] | None = None
    ) -> "Neighbours":
        """Take up training rows: float (m, d) vectors, int (m,) classes, and the ids of their tickets."""
        names = None if ticket_ids is None else row_names(ticket_ids)
        ids = None if ticket_ids is None else np.array([one.encode() for one in ticket_ids])
        return cls(vectors.astype(np.float16), y.astype(np.int32), classes, names, ids)

    @property
    def width(self) -> int:
        """Columns of the block: the largest similarity, then K logarithms of shares per temperature."""
        return 1 + self.classes * len(TEMPERATURES)

    def votes(self, vectors: np.ndarray, groups: np.ndarray | None = None, own: np.ndarray | None = None) -> np.ndarray:
        """The block of n tickets, each computed as if it were alone.

        Args:
            vectors: float32 (n, d) of the tickets.
            groups: None for new tickets. For indexed rows, int (m,) families of the index: relatives of a row have
                no vote on it, so that training meets votes as good as a new ticket's, and no better.
            own: int (n,) families of the tickets, where they are some of the indexed rows; None: they are all of them.

        Returns:
            float32 (n, width): the cosine of the nearest, then the logarithm of each class's share of the votes.
        """
        rows = np.arange(len(vectors))
        own = groups if own is None else own
        blocks = [
            self.votes_of(
                self.nearest(
                    vectors[part], None if groups is None or own is None else own[part][:, None] == groups[None, :]
                )
            )
            for part in np.array_split(rows, max(1, -(-len(rows) // _BLOCK)))
        ]
        return np.vstack(blocks) if blocks else np.empty((0, self.width), dtype=np.float32)

    def counts(self, vector: np.ndarray) -> np.ndarray:
        """How many of the nearest tickets of one vector float32 (d,) have each class: int (K,), for people."""
        return np.bincount(self.y[self.nearest(vector[None, :]).rows[0]], minlength=self.classes)

    def save(self, folder: Path) -> None:
        """Write `neighbours.npz`, with the principal directions of the vectors.

        Raises:
            ValueError: its rows have no names, and nobody could ever erase a ticket from it.
        """
        if self.names is None:
            raise ValueError("an index is kept only with the names of its rows: give the workbench its ticket ids")
        more: dict[str, Any] = {} if self.ids is None else {"ids": self.ids}
        if self.directions is not None:
            more["directions"] = self.directions
        elif (principal := Principal.of(self.vectors)) is not None:
            more["directions"] = principal.directions
        vectors, y = self.vectors, self.y
        np.savez(folder / NEIGHBOURS_FILE, vectors=vectors, y=y, classes=self.classes, names=self.names, **more)

    @classmethod
    def load(cls, folder: Path) -> "Neighbours":
        """Read what `save` wrote."""
        with np.load(folder / NEIGHBOURS_FILE, allow_pickle=False) as arrays:
            fields = ("vectors", "y", "names", "ids", "directions")
            return cls(classes=int(arrays["classes"]), **{name: arrays.get(name) for name in fields})

    def quick(self) -> "Neighbours":
        """The same index, which finds the nearest of one ticket sooner; it takes a tenth of a second to make."""
        return replace(self, principal=Principal.of(self.vectors, self.directions))

    def without(self, ticket_ids: Collection[str]) -> "Neighbours":
        """The index without the rows of these tickets; itself where it holds none.

        Raises:
            ValueError: no row would be left, or its rows have no names.
        """
        if self.names is None:
            raise ValueError("the rows of this index have no names")
        stays = ~np.isin(self.names, row_names(ticket_ids))
        if stays.all():
            return self
        if not stays.any():
            raise ValueError(
                "every ticket that this model was trained on would go: remove the profile's folder instead"
            )
        ids = None if self.ids is None else self.ids[stays]
        return Neighbours(self.vectors[stays], self.y[stays], self.classes, self.names[stays], ids)

    def votes_of(self, nearest: Nearest) -> np.ndarray:
        """The block float32 (n, width) of n tickets whose nearest are known."""
        similarity = nearest.cosines
        best = similarity[:, :1]
        columns = [np.maximum(best, -1.0)]
        for temperature in TEMPERATURES:
            weight = np.where(similarity > _NOBODY, np.exp((similarity - best) / temperature), 0.0)
            shares = np.zeros((len(similarity), self.classes))
            np.add.at(shares, (np.arange(len(similarity))[:, None], self.y[nearest.rows]), weight)
            total = np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
            columns.append(np.log(shares / total + LEAST_SHARE))
        return np.hstack(columns).astype(np.float32)

    def nearest(self, vectors: np.ndarray, relatives: np.ndarray | None = None) -> Nearest:
        """The nearest of n tickets, each found as if it were alone.

        Args:
            vectors: float32 (n, d).
            relatives: bool (n, m), rows that are not to be found; None: all are.
        """
        wanted, principal = min(NEIGHBOURS + _SPARE, len(self.y)), self.principal
        if principal is not None and relatives is None and len(vectors) <= _FEW:
            near = np.vstack([principal.near(self.vectors, one, wanted) for one in vectors])
        else:
            rough = vectors @ self.vectors.astype(np.float32).T
            if relatives is not None:
                rough[relatives] = _NOBODY
            near = np.sort(np.argpartition(-rough, wanted - 1, axis=1)[:, :wanted], axis=1)
        exact = (vectors[:, None, :].astype(np.float64) * self.vectors[near]).sum(axis=2)
        if relatives is not None:
            exact[np.take_along_axis(relatives, near, axis=1)] = _NOBODY
        order = np.argsort(-exact, axis=1, kind="stable")[:, :NEIGHBOURS]
        return Nearest(np.take_along_axis(near, order, axis=1), np.take_along_axis(exact, order, axis=1))


def row_names(ticket_ids: Iterable[str]) -> np.ndarray:
    """Names under which tickets stand in an index: bytes S16, 16 hex digits of the sha256 of each id.

    They are no secret: whoever has an id can tell whether it was trained on. They keep ids themselves, which may be
    names or addresses, out of what is served.
    """
    return np.array([digest([one]) for one in ticket_ids], dtype="S16")
