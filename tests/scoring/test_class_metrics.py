"""Metrics of content classifiers, against hand-made cases."""

import numpy as np
import pytest

from scoring.content import ClassScores, by_video, class_metrics

CLASSES = ("cats", "dogs", "faces")


def test_metrics_of_a_case_made_by_hand() -> None:
    p = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3], [0.5, 0.25, 0.25]])
    values = class_metrics(np.array([0, 1, 1, 1]), p, CLASSES)
    assert values["accuracy"] == 0.75
    assert values["f1 cats"] == pytest.approx(2 / 3)
    assert values["f1 dogs"] == pytest.approx(0.8)
    assert values["f1 faces"] == 0, "it does not occur"
    dogs = -np.log([0.7, 0.6, 0.25]).mean()
    assert values["balanced_log_loss"] == pytest.approx((-np.log(0.8) + dogs) / 2)


def test_a_video_has_the_mean_of_its_clips() -> None:
    scores = [ClassScores("a", [1, 0]), ClassScores("b", [0, 1]), ClassScores("a", [0.5, 0.5])]
    found = by_video(scores)
    assert found["a"].tolist() == [0.75, 0.25]
    assert found["b"].tolist() == [0, 1]
