"""What training's augmentations do to a clip, and what they must not do."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as v2

import args
from common.preprocessing import ClipConfig
from datasets import augmentations, recompression
from datasets.augmentations import STRENGTHS, augment
from datasets.transforms import eval_transform, train_transform

Ranges = dict[str, tuple[float, float]]
EVERY_STEP = pytest.mark.parametrize(
    ("change", "ranges"),
    [step[1:] for step in STRENGTHS["strong"]],
    ids=[step[1].__name__ for step in STRENGTHS["strong"]],
)


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


def both_ends(ranges: Ranges) -> list[dict[str, float]]:
    return [{name: ends[i] for name, ends in ranges.items()} for i in (0, 1)]


@EVERY_STEP
def test_equal_frames_stay_equal(change: Callable[..., np.ndarray], ranges: Ranges) -> None:
    for values in both_ends(ranges):
        frames = change(scene(), **values)
        # A codec spends its bits differently on every frame.
        allowed = 4 if change is recompression.video else 0
        assert max(np.abs(frames[0].astype(int) - other).mean() for other in frames) <= allowed


@EVERY_STEP
@pytest.mark.parametrize("size", [(1, 48, 48), (4, 33, 47), (1, 1, 1)], ids=str)
def test_every_step_keeps_kind_and_shape(
    change: Callable[..., np.ndarray], ranges: Ranges, size: tuple[int, int, int]
) -> None:
    for values in both_ends(ranges):
        frames = change(scene(*size), **values)
        assert frames.dtype == np.uint8
        assert (len(frames), frames.shape[3]) == (size[0], 3)
        assert change is augmentations.crop or frames.shape == (*size, 3)


@EVERY_STEP
def test_every_step_changes_something_and_not_what_it_was_given(
    change: Callable[..., np.ndarray], ranges: Ranges
) -> None:
    frames = scene()
    frames[:, ::2] //= 2  # something sharp
    before = frames.copy()
    for values in both_ends(ranges):
        assert not np.array_equal(change(frames, **values), before)
        assert np.array_equal(frames, before)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize(("frames", "side"), [(1, 40), (4, 41)])
def test_every_strength_gives_what_the_model_takes(strength: str, frames: int, side: int) -> None:
    config = ClipConfig(clip_frames=4, crop_size=32, mean=(0, 0, 0), std=(1, 1, 1))
    clip = as_torchvision_sees(scene(frames, side, side))
    for seed in range(10):
        torch.manual_seed(seed)
        made = train_transform(config, strength)(clip)
        assert (made.shape, made.dtype) == ((frames, 3, 32, 32), torch.uint8)
        assert made.is_contiguous(), "else it is slow to normalise"


@pytest.mark.parametrize("strength", ["mild", "strong"])
def test_the_seed_decides_and_nothing_else(strength: str) -> None:
    clip = as_torchvision_sees(scene())

    def drawn(seed: int, other: int) -> torch.Tensor:
        torch.manual_seed(seed)
        np.random.seed(other)
        cv2.setRNGSeed(other)
        return augment(clip, STRENGTHS[strength])

    for seed in range(20):
        assert torch.equal(drawn(seed, 1), drawn(seed, 2))
        assert not torch.equal(drawn(seed, 1), drawn(seed + 1, 1))


@pytest.mark.parametrize("strength", STRENGTHS)
def test_what_is_drawn_depends_neither_on_the_pixels_nor_on_the_number_of_frames(
    strength: str,
) -> None:
    for seed in range(20):
        states = []
        for frames in (scene(2), 255 - scene(5)):
            torch.manual_seed(seed)
            augment(as_torchvision_sees(frames), STRENGTHS[strength])
            states.append(torch.get_rng_state())
        assert torch.equal(*states)


@pytest.mark.parametrize("size", [32, 40, 56])
def test_none_gives_the_pixels_of_evaluation(size: int) -> None:
    config = ClipConfig(crop_size=size)
    clip = as_torchvision_sees(scene(4, 40, 40))
    assert torch.equal(train_transform(config, "none")(clip), eval_transform(config)(clip))


def test_the_flag_knows_every_strength() -> None:
    for name in STRENGTHS:
        assert args.train_parser().parse_args(["--augmentation", name]).augmentation == name


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [("degrees", 90.0, (30, 20)), ("zoom", 0.5, (20, 25)), ("right", -0.25, (20, 20))],
)
def test_a_warp_moves_the_picture_around_its_centre(
    name: str, value: float, place: tuple[int, int]
) -> None:
    frames = np.zeros((2, 41, 41, 3), np.uint8)
    frames[:, 18:23, 28:33] = 255  # ten pixels to the right of the centre
    still = {"degrees": 0.0, "shear": 0.0, "zoom": 1.0, "right": 0.0, "down": 0.0}
    moved = augmentations.warp(frames, **{**still, name: value})
    rows, columns = np.nonzero(moved[1, :, :, 0] > 127)
    assert (round(rows.mean()), round(columns.mean())) == place
