"""From clips to one score, one probability and one word."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DataError
from scoring.aggregate import AGGREGATIONS, ClipScore, by_video, confident_mean, video_scores
from scoring.decision_rule import VERDICTS, DecisionRule

CLIPS = [
    ClipScore("a", 0, 0.2),
    ClipScore("a", 0, 0.4),
    ClipScore("a", 1, 0.9),
    ClipScore("a", 1, 0.5),
    ClipScore("b", 0, 0.1),
]
SCORES = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=5), min_size=1, max_size=4)
BAND = DecisionRule(real_below=0.3, fake_from=0.7)


def test_clips_are_kept_by_video_and_person() -> None:
    assert by_video(CLIPS) == {"a": {0: [0.2, 0.4], 1: [0.9, 0.5]}, "b": {0: [0.1]}}


def test_a_video_is_as_fake_as_its_most_suspicious_person() -> None:
    assert video_scores(CLIPS) == {"a": pytest.approx(0.7), "b": pytest.approx(0.1)}


def test_the_mean_is_over_all_clips() -> None:
    assert video_scores(CLIPS, "mean") == {"a": pytest.approx(0.5), "b": pytest.approx(0.1)}


def test_no_clips_give_no_score() -> None:
    assert video_scores([]) == {}


def test_the_confident_mean_leaves_out_doubt_where_enough_clips_are_sure() -> None:
    assert confident_mean([[0.9, 0.95, 0.4]]) == pytest.approx(0.925)
    assert confident_mean([[0.9, 0.4, 0.5]]) == pytest.approx(0.6)  # one of three
    assert confident_mean([[0.9, 0.95, 0.4], [0.1, 0.1]]) == pytest.approx(0.925)
    assert confident_mean([[0.1] * 19 + [0.5]]) == pytest.approx(0.1)
    assert confident_mean([[0.1] * 8 + [0.5] * 2]) == pytest.approx(0.18)


@given(SCORES)
def test_a_video_is_never_outside_of_its_clips(tracks: list[list[float]]) -> None:
    everything = [score for track in tracks for score in track]
    for combine in AGGREGATIONS.values():
        assert min(everything) - 1e-12 <= combine(tracks) <= max(everything) + 1e-12


@pytest.mark.parametrize(
    ("status", "score", "expected"),
    [
        ("ok", 0.7, "fake"),
        ("ok", 0.69, "uncertain"),
        ("ok", 0.3, "uncertain"),
        ("ok", 0.29, "real"),
        ("no_face", None, "no_face"),
        ("unreadable", None, "unreadable"),
    ],
)
def test_verdict_of(status: str, score: float | None, expected: str) -> None:
    assert BAND.verdict(status, score) == expected
    assert expected in VERDICTS


def test_one_threshold_leaves_nothing_uncertain() -> None:
    rule = DecisionRule(real_below=0.5, fake_from=0.5)
    assert rule.verdict("ok", 0.5) == "fake"
    assert rule.verdict("ok", np.nextafter(0.5, 0)) == "real"


def test_a_rule_that_is_not_calibrated_gives_a_verdict_on_clear_scores_only() -> None:
    found = [DecisionRule().verdict("ok", score) for score in (0.199, 0.2, 0.5, 0.799, 0.8)]
    assert found == ["real", "uncertain", "uncertain", "uncertain", "fake"]


def test_a_stored_rule_without_a_fit_has_the_thresholds_of_one_that_is_not_calibrated() -> None:
    """Earlier versions stored a single threshold at 0.5 with it."""
    earlier = DecisionRule().to_dict() | {"real_below": 0.5, "fake_from": 0.5}
    assert DecisionRule.from_dict(earlier) == DecisionRule()


PRIORS, SLOPES, OFFSETS = st.floats(1e-6, 1 - 1e-6), st.floats(1e-3, 50), st.floats(-20, 20)
ENDS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(st.floats(0, 1), PRIORS, SLOPES, OFFSETS, ENDS)
def test_no_verdict_contradicts_p_fake_at_even_odds_whatever_the_thresholds(
    score: float, prior: float, slope: float, offset: float, ends: list[float]
) -> None:
    even = DecisionRule("mean", slope, offset, *ends, fitted="by hand")
    rule = DecisionRule.from_dict(even.to_dict()).at_prior(prior)
    for value in (score, *ends, even.single_threshold):
        verdict, p_fake = rule.verdict("ok", value), float(even.p_fake(np.array(value)))
        assert verdict == even.verdict("ok", value), "a prior changes no verdict"
        assert verdict != "fake" or (p_fake >= 0.5 and value >= ends[1])
        assert verdict != "real" or (p_fake <= 0.5 and value < ends[0])
    low, high = rule.p_fake_thresholds
    assert low <= prior <= high


def test_what_an_error_rate_cannot_give_on_its_side_of_p_fake_is_uncertain() -> None:
    """At slope 1 and offset -2, a score of 0.73 has a p_fake of 0.27 and one of 0.95 of 0.72."""
    rule = DecisionRule(offset=-2, real_below=0.6, fake_from=0.6, fitted="by hand")
    assert [rule.verdict("ok", score) for score in (0.59, 0.73, 0.95)] == [
        "real",
        "uncertain",
        "fake",
    ]
    assert rule.p_fake_thresholds == (pytest.approx(0.169, abs=1e-3), 0.5)
    assert rule.at_prior(0.01).p_fake_thresholds[1] == 0.01


@given(st.floats(0.001, 0.999), PRIORS)
def test_p_fake_at_even_odds_follows_from_p_fake_at_a_prior(score: float, prior: float) -> None:
    rule = DecisionRule(slope=0.7, offset=0.3).at_prior(prior)
    p_fake = float(rule.p_fake(np.array(score)))
    expected = float(rule.at_prior(0.5).p_fake(np.array(score)))
    assert rule.at_even_odds(p_fake) == pytest.approx(expected, rel=1e-6)


def test_a_video_without_a_face_can_never_have_a_score() -> None:
    with pytest.raises(AssertionError):
        BAND.verdict("no_face", 0.5)


def test_without_a_fit_p_fake_is_the_models_own_score() -> None:
    scores = np.array([0.0, 1e-9, 0.3, 1.0])
    assert DecisionRule().p_fake(scores) == pytest.approx(scores, abs=1e-9)
    assert DecisionRule().single_threshold == pytest.approx(0.5)


@given(st.floats(0, 1), st.floats(1e-4, 1 - 1e-4), st.floats(0.1, 5), st.floats(-3, 3))
def test_a_prior_changes_the_odds_by_the_priors_odds_and_no_verdict(
    score: float, prior: float, slope: float, offset: float
) -> None:
    plain = DecisionRule("mean", slope, offset, 0.2, 0.6)
    moved = plain.at_prior(prior)
    before, after = (float(j.p_fake(np.array(score))) for j in (plain, moved))
    assert after * (1 - before) * (1 - prior) == pytest.approx(
        before * (1 - after) * prior, rel=1e-6, abs=1e-12
    )
    assert moved.verdict("ok", score) == plain.verdict("ok", score)
    assert moved.single_threshold == pytest.approx(plain.single_threshold, abs=1e-9)
    assert moved.at_prior(0.5).offset == pytest.approx(offset, abs=1e-9)


def test_a_judgement_survives_being_stored_and_another_versions_is_refused() -> None:
    judgement = DecisionRule("mean", 1.5, 0.1, 0.2, 0.6, fitted="by hand")
    assert DecisionRule.from_dict(judgement.to_dict()) == judgement
    damaged = [{"slope": float("nan")}, {"slope": "2"}, {"slope": -1.0}, {"prior": 1.0}]
    damaged += [{"fake_from": float("inf")}, {"fitted": None}]
    other = [{"aggregation": "median"}, {"real_below": 0.9}, {"more": 1}]
    for change in damaged + other:
        with pytest.raises(DataError):
            DecisionRule.from_dict(judgement.to_dict() | change)


def test_outside_the_training_range_more_is_uncertain_and_nothing_else_changes() -> None:
    rule = replace(BAND, outside=(0.1, 0.9), fitted="x")
    scores = np.linspace(0.01, 0.99, 50)
    inside = [rule.verdict("ok", score) for score in scores]
    outside = [rule.verdict("ok", score, outside=True) for score in scores]
    assert inside == [BAND.verdict("ok", score) for score in scores]
    assert all(a == b or b == "uncertain" for a, b in zip(inside, outside, strict=True))
    assert outside.count("uncertain") > inside.count("uncertain")
    assert rule.p_fake_outside[0] < rule.p_fake_thresholds[0]
    assert [BAND.verdict("ok", score, outside=True) for score in scores] == inside
    assert DecisionRule.from_dict(rule.to_dict()) == rule


@pytest.mark.parametrize("outside", [(0.5,), (0.4, 0.9), (0.1, 0.6), (float("nan"), 1.0), ("a", 1)])
def test_thresholds_outside_that_are_no_wider_are_refused(outside: tuple) -> None:
    with pytest.raises(DataError):
        replace(BAND, outside=outside)


def test_rules_that_were_stored_before_have_the_same_thresholds_everywhere() -> None:
    stored = replace(BAND, fitted="x").to_dict()
    del stored["outside"]
    assert DecisionRule.from_dict(stored).outside == ()
