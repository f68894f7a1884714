"""The perceptron, trained with torch on the processor, stopped early on families that it does not learn from.

Belongs here: the network, its training, early stopping, its weights as arrays.
Does not belong here: scoring (perceptron.py).
"""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ticket_assets.models.fit_task import FitTask
from ticket_assets.models.perceptron import PerceptronEstimator
from ticket_assets.models.representation import dense

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

VALIDATION_SHARE = 0.15
MOST_EPOCHS = 80
PATIENCE = 6
BATCH = 256
# The matrices of a batch are so small that a second thread costs more than it gives.
THREADS = 1


@dataclass(frozen=True)
class Training:
    """A trained network, with the weights of its best epoch.

    Attributes:
        hidden: first layer, from columns to units.
        output: second layer, from units to classes.
        losses: weighted cross-entropy on the validation rows after each epoch.
    """

    hidden: "torch.nn.Linear"
    output: "torch.nn.Linear"
    losses: tuple[float, ...]


def fit_torch_head(parameters: dict[str, float], task: FitTask) -> PerceptronEstimator:
    """A perceptron with one hidden layer; parameters hidden, dropout, learning_rate, weight_decay."""
    rows = dense(task.matrix)
    mean, deviation = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    deviation[deviation == 0] = 1
    standard = ((rows - mean) / deviation).astype(np.float32)
    with _torch_set(task.seed):
        trained = train_network(parameters, standard, task, validation_rows(task))
    log.info("torch_head: %d epochs, the best is kept", len(trained.losses))
    (first, first_shift), (last, last_shift) = _arrays(trained.hidden), _arrays(trained.output)
    hidden = first / deviation[:, None]
    return PerceptronEstimator(
        hidden=hidden,
        hidden_shift=first_shift - mean @ hidden,
        output=task.spread(last),
        output_shift=task.base(last_shift),
        reference=mean,
    )


def _arrays(layer: "torch.nn.Linear") -> tuple[np.ndarray, np.ndarray]:
    """Weights float64 (in, out) in C order, and shifts (out,)."""
    weights = layer.weight.detach().numpy().T.astype(np.float64, order="C")
    return weights, layer.bias.detach().numpy().astype(np.float64)


def validation_rows(task: FitTask) -> np.ndarray:
    """Rows bool (n,) to stop on: whole families at random, a share of the rows, but never all of them."""
    groups = np.arange(len(task.y)) if task.groups is None else task.groups
    _, family = np.unique(groups, return_inverse=True)
    sizes = np.bincount(family)
    if len(sizes) < 2:
        raise ValueError("torch_head stops on families that it does not learn from, and there is only one: take it out")
    order = np.random.default_rng(task.seed).permutation(len(sizes))
    before = sizes[order].cumsum() - sizes[order]
    chosen = order[before < VALIDATION_SHARE * len(groups)][: len(sizes) - 1]
    return np.isin(family, chosen)


def train_network(parameters: dict[str, float], standard: np.ndarray, task: FitTask, held: np.ndarray) -> Training:
    """Train until the loss on the held rows has not fallen for PATIENCE epochs; keep the weights of the best.

    Args:
        parameters: hidden (units), dropout (0..1), learning_rate, weight_decay.
        standard: float32 (n, d), columns of mean 0 and deviation 1.
        task: for classes and weights.
        held: bool (n,) rows to stop on.
    """
    import torch

    x, y = torch.from_numpy(standard), torch.from_numpy(np.searchsorted(task.known, task.y))
    weights = torch.from_numpy(task.weights.astype(np.float32))
    learn, stop = torch.from_numpy(np.flatnonzero(~held)), torch.from_numpy(np.flatnonzero(held))
    hidden = torch.nn.Linear(x.shape[1], int(parameters["hidden"]))
    output = torch.nn.Linear(int(parameters["hidden"]), len(task.known))
    network = torch.nn.Sequential(hidden, torch.nn.ReLU(), torch.nn.Dropout(parameters["dropout"]), output)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=parameters["learning_rate"], weight_decay=parameters["weight_decay"]
    )

    def loss(rows: "torch.Tensor") -> "torch.Tensor":
        each = torch.nn.functional.cross_entropy(network(x[rows]), y[rows], reduction="none")
        return (each * weights[rows]).sum() / weights[rows].sum()

    losses: list[float] = []
    best = copy.deepcopy(network.state_dict())
    while len(losses) < MOST_EPOCHS and len(losses) - _best_epoch(losses) < PATIENCE:
        network.train()
        for batch in learn[torch.randperm(len(learn))].split(BATCH):
            optimizer.zero_grad()
            loss(batch).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            losses.append(float(loss(stop)))
        if _best_epoch(losses) == len(losses):
            best = copy.deepcopy(network.state_dict())
    network.load_state_dict(best)
    return Training(hidden, output, tuple(losses))


def _best_epoch(losses: list[float]) -> int:
    """The epoch, from 1, with the least loss; 0 before any."""
    return 1 + int(np.argmin(losses)) if losses else 0


@contextmanager
def _torch_set(seed: int) -> Iterator[None]:
    """Torch's own seed and threads, put back afterwards: a sentence encoder may run in the same process."""
    import torch

    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(THREADS)
        try:
            yield
        finally:
            torch.set_num_threads(before)
