"""Former candidates, searches and vectors: they go when nothing refers to them any more, and never before."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import optuna
import pytest

from ticket_assets.features.vector_storage import encoders_with_tables
from ticket_assets.features.vectors import VectorTable
from ticket_assets.models.candidate import LATEST
from ticket_assets.serving.bundle import write_bundle
from ticket_assets.serving.former_work import Removed, sweep_work
from ticket_assets.storage import ProfileFolders, write_text
from ticket_assets_tests.serving.conftest import change_manifest, toy_fields, toy_model

OLD = 5 * 24 * 3600


class Work:
    """Five candidates and five searches of a target, the first ones oldest, and the vectors of three encoders."""

    def __init__(self, folder: Path) -> None:
        self.folders, self.url = ProfileFolders(folder / "desk"), f"sqlite:///{folder}/optuna.db"
        for number in range(5):
            for place, file in ((self.folders.candidates, "out_of_fold.npz"), (self.folders.search, "trial-0.npy")):
                write_text(place / "queue" / f"made{number}" / file, "scores")
                self.age(place / "queue" / f"made{number}", OLD - number)
            optuna.create_study(study_name=f"desk-queue-made{number}", storage=self.url)
        optuna.create_study(study_name="other-queue-made0", storage=self.url)
        write_text(self.folders.candidates / "queue" / LATEST, "made4")
        write_text(self.folders.reports / "search_queue.json", json.dumps({"study": "desk-queue-made4"}))
        for encoder in ("onnx-now", "onnx-champion", "onnx-former"):
            VectorTable(self.folders.vectors, encoder, 2)
            self.age(self.folders.vectors / f"tickets-{encoder}.lance", OLD)
        made = write_bundle(self.folders.bundles, [toy_model()], toy_fields(), "a card")
        change_manifest(self.folders.bundles / made.id, encoder={"id": "onnx-champion", "runtime": "onnx"})

    @staticmethod
    def age(folder: Path, seconds: float) -> None:
        moment = time.time() - seconds
        for path in (*folder.rglob("*"), folder):
            os.utime(path, (moment, moment))

    def sweep(self, keep: int) -> Removed:
        return sweep_work(self.folders, "desk", self.url, "onnx-now", keep)

    def left(self, place: Path) -> list[str]:
        return sorted(path.name for path in (place / "queue").iterdir() if path.is_dir())

    def studies(self) -> list[str]:
        return sorted(optuna.get_all_study_names(self.url))


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


def test_beside_those_in_use_the_latest_former_ones_stay_and_studies_go_with_their_folders(work: Work) -> None:
    assert work.sweep(keep=2) == Removed(2, 2, 1)
    assert work.left(work.folders.candidates) == work.left(work.folders.search) == ["made2", "made3", "made4"]
    assert work.studies() == ["desk-queue-made2", "desk-queue-made3", "desk-queue-made4", "other-queue-made0"]
    assert work.sweep(keep=2) == Removed()


def test_vectors_stay_of_todays_encoder_and_of_every_bundle_that_may_serve_again(work: Work) -> None:
    assert work.sweep(keep=9) == Removed(0, 0, 1)
    assert list(encoders_with_tables(work.folders.vectors)) == ["onnx-champion", "onnx-now"]


def test_what_is_in_use_stays_though_it_is_the_oldest(work: Work) -> None:
    """A source that went back to what it said makes an earlier search and candidate the last ones."""
    write_text(work.folders.candidates / "queue" / LATEST, "made0")
    write_text(work.folders.reports / "search_queue.json", json.dumps({"study": "desk-queue-made0"}))
    assert work.sweep(keep=0) == Removed(4, 4, 1)
    assert work.left(work.folders.candidates) == work.left(work.folders.search) == ["made0"]


def test_a_search_that_is_running_stays_with_its_study_and_so_do_vectors_being_made(work: Work) -> None:
    write_text(work.folders.search / "queue" / "made0" / "trial-1.npy", "scores")
    write_text(work.folders.vectors / "tickets-onnx-former.lance" / "data" / "batch", "vectors")
    assert work.sweep(keep=0) == Removed(4, 3, 0)
    assert work.left(work.folders.search) == ["made0", "made4"]
    assert "desk-queue-made0" in work.studies()


def test_a_sweep_that_was_killed_after_the_study_went_takes_the_folder_the_next_time(work: Work) -> None:
    optuna.delete_study(study_name="desk-queue-made0", storage=work.url)
    assert work.sweep(keep=3).searches_removed == 1
    assert "made0" not in work.left(work.folders.search)


def test_before_a_first_search_nothing_is_known_to_be_former(tmp_path: Path) -> None:
    folders = ProfileFolders(tmp_path / "new")
    assert sweep_work(folders, "new", f"sqlite:///{tmp_path}/none.db", "onnx-now", 0) == Removed()
    assert not folders.root.exists()
