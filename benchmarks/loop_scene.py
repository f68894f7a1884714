"""The scene of the loop: which tickets a desk begins with, which arrive as before, which are new, which are scored.

Belongs here: cutting a table of tickets into these parts, the tables they come from.
Does not belong here: sending them (loop_traffic.py), the desk that answers (loop_desk.py), what must come of it
(loop_outcome.py).

What is new is a queue that no ticket of the history has, and, where the tickets have several languages, a language. One
ticket of each near-duplicate family takes part, so no ticket is a rewording of one that a model was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.drift_pools import SOURCES, one_of_each_family
from ticket_assets.tickets.sample import generate
from ticket_assets.tickets.sample_spec import SampleSpec

COLUMNS = ["ticket_id", "subject", "body", "queue", "language"]
GENERATED = "generated"
SHARE = 0.5  # of the traffic that is new, once anything is
HISTORY_DAYS = 90


@dataclass(frozen=True)
class Novelty:
    """What the history lacks: a queue, or what else tickets are sorted by, and a language where there are several."""

    queue: str
    language: str | None = None
    column: str = "queue"  # of the public file, for people

    def of(self, table: pd.DataFrame) -> pd.Series:
        """Which rows are new."""
        new = table["queue"] == self.queue
        return new if self.language is None else new | (table["language"] == self.language)

    def __str__(self) -> str:
        return f"{self.column} {self.queue}" + (f", language {self.language}" if self.language else "")


NOVELTIES = {
    GENERATED: Novelty("purchasing", "de"),
    "it_service": Novelty("HR Support"),
    # Its queues are no stage for this: without rewordings, macro F1 of a model of 2,500 tickets is .28, and another
    # class is not learnt from some hundred of them.
    "helpdesk": Novelty("Change", "de", "type"),
}
TARGETS = {"it_service": "Topic_group", "helpdesk": "type"}


@dataclass(frozen=True)
class Scene:
    """The tickets of one loop; every table has COLUMNS, and no ticket is in two but those that both desks see.

    Attributes:
        name: of the tickets.
        novelty: what appears.
        history: what the desk has at the beginning, with dates of the last HISTORY_DAYS.
        usual: what arrives as before, in its order.
        changed: likewise, row for row, with a share of new tickets in place of the usual ones.
        test: changed traffic that nobody sends; models are scored on it at the end.
    """

    name: str
    novelty: Novelty
    history: pd.DataFrame
    usual: pd.DataFrame
    changed: pd.DataFrame
    test: pd.DataFrame


def read_tickets(name: str, data: Path | None, state: Path) -> pd.DataFrame:
    """Tickets with COLUMNS: generated ones, or one of each family of a public data set.

    Args:
        name: `generated`, or of drift_pools.SOURCES.
        data: folder of the public files; not needed for generated ones.
        state: folder where what takes long is kept.
    """
    if name == GENERATED:
        spec = SampleSpec(rows=40_000, seed=5, family_share=0, defects=0, label_noise=0.02, languages=_TWO)
        return generate(spec)[COLUMNS]
    if data is None:
        raise FileNotFoundError(f"{name} is a public data set: give the folder of {SOURCES[name].file} with --data")
    source = SOURCES[name]
    chosen = one_of_each_family(name, data, state)
    raw = pd.read_parquet(data / source.file).set_index("ticket_id").loc[chosen["ticket_id"]].reset_index()
    subject = raw[source.subject].fillna("") if source.subject else ""
    texts = {"ticket_id": raw["ticket_id"].astype(str), "subject": subject, "body": raw[source.body].fillna("")}
    return pd.DataFrame({**texts, "queue": raw[TARGETS[name]], "language": chosen["language"].to_numpy()})


def cut(name: str, tickets: pd.DataFrame, history: int, test: int, seed: int) -> Scene:
    """Cut tickets into a scene.

    Args:
        name: of the tickets, which says what is new.
        tickets: with COLUMNS.
        history: rows of it.
        test: rows of it.
        seed: of every draw.

    Raises:
        ValueError: there are too few tickets for it.
    """
    rng, novelty = np.random.default_rng(seed), NOVELTIES[name]
    tickets = tickets.sample(frac=1, random_state=seed).reset_index(drop=True)
    is_new = novelty.of(tickets)
    usual, new = tickets[~is_new].reset_index(drop=True), tickets[is_new].reset_index(drop=True)
    new_in_test = round(test * SHARE)
    if len(usual) < history + test or len(new) < 2 * new_in_test:
        raise ValueError(f"{len(usual)} usual and {len(new)} new tickets are too few for {history} + {test}")
    begun = datetime.now(UTC) - timedelta(days=HISTORY_DAYS)
    taken = history + test - new_in_test
    first, usual_test, stream = usual[:history], usual[history:taken], usual[taken:]
    dates = [begun + timedelta(days=HISTORY_DAYS * at / (history + 1)) for at in range(history)]
    chance = rng.random(len(stream)) < SHARE
    # Where the new ones are used up the stream ends: a ticket that comes twice would be known.
    length = int(np.searchsorted(np.cumsum(chance), len(new) - new_in_test, side="right"))
    stream, chance = stream[:length].reset_index(drop=True), chance[:length]
    changed = stream.copy()
    changed.loc[chance] = new[new_in_test : new_in_test + int(chance.sum())].to_numpy()
    score = pd.concat([usual_test, new[:new_in_test]], ignore_index=True)
    return Scene(name, novelty, first.assign(created_at=dates), stream, changed, score)


def known_from_the_start(scene: Scene, told: Sequence[int], seed: int) -> pd.DataFrame:
    """The history as it would be had the new tickets always been among it: those that people told of, at its dates.

    At dates of today all of them would be held out, being the latest.

    Args:
        scene: with the changed tickets.
        told: their positions.
        seed: of the dates.
    """
    dates = scene.history["created_at"].sample(len(told), replace=True, random_state=seed).to_numpy()
    return pd.concat([scene.history, scene.changed.iloc[list(told)].assign(created_at=dates)], ignore_index=True)


_TWO = {"en": 0.7, "de": 0.3}
