"""Transforms from uint8 clips (T, C, S, S) to normalised float clips (T, C, H, W)."""

from collections.abc import Callable
from functools import partial

import torch
from torchvision.transforms import v2

from common.preprocessing import ClipConfig
from datasets.augmentations import augment


def train_transform(config: ClipConfig, augmentation: str) -> v2.Transform:
    """Return the transform for training: augment, resize, normalise. `augmentation` is a name in
    augmentations.STRENGTHS."""
    size = [config.crop_size, config.crop_size]
    return v2.Compose(
        [partial(augment, strength=augmentation), v2.Resize(size), *_to_input(config)]
    )


def eval_transform(
    config: ClipConfig, change: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> v2.Transform:
    """Return the transform for evaluation: resize, normalise. To measure robustness, `change` is
    applied to the uint8 clip first."""
    changes = [] if change is None else [change]
    return v2.Compose([*changes, v2.Resize(config.crop_size), *_to_input(config)])


def _to_input(config: ClipConfig) -> list[v2.Transform]:
    return [
        # Decoded frames are channels-last in memory, which is slow for Normalize.
        v2.Lambda(torch.Tensor.contiguous),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(config.mean, config.std, inplace=True),
    ]
