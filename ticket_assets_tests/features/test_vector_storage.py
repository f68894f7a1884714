"""The vector table on disk: indices from a size, kept versions that outlive clean-up, a killed run that goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.features import vector_storage
from ticket_assets.features.encoder import OnnxEncoder, Progress
from ticket_assets.features.vectors import Encoding, VectorTable
from ticket_assets_tests.features.test_vectors import IDS, TEXTS, RecordingEncoder, fill, table


class Cloud:
    """Vectors in clusters, by number."""

    encoder_id, dimensions = "cloud-1", 32

    def __init__(self, count: int) -> None:
        noise = np.random.default_rng(3)
        centres = noise.normal(size=(20, 32))
        rows = centres[noise.integers(0, 20, count)] + 0.5 * noise.normal(size=(count, 32))
        self.rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        return self.rows[[int(text) for text in texts]]

    def fill(self, target: VectorTable, count: int) -> Encoding:
        texts = [str(number) for number in range(count)]
        return target.fill(texts, texts, texts, self, lambda done, total: None)


def test_keys_and_vectors_are_indexed_once_from_the_size_where_a_scan_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_storage, "KEYS_INDEXED_FROM", 200)
    monkeypatch.setattr(vector_storage, "VECTORS_INDEXED_FROM", 1000)
    cloud = Cloud(1100)
    target = VectorTable(tmp_path, cloud.encoder_id, cloud.dimensions)
    indices = []
    for count in (199, 200, 1000, 1100):
        cloud.fill(target, count)
        indices.append(target.facts()["indices"])
    assert indices == [[], ["BTree on ticket_id"], *[["BTree on ticket_id", "IvfFlat on vector"]] * 2]
    assert target.facts()["rows"] == 1100


def test_the_vector_index_finds_what_an_exact_search_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index of compressed vectors found a third of them. The last hundred are not in the index yet."""
    monkeypatch.setattr(vector_storage, "VECTORS_INDEXED_FROM", 2000)
    cloud = Cloud(2100)
    target = VectorTable(tmp_path, cloud.encoder_id, cloud.dimensions)
    for count in (2000, 2100):
        cloud.fill(target, count)
    assert target.facts()["indices"] == ["IvfFlat on vector"]
    for asked in range(0, 2100, 50):
        exact = np.argsort(-(cloud.rows @ cloud.rows[asked]))[:10]
        assert {one for one, _ in target.similar(cloud.rows[asked], 10)} == {str(one) for one in exact}


def test_a_kept_version_reads_what_fed_the_model_after_changes_compaction_and_clean_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tag in its place, clean-up refused to run at all: `tagged version(s) have been marked for cleanup`."""
    target = table(tmp_path)
    fill(target, RecordingEncoder())
    version = target.keep("bundle-1")
    fed = target.read(IDS)
    fill(target, RecordingEncoder(), ["b", "new"], ["changed", "n"])
    assert target.keep("bundle-1") == version, "the name stays with what it was given to"
    versions = len(target._table.list_versions())
    clean_up(target, monkeypatch)
    assert table(tmp_path).kept() == ("bundle-1",)
    assert target.as_of("bundle-1").read(IDS).tobytes() == fed.tobytes()
    assert target.read(["b", "new"]).tolist() == RecordingEncoder().encode(["changed", "n"]).tolist()
    with pytest.raises(KeyError, match="3 tickets have no vector"):
        target.read(["c", "it's", 'a "quoted" one'])
    assert len(target._table.list_versions()) < versions


def test_what_is_kept_under_one_name_can_be_kept_under_another_whatever_changed_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle that is seated need not be the one that the vectors were read for."""
    target = table(tmp_path)
    fill(target, RecordingEncoder())
    fed, version = target.read(IDS), target.keep("challenger")
    fill(target, RecordingEncoder(), ["b"], ["changed"])
    assert target.keep("seated", like="challenger") == version
    target.forget("challenger")
    clean_up(target, monkeypatch)
    assert target.as_of("seated").read(IDS).tobytes() == fed.tobytes()
    with pytest.raises(KeyError, match="no version is kept as 'nobody'"):
        target.keep("other", like="nobody")


