"""Attacked clips: nearer to an error, within their bounds, and nothing else touched."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import models
from training.adversarial import make_attack

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
EPSILON = 0.01


@pytest.fixture(scope="module", params=["lstm", "none"])
def model(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    config = models.ModelConfig(name="resnet18", embed_dim=16, temporal=request.param)
    return models.build(config).train()


def pixels(seed: int = 0) -> torch.Tensor:
    """(B, T, C, H, W) in [0, 1], with some at both ends."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(4, 3, 3, 32, 32, generator=generator) * 1.4 - 0.2).clamp(0, 1)


def normal(values: torch.Tensor) -> torch.Tensor:
    shift, scale = (torch.tensor(v).view(-1, 1, 1) for v in (MEAN, STD))
    return (values - shift) / scale


MASK = torch.ones(4, 3, dtype=torch.bool)
LABELS = torch.tensor([0, 1, 0, 1])


def loss(model: nn.Module, clips: torch.Tensor) -> float:
    model.eval()
    with torch.inference_mode():
        return nn.functional.cross_entropy(model(clips, MASK), LABELS).item()


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_an_attack_raises_the_loss_and_stays_within_its_bounds(model: nn.Module, name: str) -> None:
    clips = normal(pixels())
    changed = make_attack(name, EPSILON, MEAN, STD)(model, clips, MASK, LABELS)
    assert loss(model, changed) > loss(model, clips) + 0.01
    shift, scale = (torch.tensor(v).view(-1, 1, 1) for v in (MEAN, STD))
    seen = changed * scale + shift
    assert (seen - pixels()).abs().max() <= EPSILON + 1e-6
    assert seen.min() >= -1e-6 and seen.max() <= 1 + 1e-6


def test_more_steps_find_more_than_one(model: nn.Module) -> None:
    clips = normal(pixels())
    losses = [
        loss(model, make_attack(name, EPSILON, MEAN, STD, steps=10)(model, clips, MASK, LABELS))
        for name in ("fgsm", "pgd")
    ]
    assert losses[1] > losses[0]


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_an_attack_leaves_weights_gradients_statistics_and_mode_alone(
    model: nn.Module, name: str
) -> None:
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    make_attack(name, EPSILON, MEAN, STD)(model, normal(pixels()), MASK, LABELS)
    assert model.training and model.encoder.bn1.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class Mean(nn.Module):
    """The brighter, the more FAKE."""

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        value = clips.mean(dim=(1, 2, 3, 4))
        return torch.stack([-value, value], dim=-1)


@given(epsilon=st.floats(0.001, 0.5), name=st.sampled_from(["fgsm", "pgd"]))
def test_all_values_go_all_the_way_where_that_is_worst(epsilon: float, name: str) -> None:
    """Reals become brighter and fakes darker, by epsilon or up to white and black."""
    attack = make_attack(name, epsilon, (0.0,) * 3, (1.0,) * 3)
    changed = attack(Mean(), pixels(), MASK, LABELS)
    signs = torch.where(LABELS == 0, 1, -1).view(-1, 1, 1, 1, 1)
    assert torch.allclose(changed, (pixels() + signs * epsilon).clamp(0, 1), atol=1e-6)
