"""Paints the features of a head: eyes, brows, mouth, hair, beard, glasses.

Every painter changes a premultiplied RGBA canvas (h, w, 4) in place; x and y are (h, w) grids in
head units and may cover a band of the whole canvas only.
"""

import cv2
import numpy as np

from demo.identity import Identity

EDGE = 0.012  # half the width of a soft edge, in head units: about one canvas pixel


def ramp(start: float, stop: float, x: np.ndarray | float) -> np.ndarray:
    """Return a smooth step from 0 at ``start`` to 1 at ``stop``."""
    t = np.clip((x - start) / (stop - start), 0, 1)
    return t * t * (3 - 2 * t)


def blob(x, y, cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
    """Return a Gaussian bump of height 1."""
    return np.exp(-0.5 * (((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2))


def cover(implicit: np.ndarray) -> np.ndarray:
    """Return anti-aliased coverage in [0, 1] of the region where ``implicit`` is negative."""
    down, across = np.gradient(implicit)
    pixels = implicit / np.maximum(np.hypot(down, across), 1e-4)
    return np.clip(0.5 - pixels, 0, 1)


def inside(distance: np.ndarray) -> np.ndarray:
    """Return soft coverage of the region where ``distance`` (head units) is positive."""
    return ramp(-EDGE, EDGE, distance)


def noise(
    rng: np.random.Generator, shape: tuple[int, int], sigma: float, sigma_y: float = 0
) -> np.ndarray:
    """Return smooth noise of zero mean and unit deviation; sigmas in pixels."""
    white = rng.standard_normal(shape, dtype=np.float32)
    field = cv2.GaussianBlur(white, (0, 0), sigmaX=sigma, sigmaY=sigma_y or sigma)
    return (field - field.mean()) / field.std()


def paint(canvas: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Paint ``colour``, (3,) or (h, w, 3), over the canvas with opacity ``alpha`` (h, w)."""
    alpha = alpha[..., None].astype(np.float32)
    canvas *= 1 - alpha
    canvas[..., :3] += (alpha * colour).astype(np.float32)
    canvas[..., 3:] += alpha


def ears(canvas, x, y, person: Identity, light: np.ndarray) -> None:
    for side in (-1, 1):
        cx = side * (person.half_width + 0.015)
        shape = ((x - cx) / 0.085) ** 2 + ((y - 0.10) / 0.20) ** 2 - 1
        hollow = blob(x, y, cx + side * 0.015, 0.08, 0.03, 0.09)
        lit = 0.72 + 0.22 * side * light[0] - 0.25 * hollow
        skin = np.clip(person.skin * lit[..., None] * [1.04, 0.94, 0.92], 0, 1)
        paint(canvas, skin, cover(shape))


def brows(canvas, x, y, person: Identity, rng: np.random.Generator) -> None:
    strands = 0.75 + 0.25 * np.clip(noise(rng, x.shape, 0.8, 1.5), -1, 1)
    for side in (-1, 1):
        u = (x * side - person.eye_x - 0.01) / 0.20  # -1 at the nose, +1 at the temple
        middle = person.brow_y - person.brow_arch * (1 - (u - 0.25) ** 2)
        half = person.brow_thickness * (1 - 0.45 * ramp(0, 1, u))
        body = ramp(1.8, 0.5, np.abs(y - middle) / half) * ramp(1.1, 0.85, np.abs(u))
        paint(canvas, person.hair * 0.5 + person.skin * 0.05, 0.95 * body * strands)


def nostrils(canvas, x, y, person: Identity) -> None:
    for side in (-1, 1):
        hole = blob(x, y, side * person.nose_width * 0.5, person.nose_base + 0.035, 0.028, 0.015)
        crease = blob(x, y, side * person.nose_width * 1.12, person.nose_base, 0.016, 0.045)
        paint(canvas, person.skin * 0.18, 0.85 * hole)
        paint(canvas, person.skin * 0.40, 0.40 * crease)


def eyes(canvas, x, y, person: Identity, light: np.ndarray, amount: float) -> None:
    """Paint both eyes, opened by ``amount`` in [0, 1], and the glasses over them."""
    for side in (-1, 1):
        cx, cy = side * person.eye_x, person.eye_y
        u = (x - cx) * side / person.eye_width
        arch = np.clip(1 - u**2, 0, 1)
        low = cy + 0.036 * arch - 0.008 * u
        up = low - amount * (person.eye_height + 0.036) * arch**0.7
        opening = inside(up * -1 + y) * inside(low - y) * (np.abs(u) < 1)
        radius = np.hypot(x - cx, y - cy + 0.012)
        white = np.array([0.86, 0.84, 0.82]) * (0.62 + 0.38 * ramp(0, 0.05, y - up))[..., None]
        eyeball = canvas.copy()
        paint(eyeball, white, np.ones_like(x))
        paint(eyeball, person.iris * 0.45, inside(0.070 - radius))
        paint(eyeball, person.iris, inside(0.060 - radius))
        paint(eyeball, np.full(3, 0.02), inside(0.028 - radius))
        glint = blob(x, y, cx + 0.025 * light[0], cy - 0.040, 0.012, 0.012)
        paint(eyeball, np.full(3, 0.95), 0.9 * glint)
        canvas += (eyeball - canvas) * (opening * canvas[..., 3])[..., None]
        span = ramp(1.12, 0.9, np.abs(u))
        paint(canvas, person.skin * 0.12, 0.85 * np.exp(-(((y - up) / 0.017) ** 2)) * span)
        paint(canvas, person.skin * 0.35, 0.35 * np.exp(-(((y - low) / 0.012) ** 2)) * span)
        crease = np.exp(-(((y - up + 0.050) / 0.013) ** 2)) * span
        paint(canvas, person.skin * 0.35, 0.35 * crease)
    if person.glasses:
        glasses(canvas, x, y, person)


def glasses(canvas, x, y, person: Identity) -> None:
    frame = np.full(3, 0.08)
    for side in (-1, 1):
        lens = np.hypot((x - side * person.eye_x) / 0.23, (y - person.eye_y - 0.02) / 0.17)
        paint(canvas, frame, 0.9 * inside(0.018 - np.abs(lens - 1) * 0.19))
    bridge = inside(0.014 - np.abs(y - person.eye_y)) * (np.abs(x) < person.eye_x - 0.22)
    paint(canvas, frame, 0.9 * bridge)


def mouth(canvas, x, y, person: Identity, amount: float) -> None:
    """Paint the lips, opened by ``amount`` in [0, 1], with the teeth between them."""
    u = x / (person.mouth_width * (1 - 0.12 * amount))
    arch = np.clip(1 - u**2, 0, 1)
    gap_top = person.mouth_y - 0.015 * amount * arch
    gap_low = person.mouth_y + 0.14 * amount * arch
    bow = 1 - 0.25 * np.exp(-((u / 0.16) ** 2))
    top = gap_top - person.upper_lip * bow * arch**0.8
    bottom = gap_low + person.lower_lip * arch**0.7
    span = np.abs(u) < 1
    upper = inside(y - top) * inside(gap_top - y) * span
    lower = inside(y - gap_low) * inside(bottom - y) * span
    gap = inside(y - gap_top) * inside(gap_low - y) * span
    shine = 0.9 + 0.25 * blob(x, y, 0, person.mouth_y + 0.14 * amount + 0.035, 0.10, 0.015)
    paint(canvas, np.array([0.13, 0.04, 0.04]), gap)
    teeth = inside(gap_top + 0.045 - y) * gap * ramp(0.9, 0.6, np.abs(u)) * ramp(0.1, 0.4, amount)
    paint(canvas, np.array([0.78, 0.75, 0.70]), 0.85 * teeth)
    paint(canvas, person.lips * 0.80, 0.85 * upper)
    paint(canvas, np.clip(person.lips * shine[..., None], 0, 1), 0.85 * lower)
    line = np.exp(-(((y - gap_top) / 0.013) ** 2)) * ramp(1.1, 0.9, np.abs(u))
    paint(canvas, person.lips * 0.25, 0.8 * line)


def beard(canvas, x, y, person: Identity, face: np.ndarray, rng: np.random.Generator) -> None:
    edge = 0.62 - 0.55 * ramp(0.25, 0.66, np.abs(x))  # low at the chin, high at the ears
    jaw = ramp(-0.06, 0.08, y - edge)
    moustache = blob(x, y, 0, person.mouth_y - 0.11, 0.17, 0.035)
    strands = 0.8 + 0.2 * np.clip(noise(rng, x.shape, 0.8, 2.0), -1, 1)
    alpha = np.clip(np.maximum(jaw, moustache) * face * strands * person.beard, 0, 1)
    paint(canvas, person.hair * 0.9, alpha)


def _strands(x, y, person: Identity, rng: np.random.Generator) -> np.ndarray:
    """Return the colour of hair (h, w, 3) with strands and a band of gloss."""
    curly = person.hair_style == "curly"
    texture = noise(rng, x.shape, 1.8) if curly else noise(rng, x.shape, 0.9, 7.0)
    gloss = 0.35 * blob(x, y, person.parting, -0.85, 0.45, 0.10)
    value = 0.85 + 0.22 * np.clip(texture, -2, 2) + gloss
    return np.clip(person.hair * value[..., None] + 0.04 * gloss[..., None], 0, 1)


def hair_behind(canvas, x, y, person: Identity, rng: np.random.Generator) -> None:
    if person.hair_style not in ("long", "curly"):
        return
    reach = 1.30 if person.hair_style == "long" else 0.35
    half = person.half_width + 0.08 + person.hair_volume
    vertical = np.where(y < 0, (y / (1.02 + person.hair_volume)) ** 2, (np.abs(y) / reach) ** 4)
    shape = (x / half) ** 2 + vertical - 1 + 0.05 * noise(rng, x.shape, 4.0)
    neck = ramp(0.45, 0.80, y) * ramp(0.62, 0.40, np.abs(x))  # hair falls behind it
    paint(canvas, _strands(x, y, person, rng) * 0.6, cover(shape) * (1 - neck))


def hair_in_front(canvas, x, y, person: Identity, rng: np.random.Generator) -> None:
    if person.hair_style == "bald":
        return
    side = np.abs(x) / person.half_width
    line = person.hairline + 0.75 * np.clip(side, 0, 1.2) ** 4
    if person.hair_style == "parted":
        line += 0.35 * np.clip(x * np.sign(person.parting), -0.2, 0.5)
    elif person.hair_style == "fringe":
        line = np.maximum(line, -0.36 + 0.03 * noise(rng, x.shape, 3.0))
    line += 0.015 * noise(rng, x.shape, 2.0)
    crown = 1.0 + person.hair_volume
    around = person.half_width + 0.4 * person.hair_volume
    ragged = 0.05 if person.hair_style == "curly" else 0.015
    skull = (x / around) ** 2 + (y / crown) ** 2 - 1 + ragged * noise(rng, x.shape, 2.5)
    alpha = cover(skull) * ramp(-0.03, 0.03, line - y)
    paint(canvas, _strands(x, y, person, rng), alpha)
    shadow = ramp(0.10, 0.0, y - line) * (1 - alpha) * canvas[..., 3]
    canvas[..., :3] *= (1 - 0.25 * shadow)[..., None]
