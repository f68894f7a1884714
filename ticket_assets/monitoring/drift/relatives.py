"""Which rows of a sample say the same again: rewordings of one ticket are no independent witnesses.

Belongs here: blocks of near-duplicates within one sample, how many independent rows a sample is worth.
Does not belong here: what near-duplicates are (ticket_assets.tickets.families), the tests that take account of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ticket_assets.models.proportion import effective_rows
from ticket_assets.tickets.families import number_families

CUT = 0.5
# More that are alike are a kind of ticket that keeps coming, and no longer one ticket reworded: chained into one block
# they would leave a sample of thousands with the weight of hundreds.
LARGEST = 8


@dataclass(frozen=True)
class Relatives:
    """Of the n rows of a sample.

    Attributes:
        blocks: int (n,) block of each row, from 0.
        share: independent rows that they are worth (Kish 1965), as a share of n; 1 without relatives.
    """

    blocks: NDArray[np.int64]
    share: float

    @classmethod
    def among(cls, texts: Sequence[str], cut: float) -> "Relatives":
        """Blocks of LARGEST rows at most, of texts that are near-duplicates at a cosine of `cut`."""
        if not len(texts):
            return cls(np.array([], dtype=np.int64), 1.0)
        names = number_families(texts, [str(row) for row in range(len(texts))], cut).family_ids
        seen: dict[str, int] = {}
        blocks = []
        for name in names:
            seen[name] = seen.get(name, -1) + 1
            blocks.append(f"{name} {seen[name] // LARGEST}")
        return cls.of(np.unique(blocks, return_inverse=True)[1])

    @classmethod
    def of(cls, blocks: NDArray[np.int64]) -> "Relatives":
        """Of given blocks."""
        return cls(blocks, effective_rows(blocks) / len(blocks) if len(blocks) else 1.0)

    def take(self, rows: NDArray[np.bool_]) -> "Relatives":
        """Of the rows that are kept."""
        return Relatives.of(np.unique(self.blocks[rows], return_inverse=True)[1])


def worth(m: int, n: int, shares: tuple[float, float]) -> float:
    """What two samples tell of a difference, as a share of what they would tell without relatives, 0..1.

    Args:
        m: rows of the reference.
        n: rows of the window.
        shares: independent rows that each is worth, as a share of its rows.
    """
    return (1 / m + 1 / n) / (1 / (m * shares[0]) + 1 / (n * shares[1]))
