"""The fitted models of one target between training and promotion.

Belongs here: writing them under their content hash, the pointer to the latest, reading them; with them the winner's
answers to its training rows out of fold, which the bands are chosen by.
Does not belong here: fitting (training.py), the bundle (serving/bundle.py).
"""

import shutil
from pathlib import Path

from ticket_assets.models.target_model import TargetModel
from ticket_assets.models.thresholds import OutOfFold
from ticket_assets.storage import digest, file_digest, temporary_sibling, write_text

LATEST = "latest"
WINNER, BOOSTED = "winner", "boosted"
OUT_OF_FOLD = "out_of_fold.npz"


def write_candidate(folder: Path, winner: TargetModel, boosted: TargetModel, known: OutOfFold) -> str:
    """Write both models under `folder/<content hash>` and point to it; return the hash.

    Args:
        folder: of the target.
        winner: best model of the search.
        boosted: its best boosted model; the same object when that is the winner.
        known: the winner's answers out of fold.
    """
    draft = temporary_sibling(folder / "draft")
    models = {WINNER: winner} if boosted is winner else {WINNER: winner, BOOSTED: boosted}
    try:
        for name, model in models.items():
            (draft / name).mkdir(parents=True)
            model.save(draft / name)
        known.save(draft / OUT_OF_FOLD)
        files = sorted(path for path in draft.rglob("*") if path.is_file())
        version = digest(f"{path.relative_to(draft)} {file_digest(path)}" for path in files)
        if not (folder / version).exists():
            draft.rename(folder / version)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    write_text(folder / LATEST, version)
    return version


def latest_version(folder: Path) -> str:
    """Content hash of the latest candidate of a target."""
    return (folder / LATEST).read_text()


def read_candidate(folder: Path, threads: int, version: str | None = None) -> tuple[TargetModel, TargetModel]:
    """Winner and best boosted model of a version, the latest where None; the same object when they are one."""
    made = folder / (version or latest_version(folder))
    winner = TargetModel.load(made / WINNER, threads)
    boosted = TargetModel.load(made / BOOSTED, threads) if (made / BOOSTED).exists() else winner
    return winner, boosted


def read_out_of_fold(folder: Path, version: str | None = None) -> OutOfFold:
    """The winner's answers to its training rows from models that did not see them; of the latest where None."""
    return OutOfFold.load(folder / (version or latest_version(folder)) / OUT_OF_FOLD)
