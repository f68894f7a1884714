"""The vector table: each text encoded once, in whatever order, by whomever, however often interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.features import vectors
from ticket_assets.features.encoder import Progress
from ticket_assets.features.vectors import Encoding, VectorTable

IDS = ["b", "it's", 'a "quoted" one', "ü; DROP TABLE", "c"]
TEXTS = ["bb", "x", "ccccc", "dddd", "eee"]


class RecordingEncoder:
    """Turns a text into numbers made from its letters; remembers what it was asked, breaks where told to."""

    dimensions = 4

    def __init__(self, encoder_id: str = "fake-1", broken_call: int | None = None) -> None:
        self.encoder_id = encoder_id
        self.broken_call = broken_call
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        self.calls.append(list(texts))
        if len(self.calls) == self.broken_call:
            raise RuntimeError("killed")
        rows = [[len(text), sum(map(ord, text)), ord(text[0]), len(self.encoder_id)] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, 4) / 10_000


class TellingEncoder(RecordingEncoder):
    """Tells of each text."""

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        for done in range(1, len(texts) + 1):
            if progress:
                progress(done)
        return super().encode(texts)


def table(folder: Path, encoder_id: str = "fake-1") -> VectorTable:
    return VectorTable(folder, encoder_id, 4)


def fill(
    target: VectorTable,
    encoder: RecordingEncoder,
    ids: Sequence[str] = IDS,
    texts: Sequence[str] = TEXTS,
    seen: list[tuple[int, int]] | None = None,
) -> Encoding:
    hashes = [f"hash of {text}" for text in texts]
    return target.fill(ids, hashes, texts, encoder, lambda *counts: None if seen is None else seen.append(counts))


def counts(done: Encoding) -> tuple[int, int, int]:
    return done.encoded, done.kept, done.removed


def test_vectors_come_back_in_the_order_asked_for_to_the_last_bit(tmp_path: Path) -> None:
    target, encoder = table(tmp_path), RecordingEncoder()
    fill(target, encoder)
    order = [3, 0, 2, 4, 1, 3]
    found = target.read([IDS[row] for row in order])
    assert found.dtype == np.float32
    assert found.flags["C_CONTIGUOUS"]
    assert found.tobytes() == RecordingEncoder().encode([TEXTS[row] for row in order]).tobytes()
    assert target.read([]).shape == (0, 4)


def test_only_new_and_changed_texts_are_encoded_and_what_is_gone_is_removed(tmp_path: Path) -> None:
    encoder = RecordingEncoder()
    first = fill(table(tmp_path), encoder)
    assert counts(first) == (5, 0, 0)
    assert counts(again := fill(table(tmp_path), encoder)) == (0, 5, 0)
    assert (again.version, len(encoder.calls)) == (first.version, 1)
    changed = fill(table(tmp_path), encoder, ["c", "b", "it's", "new"], ["eee", "changed", "x", "n"])
    assert counts(changed) == (2, 2, 2)
    assert encoder.calls[1:] == [["changed", "n"]]
    assert changed.version != first.version
    assert table(tmp_path).read(["b"]).tolist() == RecordingEncoder().encode(["changed"]).tolist()
    with pytest.raises(KeyError, match="2 tickets have no vector, among them ü; DROP TABLE: materialise"):
        table(tmp_path).read(["b", "ü; DROP TABLE", 'a "quoted" one'])
    assert counts(fill(table(tmp_path), encoder, [], [])) == (0, 0, 4)


def test_an_interrupted_fill_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "UPSERT_ROWS", 2)
    seen: list[tuple[int, int]] = []
    with pytest.raises(RuntimeError, match="killed"):
        fill(table(tmp_path), RecordingEncoder(broken_call=2), seen=seen)
    assert seen == [(2, 5)]
    encoder, seen = RecordingEncoder(), []
    assert counts(fill(table(tmp_path), encoder, seen=seen)) == (3, 2, 0)
    assert encoder.calls == [["ccccc", "dddd"], ["eee"]], "the first two were done"
    assert seen == [(2, 3), (3, 3)]
    assert counts(fill(table(tmp_path), encoder, IDS[:1], TEXTS[:1])) == (0, 1, 4)


def test_the_version_follows_from_encoder_ids_and_texts_in_any_order(tmp_path: Path) -> None:
    one, other = table(tmp_path), table(tmp_path, "fake-2")
    assert one.version(["a", "b"], ["1", "2"]) == one.version(["b", "a"], ["2", "1"])
    others = [one.version(["a", "b"], ["2", "1"]), one.version(["a"], ["1"]), other.version(["a", "b"], ["1", "2"])]
    assert len({*others, one.version(["a", "b"], ["1", "2"])}) == 4


def test_vectors_of_two_encoders_never_meet(tmp_path: Path) -> None:
    fill(table(tmp_path), RecordingEncoder())
    second = RecordingEncoder("fake-with-a-longer-name")
    assert counts(fill(table(tmp_path, second.encoder_id), second)) == (5, 0, 0)
    assert table(tmp_path).read(IDS).tolist() == RecordingEncoder().encode(TEXTS).tolist()
    with pytest.raises(ValueError, match="holds vectors of fake-1, not of fake-with"):
        fill(table(tmp_path), second)


def test_an_id_that_stands_twice_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """Its positions would shift by one against the texts, and tickets get each other's vectors."""
    with pytest.raises(ValueError, match="1 of 3 ticket ids stand twice"):
        fill(table(tmp_path), RecordingEncoder(), ["a", "a", "b"], ["x", "x", "y"])
    with pytest.raises(KeyError):
        table(tmp_path).read(["b"])


def test_many_at_once_make_one_table_without_a_duplicate(tmp_path: Path) -> None:
    """Made first and given its key afterwards, a table that a second opened in between took every row twice."""
    ids = [f"t{number}" for number in range(300)]

    def work(folder: Path) -> Encoding:
        return fill(table(folder), RecordingEncoder(), ids, ids)

    for attempt in range(3):
        folder = tmp_path / str(attempt)
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(work, [folder] * 4))
        assert len({one.version for one in done}) == 1
        assert table(folder)._table.count_rows() == 300
        assert counts(work(folder)) == (0, 300, 0)


def test_the_counts_go_on_within_a_batch_and_its_end_is_told_once_it_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "UPSERT_ROWS", 3)
    seen: list[tuple[int, int]] = []
    fill(table(tmp_path), TellingEncoder(), seen=seen)
    assert seen == [(1, 5), (2, 5), (3, 5), (3, 5), (4, 5), (5, 5), (5, 5)]


def test_the_nearest_tickets_come_first_and_only_from_those_that_are_asked_for(tmp_path: Path) -> None:
    target = table(tmp_path)
    fill(target, RecordingEncoder())
    wanted = RecordingEncoder().encode(["dddd"])[0]
    every = target.similar(wanted, 9)
    assert [one for one, _ in every[:1]] == ["ü; DROP TABLE"]
    assert every[0][1] == pytest.approx(1, abs=1e-6)
    assert len(every) == 5
    assert [cosine for _, cosine in every] == sorted((cosine for _, cosine in every), reverse=True)
    assert {one for one, _ in target.similar(wanted, 9, ["it's", "b", "of another table"])} == {"it's", "b"}
    assert target.similar(wanted, 9, []) == []
