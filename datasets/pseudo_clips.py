"""Makes clips from single pictures, as if a camera in a hand had filmed them (--pseudo_clips).

Most collections of faces hold single pictures, and a temporal head needs clips. Every frame shows
the picture a little moved and compressed anew, so that frames differ as those of a video do.

Shapes: T frames, C channels, S side of a crop. Lengths are shares of S.
"""

import cv2
import numpy as np
import torch

from datasets import recompression

# Amplitudes of slow waves: shift in x and y, relative growth, turn in radians.
SWAY = np.array([0.02, 0.015, 0.02, 0.03])
PERIOD = (12.0, 48.0)  # of a wave, frames
TREMBLE = np.array([0.002, 0.002, 0.001, 0.002])  # standard deviation between frames, of the same
LIGHT = 0.03  # amplitude of a slow change of brightness, relative
QUALITY = (55, 95)  # range of the JPEG quality of a clip
QUALITY_STEP = 8  # largest difference between frames of a clip


def animate(
    picture: torch.Tensor, frames: int, generator: torch.Generator
) -> tuple[torch.Tensor, np.ndarray]:
    """Return a clip (T, C, S, S) uint8 of `frames` frames from a picture (1, C, S, S) uint8, and
    the matrices (T, 2, 3) that map positions in the picture, as x, y in pixels, to positions in
    the frames. `generator` is the only source of randomness."""

    def uniform(low: float, high: float, *shape: int) -> np.ndarray:
        return low + (high - low) * torch.rand(shape, generator=generator).double().numpy()

    image = np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy())  # (S, S, C)
    size = image.shape[0]
    times = np.arange(frames)[:, None]
    waves = np.sin(2 * np.pi * (times / uniform(*PERIOD, 5) + uniform(0, 1, 5)))  # (T, 5)
    tremble = TREMBLE * torch.randn((frames, 4), generator=generator).double().numpy()
    matrices = _matrices(SWAY * uniform(0, 1, 4) * waves[:, :4] + tremble, size)
    light = 1 + LIGHT * float(uniform(0, 1, 1)[0]) * waves[:, 4]
    quality = int(uniform(*QUALITY, 1)[0]) + uniform(-QUALITY_STEP, QUALITY_STEP, frames)
    shown = [
        recompression.jpeg(_show(image, matrix, factor)[None], int(np.clip(step, 1, 100)))[0]
        for matrix, factor, step in zip(matrices, light, quality, strict=True)
    ]
    return torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2), matrices


def move(landmarks: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Return the landmarks (T, 5, 2) in the frames of a clip from those in its picture, (1, 5, 2).
    `matrices` (T, 2, 3) are those of `animate`."""
    return landmarks @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]


def _matrices(pose: np.ndarray, size: int) -> np.ndarray:
    """Return the affine matrices (T, 2, 3) for poses (T, 4): x, y, growth and turn around the
    centre of the picture."""
    x, y, growth, turn = pose.T
    cos, sin = (1 + growth) * np.cos(turn), (1 + growth) * np.sin(turn)
    linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], 1)  # (T, 2, 2)
    centre = np.full(2, (size - 1) / 2)
    shift = centre - linear @ centre + size * np.stack([x, y], -1)
    return np.concatenate([linear, shift[:, :, None]], axis=2)


def _show(image: np.ndarray, matrix: np.ndarray, light: float) -> np.ndarray:
    moved = cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return cv2.convertScaleAbs(moved, alpha=light)
