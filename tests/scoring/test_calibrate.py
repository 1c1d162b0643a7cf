"""Validation's scores become probabilities and thresholds that keep their promise."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from benchmarks import calibration
from scoring import metrics
from scoring.aggregate import BY_WORST_PERSON, ClipScore
from scoring.calibrate import (
    ErrorTarget,
    TooFewVideos,
    Videos,
    calibrate,
    fit,
    fit_after_epoch,
    fit_thresholds,
)
from scoring.decision_rule import DecisionRule


def drawn(count: int, seed: int, apart: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores that are right probabilities."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    return labels, expit(apart * random.normal((labels - 0.5) * apart, 1))


def of(
    labels: np.ndarray, sources: np.ndarray | None = None, collections: np.ndarray | None = None
) -> Videos:
    """Videos of one collection, each of a source of its own, unless stated otherwise."""
    alone = np.arange(len(labels)) if sources is None else sources
    return Videos(labels, alone, np.full(len(labels), "") if collections is None else collections)


def test_a_fit_finds_what_was_done_to_right_probabilities() -> None:
    labels, right = drawn(20_000, 0)
    logits = np.log(right / (1 - right))
    slope, offset = fit(of(labels), expit(2 * logits + 1), "platt")
    assert (slope, offset) == pytest.approx((0.5, -0.5), abs=0.03)
    slope, offset = fit(of(labels), expit(2 * logits), "temperature")
    assert slope == pytest.approx(0.5, abs=0.02)
    assert offset == 0


def test_a_perfect_separation_makes_no_score_certain() -> None:
    labels, scores = np.array([0, 0, 0, 1, 1, 1]), np.array([0.4, 0.45, 0.45, 0.55, 0.55, 0.6])
    for kind in ("temperature", "platt"):
        p_fake = DecisionRule("max_face", *fit(of(labels), scores, kind)).p_fake(scores)
        assert 0.02 < p_fake.min() < 0.5 < p_fake.max() < 0.98


def test_scores_that_are_the_wrong_way_round_keep_their_order() -> None:
    labels, scores = drawn(200, 1)
    slope, _ = fit(of(labels), 1 - scores, "platt")
    assert slope > 0


def test_both_classes_weigh_the_same_however_many_they_are() -> None:
    labels, scores = drawn(4000, 2)
    few = np.r_[np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)[:200]]
    slope, offset = fit(of(labels[few]), scores[few], "platt")
    assert (slope, offset) == pytest.approx((1, 0), abs=0.25)


def test_a_few_videos_of_one_class_do_not_move_the_offset_towards_the_other() -> None:
    offsets = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        labels = np.array([0] * 9 + [1] * 100)
        scores = expit(2 * random.normal((labels - 0.5) * 2, 1))
        offsets.append(fit(of(labels), scores, "platt")[1])
    assert abs(np.mean(offsets)) < 0.15


def test_calibrated_at_the_prior_is_near_the_truth_and_better_than_without() -> None:
    """Trained on as many fakes as reals, used at 80 % and at 1 %: benchmarks/calibration.py."""
    random = np.random.default_rng(0)
    rule = calibration.fit_rule(random, 1000)
    for share in (0.8, 0.01):
        results = calibration.measure(random, rule, share, 10_000)
        assert results["at the prior"]["ece"] <= 0.03
        losses = {name: result["balanced_log_loss"] for name, result in results.items()}
        assert min(losses, key=losses.get) == "at the prior"


def test_the_aggregation_that_judges_left_out_sources_best_is_chosen() -> None:
    labels, good = drawn(400, 3)
    _, noise = drawn(400, 4, apart=0.1)
    sources = np.arange(400) // 2
    chosen = calibrate(of(labels, sources), {"max_face": noise, "mean": good}, ErrorTarget())
    assert chosen.aggregation == "mean"
    same = calibrate(of(labels, sources), {"max_face": good, "mean": good}, ErrorTarget())
    assert same.aggregation == "max_face", "of equals the first"


def test_the_mean_over_people_is_never_chosen_by_itself() -> None:
    """With it bystanders hide a fake, whatever is best on validation."""
    random = np.random.default_rng(0)
    labels = pd.Series({f"v{i}": i % 2 for i in range(60)})
    sources = pd.Series({f"v{i}": f"s{i}" for i in range(60)})
    clips = [
        ClipScore(name, track, float(value))
        for name, label in labels.items()
        for track, value in enumerate([0.3 + 0.4 * label, *random.random(3)])  # others: noise
    ]
    chosen = fit_after_epoch(clips, labels, sources, pd.Series("", sources.index))
    assert chosen.fitted and chosen.aggregation in BY_WORST_PERSON


@given(st.integers(0, 10_000), st.integers(9, 60), st.integers(9, 60), st.floats(0.0, 3.0))
def test_thresholds_keep_the_rate_on_the_videos_they_were_chosen_on(
    seed: int, reals: int, fakes: int, apart: float
) -> None:
    random = np.random.default_rng(seed)
    labels = np.array([0] * reals + [1] * fakes)
    scores = np.round(expit(random.normal(apart * labels, 1)), 2)  # with ties
    alone = np.arange(len(labels))
    low, high = fit_thresholds(of(labels, alone), scores, ErrorTarget(error_rate=0.1), even=0.5)
    assert low <= 0.5 <= high
    assert (scores[labels == 0] >= high).sum() <= 0.1 * (reals + 1) - 1
    assert (scores[labels == 1] < low).sum() <= 0.1 * (fakes + 1) - 1
    low, high = fit_thresholds(of(labels, alone), scores, ErrorTarget(target_fpr=0.1), even=0.5)
    assert low == 0.5 <= high
    assert (scores[labels == 0] >= high).sum() <= 0.1 * (reals + 1) - 1


@pytest.mark.parametrize(("sources", "videos"), [(9, 1), (9, 6), (30, 3)])
def test_the_rate_holds_for_videos_of_new_sources_on_average(sources: int, videos: int) -> None:
    """Videos of one source are alike, and nine of one source are no nine."""
    random = np.random.default_rng(0)

    def draw(sources: int, videos: int) -> tuple[Videos, np.ndarray]:
        owners = np.repeat(np.arange(2 * sources), videos)
        labels = owners % 2
        return of(labels, owners), expit(labels + random.normal(0, 1, 2 * sources)[owners])

    rates = []
    for _ in range(400):
        low, high = fit_thresholds(*draw(sources, videos), ErrorTarget(error_rate=0.1), even=0.5)
        new, scores = draw(100, 1)
        wrong = (scores[new.labels == 0] >= high).mean(), (scores[new.labels == 1] < low).mean()
        rates.append(wrong)
    found = np.mean(rates, axis=0)
    assert (found < 0.1 + 0.02).all() and (found > 0.1 - 0.05).all()


def test_a_separation_needs_no_uncertain_band() -> None:
    labels = np.array([0] * 20 + [1] * 20)
    scores = np.r_[np.linspace(0.1, 0.2, 20), np.linspace(0.6, 0.9, 20)]
    alone = np.arange(40)
    assert fit_thresholds(of(labels, alone), scores, ErrorTarget(), even=0.4) == (0.4, 0.4)
    for even, expected in ((0.9, (0.61, 0.9)), (0.0, (0.0, 0.2))):
        ends = fit_thresholds(of(labels, alone), scores, ErrorTarget(), even)
        assert ends == pytest.approx(expected, abs=0.03), "no verdict contradicts p_fake"


@given(st.integers(0, 1000), st.floats(-25, 25), st.floats(0, 2))
def test_scores_that_move_by_rounding_reach_no_threshold_that_excluded_them(
    seed: int, middle: float, spread: float
) -> None:
    """A model that gives every video nearly the same score, on other hardware: 12 of 12 reals were
    called fake, because the threshold was the next number above their common score."""
    random = np.random.default_rng(seed)
    labels = np.arange(24) % 2
    logits = middle + spread * random.normal(size=24)
    rule = calibrate(of(labels, np.arange(24)), {"max_face": expit(logits)}, ErrorTarget())
    moved = expit(logits + random.uniform(-1e-4, 1e-4, 24))
    verdicts = np.array([rule.verdict("ok", score) for score in moved])
    assert (verdicts[labels == 0] == "fake").sum() <= 1
    assert (verdicts[labels == 1] == "real").sum() <= 1


def test_a_rate_that_takes_more_videos_says_how_many() -> None:
    labels, scores = drawn(40, 5)
    with pytest.raises(TooFewVideos, match=r"20 sources of REAL, but .* 0\.01 needs at least 99"):
        calibrate(of(labels, np.arange(40)), {"max_face": scores}, ErrorTarget(target_fpr=0.01))
    with pytest.raises(
        TooFewVideos, match=r"40 sources of REAL and 0 of FAKE, .* at least 9 of each"
    ):
        calibrate(of(labels * 0, np.arange(40)), {"max_face": scores}, ErrorTarget())
    names = np.array(["a"] * 36 + ["b"] * 4)
    with pytest.raises(TooFewVideos, match=r"18, 2 sources of FAKE in its collections"):
        fit_thresholds(
            of(labels, np.arange(40), np.where(labels == 1, names, "a")),
            scores,
            ErrorTarget(error_rate=0.1),
            0.5,
        )
    one_source_of_fakes = np.where(labels == 1, 0, np.arange(40))
    with pytest.raises(TooFewVideos, match="20 sources of REAL and 1 of FAKE"):
        calibrate(of(labels, one_source_of_fakes), {"max_face": scores}, ErrorTarget())


def clips(
    labels: np.ndarray, scores: np.ndarray
) -> tuple[list[ClipScore], pd.Series, pd.Series, pd.Series]:
    names = [f"v{i}" for i in range(len(labels))]
    found = [ClipScore(name, 0, score) for name, score in zip(names, scores, strict=True)]
    return found, pd.Series(labels, names), pd.Series(names, names), pd.Series("", names)


def test_training_stores_what_its_validation_can_support() -> None:
    enough = fit_after_epoch(*clips(*drawn(60, 6)))
    assert "30 and 30 sources" in enough.fitted
    assert "at most 0.1 of each class" in enough.fitted
    assert "on 9 real and 9 fake" in fit_after_epoch(*clips(*drawn(18, 6))).fitted
    assert fit_after_epoch(*clips(*drawn(17, 6))) == DecisionRule(), "8 fakes are too few"
    labels, scores = drawn(60, 6)
    assert fit_after_epoch(*clips(labels * 0, scores)) == DecisionRule()


def test_a_fit_on_many_videos_shows_nearly_no_calibration_error() -> None:
    labels, right = drawn(4000, 7)
    wrong = expit(3 * np.log(right / (1 - right)) - 1)
    judgement = calibrate(of(labels, np.arange(4000)), {"max_face": wrong}, ErrorTarget())
    new_labels, new = drawn(20_000, 8)
    p_fake = judgement.p_fake(expit(3 * np.log(new / (1 - new)) - 1))
    assert metrics.probabilities(new_labels, p_fake)["ece"] < 0.02


def test_in_a_class_every_collection_has_the_same_weight() -> None:
    """A thousand videos of one camera would otherwise decide for ten of another one."""
    labels = np.array([0] * 1000 + [0] * 10 + [1] * 500)
    names = np.array(["a"] * 1000 + ["b"] * 10 + ["a"] * 500)
    weights = of(labels, collections=names).weights
    sums = [
        weights[(labels == label) & (names == name)].sum()
        for label, name in ((0, "a"), (0, "b"), (1, "a"))
    ]
    assert sums == pytest.approx([0.25, 0.25, 0.5])
    assert of(labels).weights[labels == 0].sum() == pytest.approx(0.5)


@given(st.integers(0, 10_000), st.lists(st.floats(-3, 3), min_size=1, max_size=4))
def test_the_rate_holds_for_reals_in_every_collection_and_for_fakes_on_average(
    seed: int, shifts: list[float]
) -> None:
    random = np.random.default_rng(seed)
    labels = np.tile(np.arange(40) % 2, len(shifts))
    names = np.repeat(np.arange(len(shifts)), 40)
    scores = expit(random.normal(np.array(shifts)[names] + labels, 1))
    low, high = fit_thresholds(of(labels, collections=names), scores, ErrorTarget(), even=0.5)
    for name in range(len(shifts)):
        assert (scores[(labels == 0) & (names == name)] >= high).sum() <= 0.1 * 21 - 1
    assert (scores[labels == 1] < low).sum() <= (0.1 * 21 - 1) * len(shifts)


def test_every_collection_of_fakes_counts_the_same_for_the_share_called_real() -> None:
    labels = np.array([0] * 100 + [1] * 1000 + [1] * 100)
    names = np.array(["a"] * 1100 + ["b"] * 100)
    scores = np.r_[np.zeros(100), np.full(1000, 0.9), np.linspace(0, 0.8, 100)]
    low, _ = fit_thresholds(of(labels, collections=names), scores, ErrorTarget(), even=0.5)
    called_real = (scores[names == "b"] < low).mean()
    assert called_real == pytest.approx(0.2, abs=0.03), "none of a, so that a tenth of both"


def test_outside_the_training_range_the_rates_hold_after_every_change() -> None:
    labels, scores = drawn(400, 0)
    shifted, sharper = (expit(np.log(scores / (1 - scores)) + by) for by in (2.0, -2.0))
    changed = [{"max_face": shifted}, {"max_face": sharper}]
    rule = calibrate(of(labels), {"max_face": scores}, ErrorTarget(), changed)
    low, high = rule.outside
    for values in (scores, shifted, sharper):
        assert (values[labels == 0] >= high).mean() <= 0.1
        assert (values[labels == 1] < low).mean() <= 0.1
    plain = calibrate(of(labels), {"max_face": scores}, ErrorTarget())
    assert plain.outside == ()
    assert (plain.real_below, plain.fake_from) == (rule.real_below, rule.fake_from)
    assert low < plain.real_below and plain.fake_from < high
