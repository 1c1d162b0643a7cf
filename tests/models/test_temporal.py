"""Every temporal head: padding does not move it, and it sees the order of frames or does not."""

import pytest
import torch
from torch import nn

import models
from common.errors import UsageError
from models import ModelConfig, temporal

SEE_ORDER = ("lstm", "gru", "transformer")
BLIND = ("attention", "mean", "max")
DIM = 16

heads = pytest.mark.parametrize("name", [*SEE_ORDER, *BLIND])


def build(name: str, layers: int = 2) -> nn.Module:
    torch.manual_seed(0)
    return temporal.build(name, DIM, layers, 0.1).eval()


def clip(frames: int) -> torch.Tensor:
    """(1, T, D)"""
    return torch.randn(1, frames, DIM, generator=torch.Generator().manual_seed(frames))


def real(features: torch.Tensor) -> torch.Tensor:
    return torch.ones(features.shape[:2], dtype=torch.bool)


@heads
@torch.no_grad()
def test_padding_moves_nothing(name: str) -> None:
    head, features = build(name), clip(3)
    padded = torch.cat([features, 1e3 * torch.ones(1, 4, DIM)], dim=1)
    mask = torch.tensor([[True] * 3 + [False] * 4])
    alone = head(features, real(features))
    assert alone.shape == (1, head.features)
    torch.testing.assert_close(head(padded * mask.unsqueeze(-1), mask), alone, rtol=1e-4, atol=1e-5)


@heads
@torch.no_grad()
def test_clips_of_a_batch_do_not_see_each_other(name: str) -> None:
    head = build(name)
    both = torch.cat([clip(5), 3 * clip(5).flip(1)])
    torch.testing.assert_close(
        head(both, real(both))[:1], head(both[:1], real(both[:1])), rtol=1e-4, atol=1e-5
    )


@heads
@torch.no_grad()
def test_only_those_that_say_so_see_the_order_of_frames(name: str) -> None:
    head, features = build(name), clip(6)
    shuffled = features[:, [3, 0, 5, 1, 4, 2]]
    same = torch.allclose(head(features, real(features)), head(shuffled, real(shuffled)), atol=1e-4)
    assert same == (name in BLIND)


@heads
def test_a_clip_of_one_frame_is_judged_and_every_weight_learns(name: str) -> None:
    model = models.build(ModelConfig(name="resnet18", embed_dim=DIM, temporal=name))
    assert (
        model.eval()(torch.zeros(1, 1, 3, 32, 32), torch.ones(1, 1, dtype=torch.bool))
        .isfinite()
        .all()
    )
    mask = torch.tensor([[True, True, True], [True, True, False]])
    model.train()(torch.randn(2, 3, 3, 32, 32), mask).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@torch.no_grad()
def test_the_maximum_is_of_valid_frames_only() -> None:
    features = -torch.ones(1, 3, DIM)
    mask = torch.tensor([[True, True, False]])
    features[:, 2] = 0  # padding
    assert torch.equal(temporal.max_over_time(features, mask), -torch.ones(1, DIM))


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"unknown temporal head 'meen'.*did you mean mean"):
        temporal.build("meen", DIM, 1, 0.0)


def test_a_width_that_cannot_be_divided_is_refused() -> None:
    with pytest.raises(UsageError, match="--embed_dim divisible by 4"):
        temporal.build("transformer", 10, 1, 0.0)
