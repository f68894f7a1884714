"""From tables to the rows of a target."""

from dataclasses import replace

import numpy as np
import pytest

from ticket_assets.models.rows import target_rows
from ticket_assets.models.split import BARRED, HOLDOUT, RECENT, TRAIN


def _rows(tables, target="queue", **given):
    used = {**vars(tables), **given}
    return target_rows(target, used["clean"], used["text"], used["split"], used["vectors"])


def test_rows_go_to_their_side_with_text_label_family_and_vector(tables, queue):
    split = tables.split.set_index("ticket_id")
    assert set(split.loc[list(queue.training_ids), "side"]) == {TRAIN}
    assert set(split.loc[list(queue.holdout_ids), "side"]) == {HOLDOUT}
    clean = tables.clean.set_index("ticket_id")
    for ids, rows in ((queue.training_ids, queue.training), (queue.holdout_ids, queue.holdout)):
        assert list(rows.features.documents) == list(clean.loc[list(ids), "text"])
        assert [queue.labels[y] for y in rows.y] == list(clean.loc[list(ids), "label_queue"])
        assert list(rows.families) == list(clean.loc[list(ids), "family_id"])
        assert list(rows.languages) == list(clean.loc[list(ids), "language"])
        places = [tables.clean.index[tables.clean["ticket_id"] == one][0] for one in ids]
        assert rows.features.vectors.tobytes() == tables.vectors[places].tobytes()
    assert list(queue.folds) == list(split.loc[list(queue.training_ids), "fold"])
    assert list(queue.groups) == list(split.loc[list(queue.training_ids), "group"])
    assert not set(queue.training.families) & set(queue.holdout.families)


def test_barred_tickets_are_neither_trained_on_nor_scored(tables):
    split = tables.split.copy()
    split.loc[[0, 1, 2], "side"] = BARRED
    rows = _rows(tables, split=split)
    assert not {*split["ticket_id"][:3]} & {*rows.training_ids, *rows.holdout_ids}


def test_a_ticket_without_this_label_is_left_out_of_this_target_alone(tables, queue):
    missing = tables.clean.copy()
    row = missing.index[missing["ticket_id"] == queue.training_ids[0]][0]
    missing.loc[row, "label_queue"] = None
    assert _rows(tables, clean=missing).training_ids == queue.training_ids[1:]
    assert queue.training_ids[0] in _rows(tables, "priority", clean=missing).training_ids


def test_a_class_that_training_lacks_is_unknown_in_the_hold_out(tables, queue):
    other = tables.clean.copy()
    row = other.index[other["ticket_id"] == queue.holdout_ids[2]][0]
    other.loc[row, "label_queue"] = "aardvarks"
    rows = _rows(tables, clean=other)
    assert rows.labels == queue.labels == tuple(sorted(queue.labels))
    assert rows.holdout.y[2] == -1
    assert rows.holdout_labels[2] == "aardvarks"
    assert (np.delete(rows.holdout.y, 2) >= 0).all()


@pytest.mark.parametrize("name", ["text", "split"])
def test_tables_of_other_tickets_are_refused_by_name(tables, name):
    other = getattr(tables, name).iloc[::-1].reset_index(drop=True)
    with pytest.raises(ValueError, match=f"/{name} and tickets/clean hold other tickets"):
        _rows(tables, **{name: other})


def test_the_digest_changes_with_what_a_search_sees_and_with_nothing_else(tables, queue):
    def rows(**given):
        return replace(queue, **given).training_digest

    training = queue.training
    documents = ("another text", *training.features.documents[1:])
    changed = {
        queue.training_digest,
        rows(labels=(*queue.labels[:-1], "renamed")),
        rows(folds=(queue.folds + 1) % 3),
        rows(groups=queue.groups[::-1]),
        rows(training=replace(training, features=replace(training.features, columns=training.features.columns + 1))),
        rows(training_ids=("another", *queue.training_ids[1:])),
        rows(training=replace(training, y=training.y[::-1])),
        rows(training=replace(training, features=replace(training.features, documents=documents))),
    }
    assert len(changed) == 8
    assert rows(holdout_ids=("another",)) == queue.training_digest == _rows(tables).training_digest


def test_without_an_encoder_there_are_no_vectors(tables):
    assert _rows(tables, vectors=None).training.features.vectors is None


def _fed(tables, weight):
    people = np.arange(len(tables.clean)) % 5 == 0
    source = np.where(people, "corrected", "desk")
    return tables.clean.assign(source=source, weight=np.where(people, weight, 1.0))


def test_weights_are_of_the_training_rows_and_part_of_the_digest_where_not_one(tables, queue):
    heavy = _rows(tables, clean=_fed(tables, 3.0))
    told = dict(zip(tables.clean["ticket_id"], _fed(tables, 3.0)["weight"], strict=True))
    assert heavy.training.weights.tolist() == [told[one] for one in heavy.training_ids]
    assert heavy.training_digest != queue.training_digest
    same = _rows(tables, clean=_fed(tables, 1.0))
    assert same.training.weights is None and same.training_digest == queue.training_digest


def test_recent_rows_are_told_apart_and_never_trained_on(tables, queue):
    split = tables.split.copy()
    recent = split.index[split["side"] == TRAIN][:25]
    split.loc[recent, "side"] = RECENT
    clean = _fed(tables, 1.0)
    clean.loc[recent[3], "label_queue"] = "aardvarks"
    rows = _rows(tables, clean=clean, split=split)
    assert rows.recent_ids == tuple(clean.loc[recent, "ticket_id"]) and not {*rows.recent_ids} & {*rows.training_ids}
    assert rows.recent_labels[3] == "aardvarks" and rows.recent.y[3] == -1 and "aardvarks" not in rows.labels
    assert rows.recent_by_people.tolist() == [one != "desk" for one in clean.loc[recent, "source"]]
