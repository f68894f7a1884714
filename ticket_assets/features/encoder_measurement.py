"""How fast each runtime is on this machine, and which of them pays.

Belongs here: the measurement, the rule.
Does not belong here: which encoders are compared and what becomes of the answer (encoder_choice.py).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ticket_assets.features.agreement import SMALLEST_COSINE
from ticket_assets.features.encoder import Encoder

ROUNDS = 2
# Below it the gain does not pay for a further library in every image.
WORTH_IT = 1.2


@dataclass(frozen=True)
class Measured:
    """One runtime on this machine: texts per second, and its smallest cosine against ONNX."""

    encoder_id: str
    runtime: str
    tickets_per_second: float
    smallest_cosine: float


def pick(rows: Sequence[Measured]) -> Measured:
    """The fastest that agrees with ONNX, if it is enough faster to pay; else ONNX."""
    [onnx] = [row for row in rows if row.runtime == "onnx"]
    worth = [
        row
        for row in rows
        if row.smallest_cosine >= SMALLEST_COSINE and row.tickets_per_second >= WORTH_IT * onnx.tickets_per_second
    ]
    return max(worth, key=lambda row: row.tickets_per_second, default=onnx)


def tickets_per_second(encoders: Mapping[str, Encoder], texts: Sequence[str]) -> dict[str, float]:
    """Texts per second of each encoder: the best of rounds in turn, so that a passing load hits none alone."""
    best = dict.fromkeys(encoders, 0.0)
    for encoder in encoders.values():
        encoder.encode(texts[:8])
    for _ in range(ROUNDS):
        for name, encoder in encoders.items():
            begun = time.perf_counter()
            encoder.encode(texts)
            best[name] = max(best[name], len(texts) / (time.perf_counter() - begun))
    return best
