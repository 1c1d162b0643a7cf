"""Transforms of uint8 clips (T, C, S, S) to the size of the model's input, and their normalisation.

Transforms run in a loader's worker processes, normalisation on the device that computes.
"""

from collections.abc import Callable
from functools import partial

import torch
from torchvision.transforms import v2

from common.preprocessing import ClipConfig
from datasets.augmentations import augment


def train_transform(config: ClipConfig, augmentation: str) -> v2.Transform:
    """Return the transform for training, uint8 (T, C, S, S) → uint8 (T, C, H, W): augment, resize.
    `augmentation` is a name in augmentations.STRENGTHS."""
    size = [config.crop_size, config.crop_size]
    return v2.Compose([partial(augment, strength=augmentation), v2.Resize(size), _planes])


def eval_transform(
    config: ClipConfig, change: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> v2.Transform:
    """Return the transform for evaluation, uint8 (T, C, S, S) → uint8 (T, C, H, W): resize. To
    measure robustness, `change` is applied to the clip first."""
    changes = [] if change is None else [change]
    return v2.Compose([*changes, v2.Resize(config.crop_size), _planes])


def _planes(clip: torch.Tensor) -> torch.Tensor:
    """Return the clip with one plane in memory for each channel. Decoded frames have channels last,
    which is slow to normalise."""
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
