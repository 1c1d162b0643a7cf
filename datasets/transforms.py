"""uint8 clips (T, C, S, S) → normalised float clips (T, C, H, W).

torchvision's v2 transforms take a whole clip as one image with leading dimensions: one draw
per clip, never per frame.
"""

import torch
from torchvision.transforms import v2

from preprocessing import ClipConfig


def train_transform(config: ClipConfig) -> v2.Transform:
    """Mild on purpose: the traces of a manipulation are faint and must survive."""
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomResizedCrop(config.crop_size, scale=(0.8, 1.0), ratio=(0.95, 1.05)),
            v2.ColorJitter(brightness=0.15, contrast=0.15, saturation=0.15, hue=0.05),
            *_to_input(config),
        ]
    )


def eval_transform(config: ClipConfig) -> v2.Transform:
    return v2.Compose([v2.Resize(config.crop_size), *_to_input(config)])


def _to_input(config: ClipConfig) -> list[v2.Transform]:
    return [
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(config.mean, config.std),
    ]
