"""The desk as who judges a challenger in the shadow sees it: who it is, what the log and the labels say of it.

Belongs here: turning a profile into the plain objects that serving/probation.py asks for.
Does not belong here: the rules (models/probation.py), everything else of monitoring (watch.py).
"""

from datetime import datetime

from ticket_assets.models.probation import Live
from ticket_assets.resources.desk import Desk
from ticket_assets.resources.watch import Watch
from ticket_assets.serving.probation import Labels, Outcome, Seen, look, read_live
from ticket_assets.serving.renamed import renamed
from ticket_assets.serving.store import Challenger, read_challenger


class Beside:
    """Who is in the shadow, and what is known of it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.watch = Watch(desk)

    @property
    def challenger(self) -> Challenger | None:
        """Who is in the shadow; None where nobody is."""
        return read_challenger(self.watch.folders.bundles)

    def seen(self, challenger: Challenger) -> Seen:
        """What live tickets say of it.

        Raises:
            StoreDownError: the log cannot be read.
        """
        targets, log = tuple(self.watch.active.targets), self.watch.log
        if log is None:
            return Seen(dict.fromkeys(targets, Live()))
        names = renamed(self.watch.folders.records)
        with self.watch.engine(log) as engine:
            return read_live(engine, challenger, targets, names, self._labels(challenger))

    def look(self, now: datetime) -> Outcome:
        """Judge it; where it is time, it is champion after that, or gone."""
        return look(self.desk.court(), self.seen, now)

    def _labels(self, challenger: Challenger) -> Labels:
        """Those of the ticket database; of tickets that the challenger was trained on none counts.

        Without the list of these nothing is left out.
        """
        its = self.watch.labels()
        return Labels(its.of, lambda ticket: its.known(challenger.bundle, ticket))
