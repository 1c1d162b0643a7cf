"""The losses do what their papers say."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from training.loss import balanced_weights, make_loss

LOGITS = torch.tensor([[2.0, -1.0], [0.5, 0.3], [-3.0, 3.0]])
LABELS = torch.tensor([0, 1, 0])


def test_the_plain_loss_is_cross_entropy() -> None:
    expected = nn.functional.cross_entropy(LOGITS, LABELS)
    assert make_loss(0.0, None, 0.0)(LOGITS, LABELS).mean() == pytest.approx(expected.item())


def test_the_focal_loss_forgives_what_is_judged_right() -> None:
    plain, focal = (make_loss(0.0, None, gamma)(LOGITS, LABELS) for gamma in (0.0, 2.0))
    sure = (-plain).exp()  # of the right class
    assert torch.allclose(focal, (1 - sure) ** 2 * plain)
    assert focal[0] / plain[0] < 0.01 < 0.9 < focal[2] / plain[2]


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_focal_loss_has_a_slope_where_a_clip_is_judged_right_beyond_doubt(gamma: float) -> None:
    logits = torch.tensor([[100.0, -100.0]], requires_grad=True)
    make_loss(0.0, None, gamma)(logits, torch.tensor([0])).sum().backward()
    assert logits.grad.isfinite().all()


def test_smoothed_labels_make_certainty_dear() -> None:
    loss = make_loss(0.2, None, 0.0)
    sure, surer = (loss(torch.tensor([[x, -x]]), torch.tensor([0])).item() for x in (1.1, 8.0))
    assert sure < surer
    assert loss(torch.zeros(1, 2), torch.tensor([0])).item() == pytest.approx(math.log(2))


@given(st.lists(st.integers(0, 2), min_size=1, max_size=50))
def test_balanced_weights_give_every_label_that_is_there_the_same_sum(labels: list[int]) -> None:
    weights = balanced_weights(labels, 4)
    sums = {label: labels.count(label) * weights[label].item() for label in set(labels)}
    assert list(sums.values()) == pytest.approx([len(labels) / len(sums)] * len(sums))
