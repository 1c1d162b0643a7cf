"""Scores come out of a model with a stated precision."""

import pytest
import torch
from scipy.special import logit

from scoring.predict import DECIMALS, probability_not_real


def test_a_score_is_the_probability_of_all_classes_but_real() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [3.0, -1.0, -2.0]])
    expected = 1 - logits.double().softmax(dim=1)[:, 0]
    assert probability_not_real(logits).tolist() == pytest.approx(expected.tolist(), abs=2e-6)


def test_a_change_in_the_last_digits_of_a_logit_changes_no_score() -> None:
    logits = torch.tensor([[0.3, -0.42], [-4.0, 9.0], [11.0, -8.0]])
    moved = logits * (1 + 1e-7)
    assert not torch.equal(logits, moved)
    assert torch.equal(probability_not_real(logits), probability_not_real(moved))


def test_rounding_keeps_scores_near_0_and_1_apart() -> None:
    logits = torch.tensor([[0.0, z] for z in (-20.0, -16.0, 16.0, 20.0)])
    scores = probability_not_real(logits).tolist()
    assert logit(scores) == pytest.approx([-20, -16, 16, 20], abs=10**-DECIMALS + 1e-6)


def test_a_score_that_is_not_a_number_stays_one() -> None:
    assert probability_not_real(torch.tensor([[float("nan"), 1.0]])).isnan().all()
