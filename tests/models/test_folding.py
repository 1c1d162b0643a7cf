"""Folded encoders give the features that they gave before, or are left alone."""

from pathlib import Path

import pytest
import torch
from torch import nn

import models
from models import encoders
from models.folding import fold, folded_copy
from scoring.load import load_detector

FRAMES = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 4 - 2


def trained(encoder: nn.Module) -> nn.Module:
    """With statistics that are not those of the beginning."""
    torch.manual_seed(0)
    for layer in encoder.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.3, 3)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.3)
    return encoder.eval()


def norms(encoder: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in encoder.modules())


@pytest.mark.parametrize(
    ("name", "left"),
    [
        *(("resnet18", 0), ("densenet121", 62), ("googlenet", 0), ("test_resnet", 0)),
        pytest.param("vgg11_bn", 0, marks=pytest.mark.slow),
    ],
)
def test_features_stay_and_norms_behind_convolutions_go(name: str, left: int) -> None:
    encoder = trained(encoders.build(name).module)
    with torch.inference_mode():
        before = encoder(FRAMES)
        fold(encoder)
        after = encoder(FRAMES)
    assert norms(encoder) == left
    assert (after - before).abs().max() < 1e-5 * before.abs().max()


class Twice(nn.Module):
    """Uses what a convolution gives with its batch norm and without."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        plain = self.convolution(frames)
        return (self.norm(plain) + plain).mean(dim=(2, 3))


def test_an_encoder_that_would_give_other_features_is_left_alone() -> None:
    encoder = trained(Twice())
    layers = encoder.convolution, encoder.norm
    before = encoder(FRAMES)
    fold(encoder)
    assert (encoder.convolution, encoder.norm) == layers
    assert torch.equal(encoder(FRAMES), before)


class Shared(nn.Module):
    """One batch norm behind two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.norm = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.norm(self.other(self.norm(self.one(frames)))).mean(dim=(2, 3))


class OfOneSize(Twice):
    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        assert frames.shape[-1] == 224
        return super().forward(frames)


@pytest.mark.parametrize("kind", [Shared, OfOneSize])
def test_odd_encoders_are_left_alone(kind: type[nn.Module]) -> None:
    encoder = trained(kind())
    layers = dict(encoder.named_modules())
    fold(encoder)
    assert dict(encoder.named_modules()) == layers


def test_a_loaded_detector_is_folded(checkpoint: Path) -> None:
    assert norms(load_detector(checkpoint, torch.device("cpu")).model.encoder) == 0


def test_gradients_still_go_through_for_heat_maps() -> None:
    encoder = trained(encoders.build("resnet18").module)
    fold(encoder)
    frames = FRAMES.clone().requires_grad_()
    encoder(frames).sum().backward()
    assert frames.grad.abs().sum() > 0


@pytest.mark.parametrize("changed", ["plain", "recomputed", "compiled", "synchronised"])
def test_a_copy_of_a_model_in_training_is_the_model_that_a_checkpoint_of_it_judges_with(
    changed: str,
) -> None:
    config = models.ModelConfig(name="resnet18", embed_dim=8)
    model = models.build(config)
    trained(model.encoder)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    if changed == "recomputed":
        encoders.recompute_blocks(model.encoder)
    if changed == "compiled":
        model.encoder.compile()
    if changed == "synchronised":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    model.train()
    copied = folded_copy(model)
    loaded = models.rebuild(config, weights).eval()
    fold(loaded.encoder)
    clips, mask = FRAMES[None], torch.ones(1, 2, dtype=torch.bool)
    with torch.inference_mode():
        assert torch.equal(copied(clips, mask), loaded(clips, mask))
    assert model.training, "the copied model is unchanged"
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
