"""Augmentations of training clips in several strengths, with one draw for all frames of a clip.

All frames of a clip change in the same way, so that augmentation adds no flicker. The functions
take and return frames (T, H, W, 3) uint8 RGB, the layout of OpenCV and PyAV. STRENGTHS, at the end,
gives the range from which each argument is drawn.
"""

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch

from datasets import recompression

RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ)

# Probability, function, and the range of each argument. If both ends of a range are integers, an
# integer is drawn, ends included; else a float.
Step = tuple[float, Callable[..., np.ndarray], dict[str, tuple[float, float]]]


def augment(clip: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Return an augmented copy of a clip (T, C, H, W) uint8 RGB, such as by STRENGTHS["mild"].
    A step that crops changes H and W. Random numbers come from torch's global generator: from the
    same generator state, all clips of one size get the same changes."""
    frames = clip.permute(0, 2, 3, 1).numpy()
    for probability, change, ranges in steps:
        if float(torch.rand(())) < probability:
            frames = change(frames, **{name: _draw(*ends) for name, ends in ranges.items()})
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)


def _draw(low: float, high: float) -> float:
    if isinstance(low, int) and isinstance(high, int):
        return int(torch.randint(low, high + 1, ()))
    return low + (high - low) * float(torch.rand(()))


def flip(frames: np.ndarray) -> np.ndarray:
    """Mirror the frames horizontally."""
    return cv2.flip(_rows(frames), 1).reshape(frames.shape)


def flip_vertically(frames: np.ndarray) -> np.ndarray:
    """Turn the frames upside down, mirrored."""
    return frames[:, ::-1]


def crop(frames: np.ndarray, area: float, ratio: float, x: float, y: float) -> np.ndarray:
    """Cut out a window with the share `area` of the frame's area and `ratio` times its aspect ratio
    (width / height), limited to the frame. `x` and `y` in [0, 1] are its position, from left to
    right and from top to bottom. A later resize to the model's input size stretches it."""
    rows, columns = _window(frames, area, ratio, x, y)
    return frames[:, rows, columns]


def colour(
    frames: np.ndarray, brightness: float, contrast: float, saturation: float, hue: float
) -> np.ndarray:
    """Multiply brightness, contrast and saturation by factors (1: unchanged) and rotate the hue (0:
    unchanged, 1: a full turn), as torchvision's ColorJitter does.

    All four changes are linear in RGB and commute, so one matrix applies them: the hue rotates the
    chroma plane of YIQ, and the contrast is relative to the clip's mean grey.
    """
    angle, mean = -2 * math.pi * hue, cv2.mean(_rows(frames))[:3]
    cos, sin = saturation * math.cos(angle), saturation * math.sin(angle)
    chroma = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    matrix = brightness * contrast * (YIQ_TO_RGB @ chroma @ RGB_TO_YIQ)
    offset = brightness * (1 - contrast) * (RGB_TO_YIQ[0] @ mean)
    matrix_and_offset = np.column_stack([matrix, [offset] * 3]).astype(np.float32)
    return cv2.transform(_rows(frames), matrix_and_offset).reshape(frames.shape)


def grey(frames: np.ndarray) -> np.ndarray:
    """Convert the frames to greyscale, still with three channels."""
    return colour(frames, brightness=1, contrast=1, saturation=0, hue=0)


def warp(
    frames: np.ndarray, degrees: float, shear: float, zoom: float, right: float, down: float
) -> np.ndarray:
    """Rotate and shear by degrees, scale by the factor `zoom`, and shift by shares of the frame's
    width and height. Pixels from beyond the frame repeat its edge, as in crops."""
    height, width = frames.shape[1:3]
    centre = np.array([width - 1, height - 1]) / 2
    angle, shear_factor = math.radians(degrees), math.tan(math.radians(shear))
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear_factor], [0, 1]])
    shift = centre - matrix @ centre + (right * width, down * height)
    affine = np.column_stack([matrix, shift])
    edge = cv2.BORDER_REPLICATE
    return np.stack([cv2.warpAffine(f, affine, (width, height), borderMode=edge) for f in frames])


def blur(frames: np.ndarray, sigma: float) -> np.ndarray:
    """Blur with a Gaussian of standard deviation `sigma` in pixels."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def noise(frames: np.ndarray, sigma: float) -> np.ndarray:
    """Add the same Gaussian noise to every frame; `sigma` is its standard deviation in pixel values
    (0 to 255). The only step that draws random numbers itself."""
    field = sigma * torch.randn(frames.shape[1:]).numpy()
    return np.clip(frames + field.round().astype(np.int16), 0, 255).astype(np.uint8)


def erase(frames: np.ndarray, area: float, ratio: float, x: float, y: float) -> np.ndarray:
    """Fill a window with grey in all frames; the arguments are those of `crop`."""
    rows, columns = _window(frames, area, ratio, x, y)
    frames = frames.copy()
    frames[:, rows, columns] = 127
    return frames


def _rows(frames: np.ndarray) -> np.ndarray:
    """Return the frames stacked vertically into one image (T * H, W, 3), which a single call of
    OpenCV can process."""
    return frames.reshape(-1, *frames.shape[2:])


def _window(
    frames: np.ndarray, area: float, ratio: float, x: float, y: float
) -> tuple[slice, slice]:
    """Return the rows and columns of the window that `crop` describes."""
    height, width = frames.shape[1:3]
    h = min(height, round(height * math.sqrt(area / ratio)))
    w = min(width, round(width * math.sqrt(area * ratio)))
    top, left = round(y * (height - h)), round(x * (width - w))
    return slice(top, top + h), slice(left, left + w)


ANYWHERE = {"x": (0.0, 1.0), "y": (0.0, 1.0)}
MILD: list[Step] = [
    (0.5, flip, {}),
    (1.0, crop, {"area": (0.8, 1.0), "ratio": (0.95, 1.05), **ANYWHERE}),
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
STRONG: list[Step] = [
    (0.5, flip, {}),
    (1.0, crop, {"area": (0.65, 1.0), "ratio": (0.9, 1.1), **ANYWHERE}),
    (
        0.4,
        warp,
        {
            "degrees": (-10.0, 10.0),
            "shear": (-5.0, 5.0),
            "zoom": (0.75, 1.1),
            "right": (-0.05, 0.05),
            "down": (-0.05, 0.05),
        },
    ),
    (
        0.8,
        colour,
        {
            "brightness": (0.7, 1.3),
            "contrast": (0.7, 1.3),
            "saturation": (0.7, 1.3),
            "hue": (-0.06, 0.06),
        },
    ),
    (0.1, grey, {}),
    (0.2, blur, {"sigma": (0.4, 1.6)}),
    (0.2, noise, {"sigma": (2.0, 10.0)}),
    (0.4, recompression.video, {"crf": (23, 40), "scale": (0.5, 1.0), "every": (1, 3)}),
    (0.3, recompression.jpeg, {"quality": (30, 90)}),
    (0.2, erase, {"area": (0.02, 0.12), "ratio": (0.5, 2.0), **ANYWHERE}),
]
# Mild is the default, because the traces of a manipulation are faint and must survive.
STRENGTHS: dict[str, list[Step]] = {"none": [], "mild": MILD, "strong": STRONG}
# Share of clips in which datasets/cut_out.py hides a part of the face before augmentation.
HIDDEN_PARTS = {"strong": 0.2}
