"""Metrics agree with their definitions and with scikit-learn; what the data cannot give is None."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn import metrics as sk

from benchmarks import coverage
from scoring import metrics

LABELS = np.array([0, 0, 1, 1, 1])
SCORES = np.array([0.1, 0.6, 0.4, 0.8, 0.9])


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of both classes, and scores with ties, 0 and 1."""
    labels = draw(st.lists(st.sampled_from([0, 1]), min_size=2, max_size=40))
    labels[:2] = [0, 1]
    score = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1))
    scores = draw(st.lists(score, min_size=len(labels), max_size=len(labels)))
    return np.array(labels), np.array(scores)


@given(scored(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_all_that_scikit_learn_has_is_as_there(
    case: tuple[np.ndarray, np.ndarray], threshold: float
) -> None:
    labels, scores = case
    found = metrics.video_metrics(labels, scores, threshold)
    called, kept = (scores >= threshold).astype(int), np.clip(scores, 1e-7, 1 - 1e-7)
    balanced = np.where(labels == 1, 1 / labels.sum(), 1 / (1 - labels).sum())
    expected = {
        "auc": sk.roc_auc_score(labels, scores),
        "average_precision": sk.average_precision_score(labels, scores),
        "log_loss": sk.log_loss(labels, kept),
        "balanced_log_loss": sk.log_loss(labels, kept, sample_weight=balanced),
        "brier": sk.brier_score_loss(labels, scores, sample_weight=balanced),
        "accuracy": sk.accuracy_score(labels, called),
    }
    parts = sk.precision_recall_fscore_support(labels, called, labels=[0, 1], zero_division=np.nan)
    for name, values in zip(("precision", "recall"), parts, strict=False):
        expected |= {f"{name}_{which}": values[i] for i, which in enumerate(("real", "fake"))}
    f1 = sk.f1_score(labels, called, labels=[0, 1], average=None, zero_division=0.0)
    expected |= {"f1_real": f1[0], "f1_fake": f1[1]}
    table = sk.confusion_matrix(labels, called, labels=[0, 1])
    for row, name in enumerate(("real", "fake")):
        expected |= {f"{name}_called_{w}": table[row, i] for i, w in enumerate(("real", "fake"))}
    for name, value in expected.items():
        if np.isnan(value):
            assert found[name] is None
        else:
            assert found[name] == pytest.approx(value, abs=1e-9), name


@given(scored())
def test_the_equal_error_rate_is_where_the_roc_curve_meets_the_diagonal(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    fpr, tpr, _ = sk.roc_curve(*case, drop_intermediate=False)
    crossing = (
        brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1) if (np.diff(fpr) > 0).all() else None
    )
    found = metrics.ranking(*case)["eer"]
    assert 0 <= found <= 1
    if crossing is not None:
        assert found == pytest.approx(crossing, abs=1e-9)


def test_the_equal_error_rate_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    scores = np.array([0.1, 0.2, 0.3, 0.8, 0.4, 0.7, 0.9, 0.95])
    # From 0.7 on: one of four reals is called fake, one of four fakes real.
    assert metrics.ranking(labels, scores)["eer"] == pytest.approx(0.25)


def test_fakes_found_at_few_false_alarms_by_hand() -> None:
    labels = np.array([0] * 100 + [1] * 4)
    scores = np.array([0.9, 0.8] + [0.1] * 98 + [0.95, 0.85, 0.7, 0.05])
    found = metrics.ranking(labels, scores)
    assert found["tpr_at_0.1_fpr"] == 0.25  # above every real
    assert found["tpr_at_1_fpr"] == 0.5  # above every real but one


def test_weighted_precision_counts_a_false_alarm_as_a_hundred() -> None:
    labels = np.array([1, 0, 1, 0, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    found = metrics.ranking(labels, scores)
    assert found["weighted_precision_at_0.5"] == 1
    assert found["weighted_precision_at_0.9"] == pytest.approx(1 / (1 + 100 / 3)), (
        "as for as many reals"
    )


def test_the_calibration_error_by_hand() -> None:
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.21, 0.25, 0.9, 1.0])
    gaps = abs(0.23 - 0.5) * 2 + abs(0.9 - 1) + abs(1.0 - 1)
    assert metrics.calibration_error(labels, scores, np.full(4, 1 / 4)) == pytest.approx(gaps / 4)


def test_right_probabilities_show_no_calibration_error_whatever_the_share_of_fakes() -> None:
    random = np.random.default_rng(0)
    odds = random.normal(np.where(np.arange(20_000) % 5 > 0, 1.0, -1.0), 1) * 2  # 80 % fakes
    labels = (np.arange(20_000) % 5 > 0).astype(int)
    even = 1 / (1 + np.exp(-odds))
    assert metrics.probabilities(labels, even)["ece"] < 0.02
    natural = 1 / (1 + np.exp(-odds) / 4)
    assert metrics.probabilities(labels, natural, prior=0.8)["ece"] < 0.02
    assert metrics.probabilities(labels, natural)["ece"] > 0.05


def test_in_the_balanced_loss_both_classes_weigh_the_same() -> None:
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.2, 0.9, 0.6, 0.7])
    fakes = -np.log([0.9, 0.6, 0.7]).mean()
    result = metrics.probabilities(labels, scores)
    assert result["balanced_log_loss"] == pytest.approx((-np.log(0.8) + fakes) / 2)
    alone = metrics.probabilities(labels[1:], scores[1:])
    assert alone["balanced_log_loss"] == pytest.approx(fakes)


