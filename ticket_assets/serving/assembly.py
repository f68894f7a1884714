"""A bundle of two: the challenger's models, and the champion's where the challenger loses.

Belongs here: which of the champion's models may stand in the challenger's bundle, writing that bundle.
Does not belong here: when it is done (models/promotion.py), its card (assembled_card.py), its folder (bundle.py).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ticket_assets.models.measures import measure
from ticket_assets.models.plain_baseline import SCORE as BASELINE_SCORE
from ticket_assets.models.target_model import TargetModel
from ticket_assets.serving.assembled_card import Kept, assembled_card, cards_of
from ticket_assets.serving.bundle import MODEL_CARD, write_bundle
from ticket_assets.serving.manifest import FOUND_OUT, BundleManifest, Origin
from ticket_assets.serving.trial import HeldOut, Testimony

# What a ticket becomes before any model sees it: one bundle makes it one way.
SHARED = ("languages", "context", "feature_schema", "cleaning", "mask", "words")


def keepable(
    challenger: BundleManifest, testimony: Testimony, holdouts: Mapping[str, str] | None = None
) -> dict[str, str | None]:
    """Targets of both bundles to why the champion's model cannot go into the challenger's; None where it can.

    The two must make the same features, have frozen the same hold-out and speak the same labels of the taxonomy. Where
    both need sentence vectors, they must need the same encoder's.

    Args:
        challenger: its manifest.
        testimony: the champion's.
        holdouts: id to id now of hold-outs that erasures made smaller (renamed.py): still the same, for this.
    """
    champion = testimony.manifest
    if champion is None:
        return {}
    other = [name for name in SHARED if getattr(champion, name) != getattr(challenger, name)]
    now = [(holdouts or {}).get(one.split, one.split) for one in (champion, challenger)]
    other += ["split"] if now[0] != now[1] else []
    if champion.encoder and challenger.encoder and champion.encoder != challenger.encoder:
        other.append("encoder")
    told = {}
    for target in challenger.targets.keys() & champion.targets.keys():
        its = [*other, *(["taxonomy"] if champion.taxonomy.get(target) != challenger.taxonomy.get(target) else [])]
        told[target] = f"the champion's model of it was made with another {', '.join(its)}" if its else None
    return told


def assemble(
    bundles: Path,
    challenger: BundleManifest,
    champion: BundleManifest,
    kept: Sequence[str],
    held: Mapping[str, HeldOut],
    threads: int,
) -> BundleManifest:
    """Write the bundle of the challenger's models with the champion's for some targets; return its manifest.

    Args:
        bundles: the store that holds both.
        challenger: its manifest.
        champion: its manifest.
        kept: targets whose model is the champion's.
        held: target to its hold-out with the answers of the model that goes into the bundle.
        threads: of the models.
    """
    folders = {
        target: bundles / (champion if target in kept else challenger).id / target for target in challenger.targets
    }
    models = [TargetModel.load(folder, threads) for folder in folders.values()]
    kept_models = {target: _kept(bundles, challenger, champion, target, held[target]) for target in kept}
    fields = {name: value for name, value in vars(challenger).items() if name not in FOUND_OUT}
    fields |= {
        "encoder": challenger.encoder or champion.encoder,
        "bands": {**challenger.bands, **{target: champion.bands[target] for target in kept}},
        "scores": {**challenger.scores, **{target: dict(one.scores) for target, one in kept_models.items()}},
        "kept": {target: one.origin for target, one in kept_models.items()},
    }
    card = (bundles / challenger.id / MODEL_CARD).read_text(encoding="utf-8")
    return write_bundle(bundles, models, fields, assembled_card(card, kept_models))


def _kept(bundles: Path, challenger: BundleManifest, champion: BundleManifest, target: str, held: HeldOut) -> Kept:
    # A model that stayed before comes from where it was made; the card of then is the best, that of now the nearest.
    origin = champion.kept.get(target, Origin(champion.id, champion.data))
    # The baseline's score is of the hold-out, whoever answers it.
    baseline = {name: value for name, value in challenger.scores.get(target, {}).items() if name == BASELINE_SCORE}
    scores = {**_scores(held), **baseline}
    return Kept(origin, champion.targets[target], scores, cards_of(bundles, origin.bundle, champion.id))


def _scores(held: HeldOut) -> dict[str, float]:
    number = {label: place for place, label in enumerate(held.labels)}
    truth = np.array([number.get(label, -1) for label in held.truth])
    measured = measure(truth, held.challenger, held.labels)
    return {name: getattr(measured, name) for name in ("macro_f1", "accuracy", "ece")}