def test_a_version_that_is_let_go_frees_its_space_and_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud(2000)
    target = VectorTable(tmp_path, cloud.encoder_id, cloud.dimensions)
    cloud.fill(target, 2000)
    target.keep("bundle-1")
    cloud.fill(target, 10)
    clean_up(target, monkeypatch)
    with_it = size(tmp_path)
    target.forget("bundle-1")
    clean_up(target, monkeypatch)
    assert size(tmp_path) < with_it - 1990 * 32 * 4
    for call in (target.as_of, target.forget):
        with pytest.raises(KeyError, match="no version is kept as 'bundle-1'; there are none"):
            call("bundle-1")


def test_a_kept_version_cannot_be_written_to(tmp_path: Path) -> None:
    target = table(tmp_path)
    fill(target, RecordingEncoder())
    target.keep("bundle-1")
    with pytest.raises(ValueError, match="kept as bundle-1 was fed by them: they are to be read alone"):
        fill(target.as_of("bundle-1"), RecordingEncoder(), ["b"], ["changed"])
    target._table.branches.checkout("kept-bundle-1").delete("ticket_id = 'b'")  # nor does it help to go around
    assert target.as_of("bundle-1").read(IDS).tolist() == target.read(IDS).tolist()


def clean_up(target: VectorTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tidy as if enough had gathered and a week had passed."""
    from datetime import timedelta

    monkeypatch.setattr(vector_storage, "FRAGMENTS", 0)
    monkeypatch.setattr(vector_storage, "OLD_VERSIONS_STAY", timedelta(milliseconds=1))
    time.sleep(0.01)  # LanceDB counts in milliseconds, and warns where the window is none at all
    vector_storage.tidy(target._table)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_one_percent_more_writes_no_row_again(tmp_path: Path) -> None:
    cloud = Cloud(5050)
    target = VectorTable(tmp_path, cloud.encoder_id, cloud.dimensions)
    cloud.fill(target, 5000)
    before = size(tmp_path)
    done = cloud.fill(target, 5050)
    assert (done.encoded, done.kept) == (50, 5000)
    assert size(tmp_path) - before < 5000 * 32 * 4 / 4


class ConflictingTable:
    """Fails to be tidied as often as told, with the words that LanceDB uses."""

    def __init__(self, real: object, failures: int, words: str) -> None:
        self._real, self._failures, self._words = real, failures, words

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def optimize(self, **options: object) -> None:
        self._failures -= 1
        if self._failures >= 0:
            raise RuntimeError(self._words)


@pytest.mark.parametrize(
    ("failures", "words", "raises"),
    [(4, "Retryable commit conflict for version 7", False), (5, "commit conflict", True), (1, "disk full", True)],
)
def test_tidying_beside_another_process_is_tried_again_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, words: str, raises: bool
) -> None:
    monkeypatch.setattr(vector_storage, "FRAGMENTS", 0)
    target = table(tmp_path)
    target._table = ConflictingTable(target._table, failures, words)
    if raises:
        with pytest.raises(RuntimeError, match=words):
            fill(target, RecordingEncoder())
    else:
        assert fill(target, RecordingEncoder()).encoded == len(TEXTS)


KILLED = """
import sys, time
from pathlib import Path
from ticket_assets.features import vectors
from ticket_assets.features.encoder import OnnxEncoder
folder, encoder = Path(sys.argv[1]), OnnxEncoder.load(Path(sys.argv[2]))
vectors.UPSERT_ROWS = 20
texts = [f"ticket number {number}" for number in range(100)]
def progress(done, total):
    if done == 45:
        (folder / "amidst").touch()
        time.sleep(600)
vectors.VectorTable(folder, encoder.encoder_id, encoder.dimensions).fill(texts, texts, texts, encoder, progress)
"""


def test_after_a_kill_in_the_middle_of_encoding_only_what_is_missing_is_encoded(
    tmp_path: Path, encoder_folder: Path
) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path, encoder_folder])
    try:
        while not (tmp_path / "amidst").exists():
            assert child.poll() is None, "it ended before it was killed"
            time.sleep(0.05)
    finally:
        os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    encoder = OnnxEncoder.load(encoder_folder)
    texts = [f"ticket number {number}" for number in range(100)]
    target = VectorTable(tmp_path, encoder.encoder_id, encoder.dimensions)
    done = target.fill(texts, texts, texts, encoder, lambda count, total: None)
    assert (done.encoded, done.kept, done.removed) == (60, 40, 0)
    assert target.read(texts).tobytes() == encoder.encode(texts).tobytes()
