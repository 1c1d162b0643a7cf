"""Validation of several collections: each counts the same, whatever its size."""

import pytest

from scoring.aggregate import ClipScore
from training.validation import by_collection, validation_metrics

SCORES = {"a/r": 0.1, "a/f": 0.9, "a/g": 0.8, "b/r": 0.6, "b/f": 0.4, "c/r": 0.3}
LABELS = {name: int(name[2] != "r") for name in SCORES}
COLLECTIONS = {name: name[0] for name in SCORES}
CLIPS = [ClipScore(name, 0, score) for name, score in SCORES.items()]


def test_means_are_over_collections_and_every_collection_has_its_columns() -> None:
    means, single = by_collection(CLIPS, LABELS, COLLECTIONS)
    assert single["val_auc a"] == 1.0
    assert single["val_auc b"] == 0.0
    assert single["val_auc c"] is None, "reals alone have no AUC"
    assert means["val_auc"] == pytest.approx(0.5)
    assert means["val_acc"] == pytest.approx((1 + 0 + 1) / 3)


def test_one_collection_is_measured_as_without_collections() -> None:
    one = dict.fromkeys(SCORES, "all")
    assert by_collection(CLIPS, LABELS, one)[0] == validation_metrics(CLIPS, LABELS)[0]