def test_at_a_prior_right_probabilities_lose_less_than_the_prior_alone() -> None:
    """Otherwise a report would say that noise beats the detector."""
    random = np.random.default_rng(0)
    labels = np.arange(20_000) % 2
    odds = 2 * random.normal(2 * labels - 1, 1)
    for prior in (0.5, 0.8, 0.01):
        right = 1 / (1 + np.exp(-odds) * (1 - prior) / prior)
        found = metrics.probabilities(labels, right, prior)
        always = metrics.probabilities(labels, np.full(20_000, prior), prior)
        even = metrics.probabilities(labels, 1 / (1 + np.exp(-odds)), prior)
        for name in ("balanced_log_loss", "brier"):
            assert found[name] < 0.9 * always[name]
            assert found[name] < even[name] or prior == 0.5
        entropy = -(prior * np.log(prior) + (1 - prior) * np.log(1 - prior))
        assert always["balanced_log_loss"] == pytest.approx(entropy)


def test_the_threshold_itself_is_fake() -> None:
    result = metrics.video_metrics(np.array([0, 1]), np.array([0.2, 0.5]), threshold=0.5)
    assert result["accuracy"] == 1


def test_certain_and_wrong_costs_much_but_not_infinitely() -> None:
    assert 5 < metrics.probabilities(np.array([0, 1]), np.array([1.0, 1.0]))["log_loss"] < 20


def test_one_class_has_no_ranking() -> None:
    result = metrics.video_metrics(np.array([1, 1]), np.array([0.3, 0.9]), threshold=0.5)
    assert {result[name] for name in ("auc", "eer", "tpr_at_1_fpr", "recall_real")} == {None}
    assert metrics.auc(np.array([1, 1]), np.array([0.3, 0.9])) is None
    assert result["accuracy"] == 0.5


def interval(labels: np.ndarray, scores: np.ndarray, sources: np.ndarray) -> tuple[float, float]:
    def measure(rows: np.ndarray) -> metrics.Metrics:
        return {"auc": metrics.auc(labels[rows], scores[rows])}

    return metrics.intervals(measure, sources, repetitions=300)["auc"]


def test_the_interval_draws_sources_not_videos() -> None:
    random = np.random.default_rng(0)
    sources = np.arange(60)
    labels = sources % 2
    scores = labels + random.normal(0, 1.2, 60)
    narrow = interval(labels, scores, sources)
    # Ten copies of every video are no new evidence.
    copies = [np.repeat(values, 10) for values in (labels, scores, sources)]
    assert interval(*copies) == pytest.approx(narrow, abs=1e-9)
    assert narrow[0] < metrics.auc(labels, scores) < narrow[1]
    as_if_independent = interval(copies[0], copies[1], np.arange(600))
    assert np.diff(as_if_independent) < 0.6 * np.diff(narrow)


def test_too_few_sources_have_no_interval() -> None:
    assert interval(LABELS, SCORES, np.zeros(5)) is None
    labels, scores, sources = np.arange(80) % 2, np.random.default_rng(0).random(80), np.arange(80)
    assert interval(labels, scores, sources // 2 % 4) is None
    assert interval(labels, scores, sources // 2 % 5) is not None


def test_draws_that_all_give_the_same_have_no_interval() -> None:
    """Ten sources without a mistake do not prove that there is none."""
    labels = np.arange(20) % 2
    assert interval(labels, labels.astype(float), np.arange(20) // 2) is None


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_the_interval_of_a_calibration_error_holds_it(seed: int) -> None:
    """It is no larger than chance makes it, while that of every draw is."""
    random = np.random.default_rng(seed)
    sources = np.arange(200) // 2
    scores = random.random(200)
    labels = (random.random(200) < scores).astype(int)
    found = metrics.intervals(
        lambda rows: metrics.probabilities(labels[rows], scores[rows]), sources, repetitions=100
    )["ece"]
    assert 0 <= found[0] <= metrics.probabilities(labels, scores)["ece"] <= found[1]


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """A small version of benchmarks/coverage.py."""
    share = coverage.measure_coverage(sources=100, trials=40, repetitions=60, seed=0)
    assert share.pop("tpr_at_1_fpr") > 0.7, "100 reals do not tell where 1 % of them lie"
    assert all(0.86 <= value <= 0.995 for value in share.values()), share
