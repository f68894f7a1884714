"""By when an asset of the line should have been made again.

Belongs here: one default for all assets of the line, exceptions with their reasons.
Does not belong here: the windows of group monitoring (assets/monitoring.py), what follows from age: a champion that is
too old is a cause to retrain (monitoring/decision.py).

Dagster shows a warning and then a failure; neither starts a run by itself.
"""

from datetime import timedelta

import dagster as dg

from ticket_assets.monitoring_settings import RetrainSettings

# A desk has new tickets on every working day: three days pass over a weekend, in a week somebody should have noticed.
DATA = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=3), fail_window=timedelta(days=7))
WARN_SHARE = 0.8  # of the age at which a champion is retrained
GRACE = timedelta(days=7)  # what a retraining that waits, for data or a cool-down, may take longer

# Made when they change, and right however old they are.
AGELESS = {
    "tickets/sample": "generated from the settings alone",
    "tickets/mended": "people mend when there is something to mend",
    "models/pin": "told of when a rollback pins, and when that ends",
    "serving/bento": "made from a champion; that one's age is what counts",
    "serving/deployment": "as serving/bento",
}


def policy(key: dg.AssetKey, settings: RetrainSettings, is_generated: bool) -> dg.FreshnessPolicy | None:
    """Of an asset; None of one that does not age, or whose group has policies of its own.

    Args:
        key: of the asset.
        settings: that say how old a champion may grow.
        is_generated: whether the tickets are generated: then no new ones are to be waited for.
    """
    if key.to_user_string() in AGELESS or key.path[0] == "monitoring":
        return None
    if key.path[0] == "models":
        oldest = timedelta(days=settings.max_age_days)
        return dg.FreshnessPolicy.time_window(warn_window=WARN_SHARE * oldest, fail_window=oldest + GRACE)
    return None if is_generated else DATA
