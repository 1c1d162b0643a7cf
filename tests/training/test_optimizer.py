"""Optimizer and schedule do what their papers say."""

import pytest
import torch
from torch import nn

from training.optimizer import CURVES, Schedule, make_optimizer, plateaus


def sgd(*rates: float) -> torch.optim.Optimizer:
    groups = [([nn.Parameter(torch.zeros(1))], lr) for lr in rates]
    return make_optimizer("sgd", groups, 0.0)


def rates(shape: str, steps: int = 20) -> list[float]:
    """Of every step, as shares of the peak."""
    schedule = Schedule(sgd(1.0), shape, steps)
    found = []
    for _ in range(steps):
        found.append(schedule.lr)
        schedule.step()
    return found


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_every_optimizer_goes_downhill_at_the_rate_of_each_group(name: str) -> None:
    slow, fast = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    steps = make_optimizer(name, [([slow], 0.001), ([fast], 0.01)], 0.0)
    (slow.sum() + fast.sum()).backward()
    steps.step()
    assert 0 < 1 - slow[0].item() < 1 - fast[0].item()


def test_every_schedule_starts_low_or_at_its_peak_and_never_rises_after_it() -> None:
    for shape in CURVES:
        found = rates(shape)
        peak = found.index(max(found))
        assert max(found) == pytest.approx(1.0), shape
        assert found[: peak + 1] == sorted(found[: peak + 1]), shape
        assert found[peak:] == sorted(found[peak:], reverse=True), shape


def test_the_steps_of_a_step_schedule_are_at_half_and_three_quarters() -> None:
    assert rates("step", 8) == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_and_one_cycle_end_near_zero() -> None:
    assert rates("cosine", 1000)[-1] < 1e-4
    assert rates("one_cycle", 1000)[-1] < 1e-4


def test_every_group_keeps_its_share_of_the_peak() -> None:
    steps = sgd(1.0, 0.1)
    schedule = Schedule(steps, "one_cycle", 10)
    for _ in range(10):
        first, second = (group["lr"] for group in steps.param_groups)
        assert second == pytest.approx(first / 10)
        schedule.step()


def test_three_epochs_without_a_lower_loss_are_a_plateau() -> None:
    assert plateaus([3, 2, 1]) == 0
    assert plateaus([1, 2, 2, 1]) == 1
    assert plateaus([1, 2, 2, 0.5, 2, 2]) == 0, "a lower loss starts the count anew"
    assert plateaus([1] * 7) == 2


def test_a_plateau_lowers_the_rate_at_once_and_only_where_it_was_asked_for() -> None:
    for shape, expected in (("plateau", 0.3), ("constant", 1.0)):
        schedule = Schedule(sgd(1.0), shape, 100)
        schedule.after_epoch([1.0, 1.0, 1.0, 1.0])
        assert schedule.lr == pytest.approx(expected)
        schedule.step()
        assert schedule.lr == pytest.approx(expected)
