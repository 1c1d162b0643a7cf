"""A small convolutional network, to be trained from scratch: the baseline of larger encoders."""

import torch
from torch import nn

WIDTHS = (32, 64, 128, 256)  # channels of the blocks, each of which halves height and width
SIZE = 128  # side of its images in pixels


class SmallCNN(nn.Module):
    """Four blocks of a convolution, batch norm, ReLU and max pooling, then the mean over the map:
    frames (N, C, H, W) float → features (N, 256)."""

    def __init__(self) -> None:
        super().__init__()
        channels = (3, *WIDTHS)
        self.features = nn.Sequential(
            *(_block(before, after) for before, after in zip(channels, WIDTHS, strict=False))
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.avgpool(self.features(frames)).flatten(1)


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )
