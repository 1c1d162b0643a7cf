"""Numbers agree with their definitions; what the data cannot give is None."""

import numpy as np
import pytest

import metrics

LABELS = np.array([0, 0, 1, 1, 1])
SCORES = np.array([0.1, 0.6, 0.4, 0.8, 0.9])


def test_auc_is_the_share_of_rightly_ordered_pairs() -> None:
    pairs = [s > r for s in SCORES[LABELS == 1] for r in SCORES[LABELS == 0]]
    assert metrics.auc(LABELS, SCORES) == pytest.approx(np.mean(pairs))


def test_video_metrics_by_hand() -> None:
    result = metrics.video_metrics(LABELS, SCORES, threshold=0.5)
    right = np.where(LABELS == 1, SCORES, 1 - SCORES)
    assert result["log_loss"] == pytest.approx(-np.log(right).mean())
    assert result["accuracy"] == pytest.approx(3 / 5)
    assert result["f1_real"] == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert result["f1_fake"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))


def test_in_the_balanced_loss_both_classes_weigh_the_same() -> None:
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.2, 0.9, 0.6, 0.7])
    result = metrics.video_metrics(labels, scores, threshold=0.5)
    fakes = -np.log([0.9, 0.6, 0.7]).mean()
    assert result["balanced_log_loss"] == pytest.approx((-np.log(0.8) + fakes) / 2)
    alone = metrics.video_metrics(labels[1:], scores[1:], threshold=0.5)
    assert alone["balanced_log_loss"] == pytest.approx(fakes)


def test_the_threshold_itself_is_fake() -> None:
    result = metrics.video_metrics(np.array([0, 1]), np.array([0.2, 0.5]), threshold=0.5)
    assert result["accuracy"] == 1


def test_certain_and_wrong_costs_much_but_not_infinitely() -> None:
    result = metrics.video_metrics(np.array([0, 1]), np.array([1.0, 1.0]), threshold=0.5)
    assert 5 < result["log_loss"] < 20


def test_one_class_has_no_auc() -> None:
    result = metrics.video_metrics(np.array([1, 1]), np.array([0.3, 0.9]), threshold=0.5)
    assert result["auc"] is None
    assert result["accuracy"] == 0.5


def test_the_interval_draws_sources_not_videos() -> None:
    random = np.random.default_rng(0)
    sources = np.arange(60)
    labels = sources % 2
    scores = labels + random.normal(0, 1.2, 60)
    narrow = metrics.interval(metrics.auc, labels, scores, sources, repetitions=300)
    # Ten copies of every video are no new evidence.
    copies = [np.repeat(values, 10) for values in (labels, scores, sources)]
    copied = metrics.interval(metrics.auc, *copies, repetitions=300)
    assert copied == pytest.approx(narrow, abs=1e-9)
    assert narrow[0] < metrics.auc(labels, scores) < narrow[1]
    as_if_independent = metrics.interval(
        metrics.auc, copies[0], copies[1], np.arange(600), repetitions=300
    )
    assert np.diff(as_if_independent) < 0.6 * np.diff(narrow)


def test_too_few_sources_have_no_interval() -> None:
    assert metrics.interval(metrics.auc, LABELS, SCORES, np.zeros(5)) is None
