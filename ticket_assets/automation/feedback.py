"""Watching the corrections: their fingerprint is the data version of `tickets/corrections`.

Belongs here: reporting the fingerprint when there are other corrections than before.
Does not belong here: reading them (serving/corrected.py), when a retraining follows (the retrain sensor decides).
"""

import dagster as dg

from ticket_assets.automation.told import known_tags, tell
from ticket_assets.serving.corrected import corrections_fingerprint
from ticket_assets.serving.prediction_log.corrections import NOTHING
from ticket_assets.storage import ProfileFolders

CORRECTIONS = dg.AssetKey(["tickets", "corrections"])


def observe_corrections(folders: ProfileFolders, instance: dg.DagsterInstance) -> str:
    """Report the fingerprint of a profile's corrections if it is a new one; a log without any is not told of.

    Raises:
        StoreDownError: the prediction log cannot be reached, or is of a newer version.
    """
    found = corrections_fingerprint(folders)
    if found != NOTHING or known_tags(instance, CORRECTIONS):
        tell(instance, CORRECTIONS, found, {"fingerprint": found})
    return found
