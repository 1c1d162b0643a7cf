"""Makes fakes from real clips during training, by blending a face onto itself (self-blends).

After Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022). All
manipulations that insert a face leave a border around it, and the face does not quite match the
rest of the frame in colour, sharpness and position. Self-blends have these traces and no others, so
a model trained on them learns to detect exactly these.

Shapes: T frames, S side of a crop, V points of an outline. Lengths are shares of S unless stated
otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from datasets import recompression

# Largest colour changes of the source relative to the target, in either direction. All except the
# hue are multiplied: an amount added to a dark face would make it look like a mask.
TINT_CHANCE = 0.3
TINT = 0.12  # of red, green and blue each
BRIGHTNESS = 0.12
CONTRAST = 0.1
SATURATION = 0.3
HUE = 0.15  # radians around the grey axis
# Sharpness of the source: the difference from a blurred copy is multiplied by a factor from this
# range and added. Negative factors blur.
DETAIL = (-0.9, 1.2)
DETAIL_BOX = 0.02  # side of the square that is averaged to blur
COARSE_CHANCE = 0.5  # probability that the source is shrunk and enlarged again instead
COARSE = (1.5, 3.5)  # range of the factor by which it is shrunk
# The source may have been compressed apart from the target.
JPEG_CHANCE = 0.3
JPEG_QUALITY = (25.0, 85.0)
# Position of the source: largest shift in x and y and largest change of size, in either direction
SHIFT = np.array([0.03, 0.015])
SCALE = 0.05  # relative
# Amplitudes of a slow drift of position and size, as a tracked face has.
DRIFT = np.array([0.003, 0.003, 0.003])  # x, y, size
DRIFT_FRAMES = 24.0  # period of the drift
# The blend flickers from frame to frame, as where frames are forged one by one.
FLICKER_CHANCE = 0.3
FLICKER = 0.5  # largest share of the source that a frame loses

# Landmarks of a typical face in 3D: eyes, nose, mouth corners. The unit is the distance between the
# eyes, the origin the point between them; x points right, y down, z towards the viewer.
FACE = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.57, 0.45], [-0.42, 1.15, 0.1], [0.42, 1.15, 0.1]])


@dataclass(frozen=True)
class Outline:
    """Ranges of a mask's outline in the coordinates of FACE: two half ellipses that meet at y."""

    y: float
    z: float
    half_width: tuple[float, float]
    below: tuple[float, float]  # distance of the lowest point from y: to the chin, for example
    above: tuple[float, float]


FULL = Outline(y=0.45, z=-0.3, half_width=(0.85, 1.1), below=(1.15, 1.4), above=(0.8, 1.3))
# Reenactments change the mouth alone, and some manipulations only the eyes.
MOUTH = Outline(y=1.1, z=0.1, half_width=(0.5, 0.85), below=(0.25, 0.65), above=(0.2, 0.45))
EYES = Outline(y=0.0, z=0.0, half_width=(0.75, 1.05), below=(0.2, 0.4), above=(0.2, 0.45))
OUTLINES = (FULL,) * 7 + (MOUTH,) * 2 + (EYES,)  # one is drawn
POINTS = 48  # V, of an outline
WAVES = np.arange(2, 6)  # number of periods of each wave around the outline
DENT = 0.03  # largest amplitude of each wave, relative to the radius
SOFTNESS = (0.015, 0.07)  # half the width of the mask's soft border
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)  # share of the source in the middle of the mask

# (4, 5): maps five landmarks in an image to the affine camera that best projects FACE onto them
_FIT = np.linalg.pinv(np.column_stack([FACE, np.ones(len(FACE))]))


@dataclass(frozen=True)
class Blend:
    """The random choices for one clip. The source is the changed copy of the clip that is blended
    over the target, the clip itself."""

    colour: np.ndarray  # (3, 3): RGB → RGB
    contrast: float  # factor, around the clip's mean colour
    detail: float  # above 0 sharpens, below 0 blurs
    coarse: float  # factor of shrinking and enlarging; 1 for none
    quality: int | None  # of the source's JPEG compression; None for none
    position: np.ndarray  # (3,): shift in x and y, relative growth
    phases: np.ndarray  # (3,): phases of the drift, radians
    outline: np.ndarray  # (V, 3): of the mask, in the coordinates of FACE
    softness: float  # of the mask's border
    ratio: float  # share of the source in the middle of the mask, in [0, 1]
    flicker: np.ndarray  # (T,): factors of the ratio, one per frame


def self_blend(
    clip: torch.Tensor, landmarks: np.ndarray, generator: torch.Generator
) -> torch.Tensor:
    """Return a copy of a clip (T, 3, S, S) uint8 RGB with its face blended onto itself; pixels away
    from the face are unchanged.

    `landmarks` (T, 5, 2) are x, y in pixels of the crops (datasets/landmarks.py). `generator` is
    the only source of randomness.
    """
    size = clip.shape[-1]
    # A mouth that is outside the crop would be blended without any trace.
    visible = bool(((landmarks >= 0) & (landmarks < size)).all())
    blend = draw(generator, len(clip), OUTLINES if visible else (FULL,))
    frames = np.ascontiguousarray(clip.permute(0, 2, 3, 1).numpy())  # (T, S, S, 3)
    outlines = _outlines(blend, landmarks)
    rows, columns = _around(outlines, blend.softness * size + 3, size)
    target = np.ascontiguousarray(frames[:, rows, columns])  # (T, H, W, 3): all that may change
    source = _recolour(target, blend)
    if blend.quality is not None:
        source = recompression.jpeg(source, blend.quality)
    mixed = frames.copy()
    for t, outline in enumerate(outlines - (columns.start, rows.start)):
        changed = _move(_resharpen(source[t], blend, size), blend, size, t)
        weight = _mask(outline, target[t].shape[:2], blend, size) * np.float32(blend.flicker[t])
        mixed[t, rows, columns] = cv2.blendLinear(changed, target[t], weight, 1 - weight)
    return torch.from_numpy(mixed).permute(0, 3, 1, 2)


