"""How much of a score is memory: the linear baseline on the random split, and with families kept together at several
cuts.

Reads `tickets/clean` of a profile that was run: python benchmarks/cuts.py --profile it_service --cuts 0.6 0.7 0.8
It measures the baseline alone: no model is chosen on these splits.
"""

import argparse
import json
import time

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ticket_assets.models.baselines import tfidf_linear_svc
from ticket_assets.models.label_scores import class_counts, macro_f1
from ticket_assets.models.split import AT_RANDOM, HOLDOUT, TRAIN, assign, choose_holdout
from ticket_assets.settings import load_settings
from ticket_assets.storage import ProfileFolders
from ticket_assets.tickets.families import number_families
from ticket_assets.tickets.schema import LABEL_PREFIX


def main() -> None:
    """Print one JSON line per target and split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--cuts", type=float, nargs="+", default=[0.5, 0.6, 0.7, 0.8])
    chosen = parser.parse_args()
    settings = load_settings(profile=chosen.profile)
    clean = pd.read_parquet(ProfileFolders(settings.profile_root).parquet / "tickets" / "clean.parquet")
    for target in settings.active.targets:
        rows = clean[clean[LABEL_PREFIX + target].notna()].reset_index(drop=True)
        y, _ = pd.factorize(rows[LABEL_PREFIX + target], sort=True)
        seen, unseen = train_test_split(np.arange(len(y)), test_size=0.15, random_state=42, stratify=y)
        tell(target, "random", rows, y, seen, unseen)
    for cut in chosen.cuts:
        begun = time.perf_counter()
        families = number_families(list(clean["text"]), list(clean["ticket_id"]), cut)
        took = time.perf_counter() - begun
        # Without dates the choice is at random at every cut, so that the cut alone moves the score.
        grouped = clean.assign(family_id=families.family_ids, created_at=pd.NaT)
        holdout = choose_holdout(grouped, settings.active.split)
        assert holdout.rule == AT_RANDOM
        side = assign(grouped, holdout, settings.active.split.folds)["side"]
        for target in settings.active.targets:
            known = clean[LABEL_PREFIX + target].notna()
            y = pd.factorize(clean[LABEL_PREFIX + target], sort=True)[0]
            seen, unseen = np.flatnonzero(known & (side == TRAIN)), np.flatnonzero(known & (side == HOLDOUT))
            facts = {"largest_family": round(families.largest_share, 4), "seconds_families": round(took, 1)}
            tell(target, f"grouped at {cut}", clean, y, seen, unseen, **facts)


def tell(
    target: str, split: str, rows: pd.DataFrame, y: np.ndarray, seen: np.ndarray, unseen: np.ndarray, **facts: float
) -> None:
    """Fit the baseline on one split and print its scores."""
    texts = rows["text"].to_numpy()
    predicted = tfidf_linear_svc(list(texts[seen]), y[seen], list(texts[unseen])).predicted
    print(
        json.dumps(
            {
                "target": target,
                "split": split,
                "held_out": len(unseen),
                "accuracy": round(float((predicted == y[unseen]).mean()), 4),
                "macro_f1": round(float(macro_f1(class_counts(y[unseen], predicted, int(y.max()) + 1))), 4),
                **facts,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
