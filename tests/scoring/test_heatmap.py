"""Heat maps are where the evidence is."""

import numpy as np
import pytest
import torch
from torch import nn

import models
from models import ModelConfig
from scoring import heatmap
from scoring.heatmap import heatmaps


@pytest.mark.parametrize("temporal", ["lstm", "none"])
def test_the_map_is_hot_where_what_speaks_for_fake_is(temporal: str) -> None:
    """A model made by hand: it answers FAKE as far as a place is red."""
    torch.manual_seed(0)
    model = models.build(ModelConfig(name="resnet18", embed_dim=8, temporal=temporal)).eval()
    model.encoder = _Red()
    model.project = nn.Identity()
    if temporal == "lstm":
        model.temporal = _Mean()
    model.classify = nn.Linear(1, 2)
    with torch.no_grad():
        model.classify.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        model.classify.bias.zero_()
    clip = torch.zeros(3, 3, 64, 64)
    clip[1, 0, 40:48, 8:16] = 5.0
    maps = heatmaps(model, clip)
    assert maps.shape == (3, 64, 64)
    frame, y, x = np.unravel_index(int(maps.argmax()), maps.shape)
    assert frame == 1 and 38 <= y <= 50 and 6 <= x <= 18
    assert float(maps.max()) == pytest.approx(1)
    assert float(maps[0].max()) == float(maps[2].max()) == 0, "nothing speaks for FAKE there"


class _Red(nn.Module):
    """(N, 3, H, W) → (N, 1): how red, by way of maps of 16 × 16."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(3, 1, 4, stride=4, bias=False)
        nn.init.zeros_(self.maps.weight)
        self.maps.weight.data[:, 0] = 1 / 16

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.maps(frames).relu().mean(dim=(2, 3))


class _Mean(nn.Module):
    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return features.mean(dim=1)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(("resnet18", 64), ("resnet18", 224)),
        pytest.param("vgg11", 64, marks=pytest.mark.slow),
    ],
)
def test_a_map_has_cells_enough_to_say_where(name: str, size: int) -> None:
    torch.manual_seed(0)
    model = models.build(ModelConfig(name=name, embed_dim=8))
    maps = heatmaps(model, torch.randn(2, 3, size, size))
    assert maps.shape == (2, size, size)
    assert float(maps.min()) >= 0 and float(maps.max()) <= 1
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(("size", "stage"), [(224, "layer3"), (112, "layer2"), (64, "layer1")])
def test_maps_are_of_the_last_stage_that_tells_parts_of_a_face_apart(size: int, stage: str) -> None:
    model = models.build(ModelConfig(name="resnet18", embed_dim=8)).eval()
    found = heatmap._last_fine_stage(model, torch.zeros(1, 3, size, size))
    assert found is model.encoder.get_submodule(stage)


def test_an_encoder_without_maps_has_none() -> None:
    model = models.build(ModelConfig(name="resnet18", embed_dim=8))
    assert heatmaps(model, torch.randn(2, 3, 32, 32)) is not None
    assert heatmaps(model, torch.randn(2, 3, 8, 8)) is None


def test_maps_with_channels_last_are_not_taken_for_others() -> None:
    model = models.build(ModelConfig(name="mambaout_femto", embed_dim=8))
    assert heatmaps(model, torch.randn(1, 3, 224, 224)) is None
