"""What training's augmentations do to a clip, and what they must not do."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as v2

from datasets import augmentations


def scene(frames: int = 4, height: int = 48, width: int = 48) -> np.ndarray:
    """(T, H, W, 3) uint8: the same smooth picture in muted colours in every frame."""
    random = torch.Generator().manual_seed(1)
    coarse = 80 + 90 * torch.rand(1, 3, 6, 6, generator=random)
    picture = v2.resize(coarse, [height, width], interpolation=v2.InterpolationMode.BICUBIC)
    return picture.round().byte().permute(0, 2, 3, 1).repeat(frames, 1, 1, 1).numpy()


def as_torchvision_sees(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


@pytest.mark.parametrize("factor", [0.8, 1.2])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colours_change_as_torchvision_changes_them(name: str, factor: float) -> None:
    frames = scene()
    factors = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0, name: factor}
    ours = as_torchvision_sees(augmentations.colour(frames, **factors)).int()
    theirs = getattr(v2, f"adjust_{name}")(as_torchvision_sees(frames), factor).int()
    assert (ours - theirs).abs().max() <= 3  # of 255: torchvision rounds down, twice
    assert (theirs - as_torchvision_sees(frames).int()).abs().max() > 6


@pytest.mark.parametrize(("turn", "strongest"), [(0.0, 0), (1 / 3, 1), (2 / 3, 2)])
def test_hue_turns_the_way_torchvision_turns_it_and_keeps_the_light(
    turn: float, strongest: int
) -> None:
    red = np.full((1, 8, 8, 3), (150, 100, 100), np.uint8)
    turned = augmentations.colour(red, brightness=1, contrast=1, saturation=1, hue=turn)
    wrapped = turn - (turn > 0.5)
    theirs = v2.adjust_hue(as_torchvision_sees(red), wrapped)
    assert turned[0, 0, 0].argmax() == theirs[0, :, 0, 0].argmax() == strongest
    light = np.array([0.299, 0.587, 0.114])
    assert turned[0, 0, 0] @ light == pytest.approx(red[0, 0, 0] @ light, abs=1)


def test_colours_beyond_the_range_stop_at_its_ends() -> None:
    frames = scene()
    bright = augmentations.colour(frames, brightness=3, contrast=1, saturation=1, hue=0)
    assert bright.dtype == np.uint8
    assert bright.max() == 255
    assert (bright >= frames).all()


def test_a_crop_has_the_area_and_the_place_that_were_asked_for() -> None:
    frames = np.arange(40 * 40, dtype=np.int64).reshape(1, 40, 40, 1)
    quarter = augmentations.crop(frames, area=0.25, ratio=1.0, x=0.0, y=1.0)
    assert quarter.shape == (1, 20, 20, 1)
    assert quarter[0, -1, 0, 0] == frames[0, -1, 0, 0]
    assert augmentations.crop(frames, area=1.0, ratio=1.5, x=0.5, y=0.5).shape == (1, 33, 40, 1)


def test_a_flip_swaps_left_and_right_only() -> None:
    frames = scene(2)
    flipped = augmentations.flip(frames)
    assert np.array_equal(flipped, frames[:, :, ::-1])
    assert not np.array_equal(flipped, frames)