def draw(generator: torch.Generator, frames: int, outlines: Sequence[Outline] = OUTLINES) -> Blend:
    """Draw the random choices for one clip of `frames` frames, with a mask of one of `outlines`."""

    def uniform(low: float, high: float, count: int = 1) -> np.ndarray:
        return low + (high - low) * torch.rand(count, generator=generator).double().numpy()

    def chance(share: float) -> bool:
        return bool(uniform(0, 1) < share)

    def number(low: float, high: float) -> float:
        return float(uniform(low, high)[0])

    coarse = chance(COARSE_CHANCE)
    shape = outlines[int(number(0, len(outlines)))]
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
        quality=round(number(*JPEG_QUALITY)) if chance(JPEG_CHANCE) else None,
        position=np.append(SHIFT, SCALE) * uniform(-1, 1, 3),
        phases=uniform(0, 2 * np.pi, 3),
        outline=_draw_outline(
            shape,
            number(*shape.half_width),
            number(*shape.below),
            number(*shape.above),
            dents=uniform(-DENT, DENT, len(WAVES)),
            phases=uniform(0, 2 * np.pi, len(WAVES)),
        ),
        softness=number(*SOFTNESS),
        ratio=RATIOS[int(number(0, len(RATIOS)))],
        flicker=1 - FLICKER * number(0, 1) * chance(FLICKER_CHANCE) * uniform(0, 1, frames),
    )


def _colour(gains: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """Return the colour change as a matrix (3, 3) that maps RGB to RGB. `gains` (3,) are factors of
    red, green and blue, `hue` is in radians."""
    grey = np.tile([0.299, 0.587, 0.114], (3, 1))
    turn = cv2.Rodrigues(np.full(3, hue / np.sqrt(3)))[0]
    return gains[:, None] * (grey + saturation * (np.eye(3) - grey)) @ turn


def _draw_outline(
    shape: Outline,
    half_width: float,
    below: float,
    above: float,
    dents: np.ndarray,
    phases: np.ndarray,
) -> np.ndarray:
    """Return a slightly wavy outline (V, 3) in the coordinates of FACE."""
    angles = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    x, y = half_width * np.cos(angles), np.sin(angles)
    y *= np.where(y > 0, below, above)
    radius = 1 + np.sin(np.outer(angles, WAVES) + phases) @ dents
    return np.column_stack([x * radius, shape.y + y * radius, np.full(POINTS, shape.z)])


def _outlines(blend: Blend, landmarks: np.ndarray) -> np.ndarray:
    """Return the mask's outline (T, V, 2) on the face of every frame, in pixels."""
    cameras = _FIT @ landmarks  # (T, 4, 2)
    return np.column_stack([blend.outline, np.ones(POINTS)]) @ cameras


def _around(outlines: np.ndarray, border: float, size: int) -> tuple[slice, slice]:
    """Return the rows and columns of the crop that contain all `outlines` (T, V, 2) and `border`
    pixels around them."""
    low = np.clip(outlines.min(axis=(0, 1)) - border, 0, size - 1).astype(int)
    high = np.clip(outlines.max(axis=(0, 1)) + border, low + 1, size).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _mask(outline: np.ndarray, shape: tuple[int, int], blend: Blend, size: int) -> np.ndarray:
    """Return the weight of the source in every pixel, (H, W) float32 in [0, 1], for an outline (V,
    2) in pixels."""
    mask = np.zeros(shape, np.uint8)
    # In sixteenths of a pixel, so that the mask moves as smoothly as the face.
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    mask = _blur(_blur(mask, blend.softness * size), blend.softness * size)
    return mask * np.float32(blend.ratio / 255)


def _blur(image: np.ndarray, width: float) -> np.ndarray:
    """Average over a square of about `width` pixels. A Gaussian would take most of the time of a
    blend."""
    return cv2.blur(image, (max(3, 2 * round(width / 2) + 1),) * 2)


def _recolour(frames: np.ndarray, blend: Blend) -> np.ndarray:
    """Change the colours of frames (T, H, W, 3) uint8."""
    mean = frames[:, ::4, ::4].mean(axis=(0, 1, 2))
    offset = (1 - blend.contrast) * blend.colour @ mean
    matrix = np.column_stack([blend.contrast * blend.colour, offset])
    tall = frames.reshape(-1, *frames.shape[2:])  # for a single call of OpenCV
    return cv2.transform(tall, matrix).reshape(frames.shape)


def _resharpen(image: np.ndarray, blend: Blend, size: int) -> np.ndarray:
    """Return an image sharpened, blurred or made coarser, as `blend` says."""
    if blend.coarse > 1:
        height, width = image.shape[:2]
        small = (max(1, round(width / blend.coarse)), max(1, round(height / blend.coarse)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    blurred = _blur(image, DETAIL_BOX * size)
    return cv2.addWeighted(image, 1 + blend.detail, blurred, -blend.detail, 0)


def _move(image: np.ndarray, blend: Blend, size: int, t: int) -> np.ndarray:
    """Return an image shifted and scaled around its centre, as `blend` says; `t` is its position in
    the clip, on which the drift depends."""
    x, y, growth = blend.position + DRIFT * np.sin(2 * np.pi * t / DRIFT_FRAMES + blend.phases)
    height, width = image.shape[:2]
    shift = np.array([x, y]) * size - growth * (np.array([width, height]) - 1) / 2
    matrix = np.column_stack([(1 + growth) * np.eye(2), shift])
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
