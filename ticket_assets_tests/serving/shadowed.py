"""Pairs of live answers that speak for a challenger or against it, and what a look at them comes to.

Not here: the desk whose challenger it is (conftest.py), any test, the prediction log (test_live_pairs.py).
"""

from datetime import UTC, datetime, timedelta

from ticket_assets.models.probation import LivePair, live
from ticket_assets.serving.probation import Outcome, Seen, look
from ticket_assets.serving.store import Challenger, read_challenger
from ticket_assets.serving.throne import Court
from ticket_assets_tests.serving.toys import SmallDesk

WELL = [LivePair("a", "a", "a")] * 28 + [LivePair("b", "a", "a")] * 4
BADLY = [LivePair("a", "a", "a")] * 20 + [LivePair("a", "b", "a")] * 12
FEW = WELL[:10]


def looked(court: Court, pairs: list[LivePair], later: timedelta = timedelta(hours=1), answered: int = 100) -> Outcome:
    return look(court, lambda _: Seen({"tone": live(pairs)}, answered), datetime.now(UTC) + later)


def challenger(desk: SmallDesk) -> Challenger:
    found = read_challenger(desk.bundles)
    assert found is not None
    return found
