"""Gates: asset checks that stop what stands downstream.

Belongs here: one check per promise an asset makes, all blocking.
Does not belong here: arithmetic; a check asks a plain function and says what it found.
"""

import dagster as dg
import pandas as pd

from ticket_assets.models.rows import stored_features
from ticket_assets.models.split import SplitError, require_whole_families
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.bento import bento_tag
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.probe import TOLERANCE, ask, largest_gap, served
from ticket_assets.serving.record import why_no_champion
from ticket_assets.serving.store import read_champion
from ticket_assets.tickets.curation import curate
from ticket_assets.tickets.fed_tickets import FEEDBACK, feed
from ticket_assets.tickets.kept_texts import cleaned_texts
from ticket_assets.tickets.schema import SOURCE
from ticket_assets.tickets.snapshot import count_rows, read_snapshot

ASKED = 20


@dg.asset_check(
    asset=["tickets", "clean"],  # not of the quarantine: a check stops what stands downstream of its own asset
    additional_ins={
        "quarantine": dg.AssetIn(["tickets", "quarantine"]),
        "feedback": dg.AssetIn(["tickets", "feedback"]),
    },
    blocking=True,
    description="Rows read + rows by feedback = clean + superseded + folded + quarantined, counted from the snapshot.",
)
def counts_add_up(
    desk: Desk, clean: pd.DataFrame, quarantine: pd.DataFrame, feedback: pd.DataFrame
) -> dg.AssetCheckResult:
    """No row is lost and none counted twice."""
    active, read = desk.active, count_rows(desk.folders.raw)
    rows = read_snapshot(desk.folders.raw, desk.columns_read)
    texts = cleaned_texts(rows, active.columns, active.cleaning.mask, desk.folders.kept).texts
    again = curate(rows, active.columns, active.targets, active.features.context, (), desk.taxonomies, cleaned=texts)
    fed = feed(again.clean, feedback, active.targets, active.features.context, active.monitoring.feedback.weight)
    by_people = int((clean[SOURCE] == FEEDBACK).sum()) if SOURCE in clean else 0
    found = len(clean) - by_people + again.superseded + again.folded + len(quarantine)
    # A row that is lost and one that stands twice would make a sum that is right.
    twice = int(clean["ticket_id"].duplicated().sum() + quarantine.duplicated(["_batch", "_position"]).sum())
    return dg.AssetCheckResult(
        passed=read == found and twice == 0 and by_people == fed.new,
        metadata={
            **{"read": read, "clean": len(clean), "quarantined": len(quarantine), "found": found, "twice": twice},
            **{"by_feedback": by_people, "by_feedback_again": fed.new},
        },
    )


@dg.asset_check(asset=["models", "split"], blocking=True, description="Relatives stand on one side, in one fold.")
def families_stay_whole(split: pd.DataFrame) -> dg.AssetCheckResult:
    """The split parts no family."""
    try:
        require_whole_families(split)
    except SplitError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    return dg.AssetCheckResult(passed=True, metadata={"families": int(split["family_id"].nunique())})


@dg.asset_check(
    asset=["serving", "bento"],
    additional_ins={
        "clean": dg.AssetIn(["tickets", "clean"]),
        "text": dg.AssetIn(["features", "text"]),
        "split": dg.AssetIn(["models", "split"]),
    },
    blocking=True,
    description=f"The bento's server process answers {ASKED} held-out tickets with the asset's own probabilities.",
)
def answers_as_the_asset(
    desk: Desk, clean: pd.DataFrame, text: pd.DataFrame, split: pd.DataFrame
) -> dg.AssetCheckResult:
    """What is served is what was evaluated."""
    champion = read_champion(desk.folders.bundles)
    if champion is None:
        why = why_no_champion(desk.folders.records)
        return dg.AssetCheckResult(passed=True, description=why, metadata={"tickets": 0})
    rows = split.index[split["side"] == "holdout"][:ASKED].to_numpy()
    ids, originals = list(clean["ticket_id"].iloc[rows]), desk.original_tickets()
    bundle = TriageBundle.load(desk.folders.bundles / champion.bundle, desk.folders.encoders)
    if desk.makes_features_of(bundle.manifest):
        vectors = desk.vectors().read(ids)
        features = stored_features(text.iloc[rows], vectors)
    else:  # a champion of other settings, after a rollback: today's tables are not what it was trained on
        features = bundle.features([originals[one] for one in ids])
    computed = bundle.probabilities(features)
    expected = [
        {
            target: dict(zip(bundle.manifest.targets[target], map(float, its[place]), strict=True))
            for target, its in computed.items()
        }
        for place in range(len(ids))
    ]
    with served(desk.folders.bentos, bento_tag(desk.profile, champion)) as port:
        gap = largest_gap([ask(port, originals[one]) for one in ids], expected)
    return dg.AssetCheckResult(
        passed=gap <= TOLERANCE, metadata={"tickets": len(ids), "largest_gap": gap, "tolerance": TOLERANCE}
    )
