"""Fakes made from reals during training: a face blended onto itself.

After Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022):
manipulations have in common that a face meets the rest of the picture along a border and does not
quite match it in colour, sharpness and position. A fake with no other trace teaches exactly that.

Shapes: T frames, S side of a crop, V points of an outline. Lengths are shares of S unless stated
otherwise.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

# Colour changes of the source relative to the target, either sign. All but the hue are factors: an
# amount added to a dark face would look like a mask.
TINT_CHANCE = 0.3
TINT = 0.12  # of red, green and blue each
BRIGHTNESS = 0.12
CONTRAST = 0.1
SATURATION = 0.3
HUE = 0.15  # radians around the grey axis
# Its sharpness: the difference from a blurred copy is added this many times or subtracted
DETAIL = (-0.9, 1.2)
DETAIL_BOX = 0.02
COARSE_CHANCE = 0.5  # of being shrunk and enlarged again instead
COARSE = (1.5, 3.5)  # times
# Its position: the largest shift in x and y and the largest change of size, either sign
SHIFT = np.array([0.03, 0.015])
SCALE = 0.05  # relative
# Position and size drift by this much over time, as those of a tracked face do.
DRIFT = np.array([0.003, 0.003, 0.003])  # x, y, size
DRIFT_FRAMES = 24.0  # of a full swing

# Coordinates of a face in distances between its eyes, from the point between them: x, y downwards,
# z forwards. Eyes, nose, mouth corners:
FACE = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.57, 0.45], [-0.42, 1.15, 0.1], [0.42, 1.15, 0.1]])
# and its outline, an egg of two half ellipses
MIDDLE = 0.45  # y
DEPTH = -0.3  # z
HALF_WIDTH = (0.85, 1.1)
CHIN = (1.15, 1.4)  # below MIDDLE
FOREHEAD = (0.8, 1.3)  # above MIDDLE: from the brows to the hairline
POINTS = 48  # V
WAVES = np.arange(2, 6)  # around the outline
DENT = 0.03  # relative, of each wave, at most
SOFTNESS = (0.015, 0.07)  # half the width of the border
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)  # of source to target in the mask's middle

# (4, 5): maps the five points in a picture to the affine camera that projects FACE closest to them
_FIT = np.linalg.pinv(np.column_stack([FACE, np.ones(len(FACE))]))


@dataclass(frozen=True)
class Blend:
    """The random choices for one clip. The source is the changed copy that is laid over the
    target."""

    colour: np.ndarray  # (3, 3): RGB → RGB
    contrast: float  # around the clip's mean colour
    detail: float  # above 0 sharper, below 0 blurred
    coarse: float  # factor of shrinking and enlarging; 1 for none
    position: np.ndarray  # (3,): shift in x and y, relative growth
    phases: np.ndarray  # (3,): phases of the drift, radians
    outline: np.ndarray  # (V, 3): of the mask, in the coordinates of FACE
    softness: float  # of the mask's border
    ratio: float  # of source to target in the middle of the mask


def self_blend(
    clip: torch.Tensor, landmarks: np.ndarray, generator: torch.Generator
) -> torch.Tensor:
    """Blend the face of a clip (T, 3, S, S) uint8 RGB onto itself; the rest of the clip is
    unchanged.

    `landmarks` (T, 5, 2) are in pixels of the crops (datasets/landmarks.py); `generator` is the
    only source of randomness.
    """
    blend = draw(generator)
    frames = np.ascontiguousarray(clip.permute(0, 2, 3, 1).numpy())  # (T, S, S, 3)
    size = frames.shape[1]
    outlines = _outlines(blend, landmarks)
    rows, columns = _around(outlines, blend.softness * size + 3, size)
    target = np.ascontiguousarray(frames[:, rows, columns])  # (T, H, W, 3): all that may change
    source = _recolour(target, blend)
    mixed = frames.copy()
    for t, outline in enumerate(outlines - (columns.start, rows.start)):
        changed = _move(_resharpen(source[t], blend, size), blend, size, t)
        weight = _mask(outline, target[t].shape[:2], blend, size)
        mixed[t, rows, columns] = cv2.blendLinear(changed, target[t], weight, 1 - weight)
    return torch.from_numpy(mixed).permute(0, 3, 1, 2)


def draw(generator: torch.Generator) -> Blend:
    """Draw the random choices for one clip."""

    def uniform(low: float, high: float, count: int = 1) -> np.ndarray:
        return low + (high - low) * torch.rand(count, generator=generator).double().numpy()

    def chance(share: float) -> bool:
        return bool(uniform(0, 1) < share)

    def number(low: float, high: float) -> float:
        return float(uniform(low, high)[0])

    coarse = chance(COARSE_CHANCE)
    return Blend(
        colour=_colour(
            gains=1
            + number(-BRIGHTNESS, BRIGHTNESS)
            + uniform(-TINT, TINT, 3) * chance(TINT_CHANCE),
            saturation=1 + number(-SATURATION, SATURATION),
            hue=number(-HUE, HUE),
        ),
        contrast=1 + number(-CONTRAST, CONTRAST),
        detail=0.0 if coarse else number(*DETAIL),
        coarse=number(*COARSE) if coarse else 1.0,
        position=np.append(SHIFT, SCALE) * uniform(-1, 1, 3),
        phases=uniform(0, 2 * np.pi, 3),
        outline=_egg(
            number(*HALF_WIDTH),
            number(*CHIN),
            number(*FOREHEAD),
            dents=uniform(-DENT, DENT, len(WAVES)),
            phases=uniform(0, 2 * np.pi, len(WAVES)),
        ),
        softness=number(*SOFTNESS),
        ratio=RATIOS[int(number(0, len(RATIOS)))],
    )


def _colour(gains: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """Return the colour change (3, 3) as a linear map of RGB; `gains` are those of red, green and
    blue."""
    grey = np.tile([0.299, 0.587, 0.114], (3, 1))
    turn = cv2.Rodrigues(np.full(3, hue / np.sqrt(3)))[0]
    return gains[:, None] * (grey + saturation * (np.eye(3) - grey)) @ turn


def _egg(
    half_width: float, chin: float, forehead: float, dents: np.ndarray, phases: np.ndarray
) -> np.ndarray:
    """Return the outline of a face (V, 3), slightly wavy."""
    angles = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    x, y = half_width * np.cos(angles), np.sin(angles)
    y *= np.where(y > 0, chin, forehead)
    radius = 1 + np.sin(np.outer(angles, WAVES) + phases) @ dents
    return np.column_stack([x * radius, MIDDLE + y * radius, np.full(POINTS, DEPTH)])


def _outlines(blend: Blend, landmarks: np.ndarray) -> np.ndarray:
    """Return the mask's outline (T, V, 2) on the face of every frame, in pixels."""
    cameras = _FIT @ landmarks  # (T, 4, 2)
    return np.column_stack([blend.outline, np.ones(POINTS)]) @ cameras


