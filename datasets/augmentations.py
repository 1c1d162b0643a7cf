"""How training changes a clip, by strength: one draw for all its frames, so that nothing flickers
that did not flicker before.

The functions take frames (T, H, W, 3) uint8 RGB, as OpenCV reads them, and draw nothing; what is
drawn for them stands in STRENGTHS.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch

RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ)

# Probability, function, and the range of every value drawn for it, ends included: of whole numbers
# where both ends are, else of real ones.
Step = tuple[float, Callable[..., np.ndarray], dict[str, tuple[float, float]]]


def augment(clip: torch.Tensor, strength: str) -> torch.Tensor:
    """(T, C, H, W) uint8 RGB → the same, where a step crops with other H and W. `strength` is a
    name in STRENGTHS. Draws from torch's generator, as often for every clip of the same size."""
    frames = clip.permute(0, 2, 3, 1).numpy()
    for probability, change, ranges in STRENGTHS[strength]:
        if float(torch.rand(())) < probability:
            frames = change(frames, **{name: _draw(*ends) for name, ends in ranges.items()})
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)


def _draw(low: float, high: float) -> float:
    if isinstance(low, int) and isinstance(high, int):
        return int(torch.randint(low, high + 1, ()))
    return low + (high - low) * float(torch.rand(()))


def flip(frames: np.ndarray) -> np.ndarray:
    """Left and right."""
    return cv2.flip(_rows(frames), 1).reshape(frames.shape)


def crop(frames: np.ndarray, area: float, ratio: float, x: float, y: float) -> np.ndarray:
    """A window with a share `area` of the frame and width / height `ratio`, as far as that fits in;
    `x` and `y` in [0, 1] say where. Resizing to what the model sees stretches it back."""
    rows, columns = _window(frames, area, ratio, x, y)
    return frames[:, rows, columns]


def colour(
    frames: np.ndarray, brightness: float, contrast: float, saturation: float, hue: float
) -> np.ndarray:
    """Factors (1: as it was) and a turn of `hue` (1: all around), as in torchvision's ColorJitter.

    All four are linear in RGB and may be swapped, so they are one matrix: hue turns the plane of
    colours in YIQ, contrast goes away from the clip's mean grey.
    """
    turn, grey = -2 * math.pi * hue, cv2.mean(_rows(frames))
    cos, sin = saturation * math.cos(turn), saturation * math.sin(turn)
    chroma = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    matrix = brightness * contrast * (YIQ_TO_RGB @ chroma @ RGB_TO_YIQ)
    offset = brightness * (1 - contrast) * (RGB_TO_YIQ[0] @ grey[:3])
    return _linear(frames, np.column_stack([matrix, [offset] * 3]))


def _linear(frames: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`matrix` (3, 4) over the colours, rounded and kept in [0, 255]."""
    return cv2.transform(_rows(frames), matrix.astype(np.float32)).reshape(frames.shape)


def _rows(frames: np.ndarray) -> np.ndarray:
    """(T * H, W, 3): the frames as one image, one below the other, for one call of OpenCV."""
    return frames.reshape(-1, *frames.shape[2:])


def _window(
    frames: np.ndarray, area: float, ratio: float, x: float, y: float
) -> tuple[slice, slice]:
    """Rows and columns."""
    height, width = frames.shape[1:3]
    h = min(height, max(1, round(height * math.sqrt(area / ratio))))
    w = min(width, max(1, round(width * math.sqrt(area * ratio))))
    top, left = round(y * (height - h)), round(x * (width - w))
    return slice(top, top + h), slice(left, left + w)


# Mild on purpose: the traces of a manipulation are faint and must survive.
MILD: list[Step] = [
    (0.5, flip, {}),
    (1.0, crop, {"area": (0.8, 1.0), "ratio": (0.95, 1.05), "x": (0.0, 1.0), "y": (0.0, 1.0)}),
    (
        1.0,
        colour,
        {
            "brightness": (0.85, 1.15),
            "contrast": (0.85, 1.15),
            "saturation": (0.85, 1.15),
            "hue": (-0.05, 0.05),
        },
    ),
]
STRENGTHS = {"mild": MILD}
