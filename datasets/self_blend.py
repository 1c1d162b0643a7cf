"""Fakes made from reals while training: a face blended onto itself.

After Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022): what
manipulations have in common is a face that meets the rest of the picture along a border, and fits
it not quite in colour, sharpness and place. A fake with no other trace teaches just that.

Shapes: T frames, S side of a crop, V points of an outline. Lengths are shares of S unless said
otherwise.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

# The source's colours against the target's, either sign. All but the hue relative: what is faint on
# a face in the light would be a glaring mask on one in the dark, were it added.
TINT_CHANCE = 0.3
TINT = 0.12  # of each of red, green and blue
BRIGHTNESS = 0.12
CONTRAST = 0.1
SATURATION = 0.3
HUE = 0.15  # radians around the grey axis
# Its sharpness: the difference from a blurred copy, added this many times or taken away
DETAIL = (-0.9, 1.2)
DETAIL_BOX = 0.02
COARSE_CHANCE = 0.5  # of being made smaller and enlarged again instead
COARSE = (1.5, 3.5)  # times
# Its place: moved by at most, x and y, and resized, either way
SHIFT = np.array([0.03, 0.015])
SCALE = 0.05  # relative
# Pixels and sizes wander by this much as time goes on, as results of a tracked face do.
DRIFT = np.array([0.003, 0.003, 0.003])  # x, y, size
DRIFT_FRAMES = 24.0  # of a full swing

# The face in distances between its eyes, from the point between them: x, y downwards, z forwards.
# Eyes, nose, mouth corners:
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

# (4, 5): the five points in a picture → the affine camera that comes nearest to seeing FACE there
_FIT = np.linalg.pinv(np.column_stack([FACE, np.ones(len(FACE))]))


@dataclass(frozen=True)
class Blend:
    """What is drawn once for a clip. The source is the copy of it that is changed and laid over."""

    colour: np.ndarray  # (3, 3): RGB → RGB
    contrast: float  # around the clip's mean colour
    detail: float  # above 0 sharper, below 0 blurred
    coarse: float  # times smaller and enlarged again; 1 for not at all
    place: np.ndarray  # (3,): shift in x and y, relative growth
    phases: np.ndarray  # (3,): where the drift of `place` begins, radians
    outline: np.ndarray  # (V, 3): of the mask, in the coordinates of FACE
    softness: float  # of the mask's border
    ratio: float


def self_blend(
    clip: torch.Tensor, landmarks: np.ndarray, generator: torch.Generator
) -> torch.Tensor:
    """(T, 3, S, S) uint8 RGB → the same with a blend of the face; nothing else changes.

    `landmarks` (T, 5, 2) in pixels of the crops (datasets/landmarks.py) say where the face is;
    `generator` is all the chance there is.
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
    def uniform(low: float, high: float, count: int = 1) -> np.ndarray:
        return low + (high - low) * torch.rand(count, generator=generator).double().numpy()

    def chance(share: float) -> bool:
        return bool(uniform(0, 1) < share)

    def one(low: float, high: float) -> float:
        return float(uniform(low, high)[0])

    coarse = chance(COARSE_CHANCE)
    return Blend(
        colour=_colour(
            gains=1 + one(-BRIGHTNESS, BRIGHTNESS) + uniform(-TINT, TINT, 3) * chance(TINT_CHANCE),
            saturation=1 + one(-SATURATION, SATURATION),
            hue=one(-HUE, HUE),
        ),
        contrast=1 + one(-CONTRAST, CONTRAST),
        detail=0.0 if coarse else one(*DETAIL),
        coarse=one(*COARSE) if coarse else 1.0,
        place=np.append(SHIFT, SCALE) * uniform(-1, 1, 3),
        phases=uniform(0, 2 * np.pi, 3),
        outline=_egg(
            one(*HALF_WIDTH),
            one(*CHIN),
            one(*FOREHEAD),
            dents=uniform(-DENT, DENT, len(WAVES)),
            phases=uniform(0, 2 * np.pi, len(WAVES)),
        ),
        softness=one(*SOFTNESS),
        ratio=RATIOS[int(one(0, len(RATIOS)))],
    )