def _around(outlines: np.ndarray, border: float, size: int) -> tuple[slice, slice]:
    """Return the rows and columns of the crop that contain all `outlines` (T, V, 2) and a
    border."""
    low = np.clip(outlines.min(axis=(0, 1)) - border, 0, size - 1).astype(int)
    high = np.clip(outlines.max(axis=(0, 1)) + border, low + 1, size).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _mask(outline: np.ndarray, shape: tuple[int, int], blend: Blend, size: int) -> np.ndarray:
    """Return the source's share of every pixel (H, W) float32 for an outline (V, 2)."""
    mask = np.zeros(shape, np.uint8)
    # In sixteenths of a pixel, so that the mask moves as smoothly as the face.
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    mask = _blur(_blur(mask, blend.softness * size), blend.softness * size)
    return mask * np.float32(blend.ratio / 255)


def _blur(image: np.ndarray, width: float) -> np.ndarray:
    """Average over a square of about `width` pixels; a Gaussian would take most of a blend's
    time."""
    return cv2.blur(image, (max(3, 2 * round(width / 2) + 1),) * 2)


def _recolour(frames: np.ndarray, blend: Blend) -> np.ndarray:
    """Change the colours of frames (T, H, W, 3) uint8."""
    mean = frames[:, ::4, ::4].mean(axis=(0, 1, 2))
    offset = (1 - blend.contrast) * blend.colour @ mean
    matrix = np.column_stack([blend.contrast * blend.colour, offset])
    tall = frames.reshape(-1, *frames.shape[2:])  # for a single call of OpenCV
    return cv2.transform(tall, matrix).reshape(frames.shape)


def _resharpen(image: np.ndarray, blend: Blend, size: int) -> np.ndarray:
    """Sharpen, blur or coarsen an image."""
    if blend.coarse > 1:
        height, width = image.shape[:2]
        small = (max(1, round(width / blend.coarse)), max(1, round(height / blend.coarse)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    blurred = _blur(image, DETAIL_BOX * size)
    return cv2.addWeighted(image, 1 + blend.detail, blurred, -blend.detail, 0)


def _move(image: np.ndarray, blend: Blend, size: int, t: int) -> np.ndarray:
    """Shift and resize an image around its centre, slightly differently at each time `t`."""
    x, y, growth = blend.position + DRIFT * np.sin(2 * np.pi * t / DRIFT_FRAMES + blend.phases)
    height, width = image.shape[:2]
    shift = np.array([x, y]) * size - growth * (np.array([width, height]) - 1) / 2
    matrix = np.column_stack([(1 + growth) * np.eye(2), shift])
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
