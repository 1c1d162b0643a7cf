"""The surroundings of the head at video resolution: a background, a neck and shoulders."""

import cv2
import numpy as np

from demo.features import blob, cover, noise, paint, ramp
from demo.identity import Identity

FRAME_HEIGHT, FRAME_WIDTH = 240, 320
MARGIN = 16  # pixels around the body layer, so that its motion never shows an edge


def draw_background(rng: np.random.Generator) -> np.ndarray:
    """Return (FRAME_HEIGHT, FRAME_WIDTH, 3) float32 in [0, 1]: a wall with shelves or blurred
    objects."""
    rows, columns = np.mgrid[:FRAME_HEIGHT, :FRAME_WIDTH].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * (columns / FRAME_WIDTH - 0.5) + np.sin(angle) * (rows / FRAME_HEIGHT)
    wall = rng.uniform(0.25, 0.8) + rng.uniform(-0.12, 0.12, 3)
    image = (wall * (1 + rng.uniform(0.1, 0.5) * slope[..., None])).astype(np.float32)
    if rng.random() < 0.4:
        _shelves(image, rng)
    else:
        _shapes(image, rng)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 5.0))
    image *= 1 + 0.02 * noise(rng, image.shape[:2], 2.0)[..., None]
    return np.clip(image, 0, 1)


def _shapes(image: np.ndarray, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(2, 9)):
        colour = _muted(rng).tolist()
        x, y = int(rng.integers(FRAME_WIDTH)), int(rng.integers(FRAME_HEIGHT))
        w, h = int(rng.integers(15, 90)), int(rng.integers(15, 120))
        # No ovals: a face detector sometimes takes a blurred one for a face.
        cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)


def _shelves(image: np.ndarray, rng: np.random.Generator) -> None:
    wood = rng.uniform(0.15, 0.5) * np.array([1.0, 0.8, 0.6])
    for top in range(int(rng.integers(-40, 10)), FRAME_HEIGHT, 70):
        x = 0
        while x < FRAME_WIDTH:
            width, height = int(rng.integers(6, 18)), int(rng.integers(35, 62))
            colour = _muted(rng).tolist()
            cv2.rectangle(image, (x, top + 64 - height), (x + width, top + 64), colour, -1)
            x += width + int(rng.integers(1, 5))
        cv2.rectangle(image, (0, top + 64), (FRAME_WIDTH, top + 70), wood.tolist(), -1)


def draw_body(
    person: Identity,
    light: np.ndarray,
    centre: tuple[float, float],
    scale: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw neck and shoulders for a head at ``centre`` (pixels), ``scale`` pixels per head unit.

    Returns a premultiplied layer (FRAME_HEIGHT + 2 MARGIN, FRAME_WIDTH + 2 MARGIN, 4).
    """
    shape = (FRAME_HEIGHT + 2 * MARGIN, FRAME_WIDTH + 2 * MARGIN)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x = (columns - MARGIN - centre[0]) / scale
    y = (rows - MARGIN - centre[1]) / scale
    canvas = np.zeros((*shape, 4), np.float32)
    neck = 0.42 + 0.10 * ramp(0.9, 1.4, y)
    round_neck = 0.75 + 0.35 * light[0] * x / 0.4 - 0.25 * (x / 0.45) ** 2
    shade = round_neck * (1 - 0.45 * blob(x, y, 0, 0.95, 0.5, 0.20))
    skin = np.clip(person.skin * np.clip(shade, 0.15, 1)[..., None], 0, 1)
    paint(canvas, skin, cover(np.abs(x) - neck) * ramp(0.2, 0.3, y))
    shoulder = 1.22 + 0.42 * np.clip(np.abs(x) / 1.7, 0, 3) ** 2.2
    collar = rng.uniform(0.1, 0.4) * np.clip(1 - (x / 0.5) ** 2, 0, 1)
    cloth = 0.75 + 0.2 * light[0] * x / 1.5 + 0.03 * noise(rng, shape, 3.0)
    stripes = 1 + rng.choice([0, 0, 0.2]) * np.sign(np.sin(x * rng.uniform(12, 30)))
    shirt = np.clip(person.shirt * (cloth * stripes)[..., None], 0, 1)
    paint(canvas, shirt, cover(shoulder + collar - y))
    return canvas


def _muted(rng: np.random.Generator) -> np.ndarray:
    """Return a colour (3,) of everyday objects, seldom a saturated one."""
    return np.clip(rng.uniform(0.12, 0.8) * (1 + rng.uniform(-0.35, 0.35, 3)), 0.05, 0.95)
