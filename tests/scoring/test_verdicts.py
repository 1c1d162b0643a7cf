"""From clips to one number and one word."""

import pytest

from scoring.aggregate import ClipScore, track_scores, video_scores
from scoring.verdict import VERDICTS, verdict

CLIPS = [
    ClipScore("a", 0, 0.2),
    ClipScore("a", 0, 0.4),
    ClipScore("a", 1, 0.9),
    ClipScore("a", 1, 0.5),
    ClipScore("b", 0, 0.1),
]


def test_a_track_is_the_mean_of_its_clips() -> None:
    assert track_scores(CLIPS)["a"] == {0: pytest.approx(0.3), 1: pytest.approx(0.7)}


def test_a_video_is_as_fake_as_its_most_suspicious_person() -> None:
    assert video_scores(CLIPS) == {"a": pytest.approx(0.7), "b": pytest.approx(0.1)}


def test_no_clips_give_no_score() -> None:
    assert video_scores([]) == {}


@pytest.mark.parametrize(
    ("status", "p_fake", "expected"),
    [
        ("ok", 0.5, "fake"),
        ("ok", 0.49, "real"),
        ("no_face", None, "no_face"),
        ("unreadable", None, "unreadable"),
    ],
)
def test_verdict_of(status: str, p_fake: float | None, expected: str) -> None:
    assert verdict(status, p_fake, threshold=0.5) == expected
    assert expected in VERDICTS


def test_a_video_without_a_face_can_never_have_a_score() -> None:
    with pytest.raises(AssertionError):
        verdict("no_face", 0.5, threshold=0.5)
