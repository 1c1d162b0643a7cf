"""The moving average forgets the random start, and changes nothing that does not change."""

import pytest
import torch
from torch import nn

from training.moving_average import MovingAverage


def test_the_average_follows_the_weights_and_statistics_slowly_once_it_knows_them() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    average = MovingAverage(model, 0.9)
    nn.init.zeros_(model[0].weight)
    average.update()
    for _ in range(200):
        average.update()
    assert average.module[0].weight.item() == 0.0, "the random weights of the start are forgotten"
    nn.init.ones_(model[0].weight)
    model[1].running_mean.fill_(1.0)
    average.update()
    assert average.module[0].weight.item() == pytest.approx(0.1)
    assert average.module[1].running_mean.item() == pytest.approx(0.1)
    for _ in range(100):
        average.update()
    assert average.module[0].weight.item() == pytest.approx(1.0, abs=1e-3)


def test_the_average_of_what_does_not_change_is_it_to_the_bit() -> None:
    """Weights that are frozen must be what they were, in the average, too."""
    torch.manual_seed(0)
    model = torch.nn.Linear(50, 50)
    average = MovingAverage(model, 0.999)
    for _ in range(300):
        average.update()
    assert torch.equal(average.module.weight, model.weight)


def test_no_value_of_a_tensor_is_read() -> None:
    """On a GPU, each reading would wait for all computation so far."""
    average = MovingAverage(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).to("meta"), 0.9)
    for _ in range(3):
        average.update()
    assert average.updates == 3