def _colour(gains: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """(3, 3): `gains` of red, green and blue, and the other changes, as one map of RGB."""
    grey = np.tile([0.299, 0.587, 0.114], (3, 1))
    turn = cv2.Rodrigues(np.full(3, hue / np.sqrt(3)))[0]
    return gains[:, None] * (grey + saturation * (np.eye(3) - grey)) @ turn


def _egg(
    half_width: float, chin: float, forehead: float, dents: np.ndarray, phases: np.ndarray
) -> np.ndarray:
    """(V, 3): the outline of a face, waved a little."""
    angles = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    x, y = half_width * np.cos(angles), np.sin(angles)
    y *= np.where(y > 0, chin, forehead)
    radius = 1 + np.sin(np.outer(angles, WAVES) + phases) @ dents
    return np.column_stack([x * radius, MIDDLE + y * radius, np.full(POINTS, DEPTH)])


def _outlines(blend: Blend, landmarks: np.ndarray) -> np.ndarray:
    """(T, V, 2): the mask's outline laid over the face of every frame, pixels."""
    cameras = _FIT @ landmarks  # (T, 4, 2)
    return np.column_stack([blend.outline, np.ones(POINTS)]) @ cameras


def _around(outlines: np.ndarray, border: float, size: int) -> tuple[slice, slice]:
    """Rows and columns of the crop that hold all `outlines` (T, V, 2) and a border."""
    low = np.clip(outlines.min(axis=(0, 1)) - border, 0, size - 1).astype(int)
    high = np.clip(outlines.max(axis=(0, 1)) + border, low + 1, size).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _mask(outline: np.ndarray, shape: tuple[int, int], blend: Blend, size: int) -> np.ndarray:
    """(V, 2) → (H, W) float32: the source's share of every pixel."""
    mask = np.zeros(shape, np.uint8)
    # Sixteenths of a pixel, so that the mask moves as smoothly as the face.
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    mask = _blur(_blur(mask, blend.softness * size), blend.softness * size)
    return mask * np.float32(blend.ratio / 255)


def _blur(image: np.ndarray, width: float) -> np.ndarray:
    """The mean over a square of about `width` pixels; a Gaussian would take most of a blend's
    time."""
    return cv2.blur(image, (max(3, 2 * round(width / 2) + 1),) * 2)


def _recolour(frames: np.ndarray, blend: Blend) -> np.ndarray:
    """(T, H, W, 3) uint8"""
    mean = frames[:, ::4, ::4].mean(axis=(0, 1, 2))
    offset = (1 - blend.contrast) * blend.colour @ mean
    matrix = np.column_stack([blend.contrast * blend.colour, offset])
    tall = frames.reshape(-1, *frames.shape[2:])  # one call for all frames
    return cv2.transform(tall, matrix).reshape(frames.shape)


def _resharpen(image: np.ndarray, blend: Blend, size: int) -> np.ndarray:
    if blend.coarse > 1:
        height, width = image.shape[:2]
        small = (max(1, round(width / blend.coarse)), max(1, round(height / blend.coarse)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    blurred = _blur(image, DETAIL_BOX * size)
    return cv2.addWeighted(image, 1 + blend.detail, blurred, -blend.detail, 0)


def _move(image: np.ndarray, blend: Blend, size: int, t: int) -> np.ndarray:
    """Shifted and resized around the middle, a little differently as time `t` goes on."""
    x, y, growth = blend.place + DRIFT * np.sin(2 * np.pi * t / DRIFT_FRAMES + blend.phases)
    height, width = image.shape[:2]
    shift = np.array([x, y]) * size - growth * (np.array([width, height]) - 1) / 2
    matrix = np.column_stack([(1 + growth) * np.eye(2), shift])
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
