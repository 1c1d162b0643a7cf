"""Transforms of uint8 clips (T, C, S, S) to the size of the model's input, and their normalisation.

Transforms run in a loader's worker processes, normalisation on the device that computes.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch.nn.functional import interpolate

from common.preprocessing import ClipConfig
from datasets import augmentation_file
from datasets.augmentations import augment

Transform = Callable[[torch.Tensor], torch.Tensor]


class Steps:
    """Applies transforms one after another. torchvision's v2.Compose and v2.Resize do the same, but
    importing them takes a second."""

    def __init__(self, *steps: Transform) -> None:
        self.steps = steps

    def __call__(self, clip: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            clip = step(clip)
        return clip


def train_transform(config: ClipConfig, augmentation: str) -> Steps:
    """Return the transform for training, uint8 (T, C, S, S) → uint8 (T, C, H, W): augment, resize.
    `augmentation` is a name in augmentations.STRENGTHS, or a YAML file of steps."""
    steps = augmentation_file.steps(augmentation)
    return Steps(partial(augment, steps=steps), partial(resize, side=config.crop_size))


def eval_transform(config: ClipConfig, change: Transform | None = None) -> Steps:
    """Return the transform for evaluation, uint8 (T, C, S, S) → uint8 (T, C, H, W): resize. To
    measure robustness, `change` is applied to the clip first."""
    changes = [] if change is None else [change]
    return Steps(*changes, partial(resize, side=config.crop_size))


def resize(clip: torch.Tensor, side: int) -> torch.Tensor:
    """Return a clip (T, C, H, W) uint8 resized to squares of `side` pixels, with one plane in
    memory for each channel: decoded frames have channels last, which is slow to normalise."""
    if clip.shape[-2:] != (side, side):
        clip = interpolate(clip, (side, side), mode="bilinear", antialias=True)
    return clip.contiguous()


def to_input(crops: torch.Tensor, config: ClipConfig) -> torch.Tensor:
    """Return a model's input (T, C, H, W) float for crops (T, C, S, S) uint8, as in evaluation."""
    return Normalise(config)(eval_transform(config)(crops))


class Normalise:
    """Normalises pixels (..., C, H, W) uint8 to float32, with the mean and standard deviation of a
    ClipConfig, on one device."""

    def __init__(self, config: ClipConfig, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        # Made once, because a GPU would be waited for when they are copied to it.
        self.mean, self.std = (
            torch.tensor(values, device=device).view(-1, 1, 1)
            for values in (config.mean, config.std)
        )

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        values = pixels.to(torch.float32).mul_(1 / 255)  # in [0, 1], rounded as torchvision does
        return values.sub_(self.mean).div_(self.std)
