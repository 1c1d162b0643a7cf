"""Draws the head of an identity once, as layers that the animation warps.

The face is a height field lit from one side, because a detector trained on photographs looks for
that shading and misses flat drawings. Edges are anti-aliased from implicit functions.

Canvas: H = 288, W = 256 pixels, ``PIXELS_PER_UNIT`` pixels per head unit, origin at its centre.
Images are float32 RGB in [0, 1]; a layer is (H, W, 4) with colour premultiplied by alpha.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from demo import features
from demo.features import blob, cover, noise, paint, ramp
from demo.identity import Identity

HEIGHT, WIDTH = 288, 256
CENTRE = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
PIXELS_PER_UNIT = 96
EYE_STATES = 5  # closed … open
MOUTH_STATES = 6  # closed … wide open
EYE_ROWS = slice(115, 172)
MOUTH_ROWS = slice(185, 248)
AMBIENT, DIFFUSE, RELIEF = 0.42, 0.74, 0.72

_ROWS, _COLUMNS = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
X = (_COLUMNS - CENTRE[0]) / PIXELS_PER_UNIT
Y = (_ROWS - CENTRE[1]) / PIXELS_PER_UNIT


@dataclass(frozen=True)
class Head:
    """The layers of one head under one light."""

    base: np.ndarray  # (H, W, 4)
    eyes: np.ndarray  # (EYE_STATES, rows, W, 4)
    mouths: np.ndarray  # (MOUTH_STATES, rows, W, 4)

    def expression(self, eyes_open: float, mouth_open: float) -> np.ndarray:
        """Return the head, (H, W, 4), with eyes and mouth opened by amounts in [0, 1]."""
        head = self.base.copy()
        head[EYE_ROWS] = _between(self.eyes, eyes_open)
        head[MOUTH_ROWS] = _between(self.mouths, mouth_open)
        return head


def inner_face_depth() -> np.ndarray:
    """Return (H, W) float32: distance in head units to the edge of the inner face, positive inside.

    The inner face reaches from above the brows to below the lips: the region that a face swap
    replaces.
    """
    radius = np.sqrt((X / 0.53) ** 2 + (np.abs(Y - 0.25) / 0.60) ** 2)
    return (0.56 * (1 - radius)).astype(np.float32)


def offset_weight() -> np.ndarray:
    """Return (H, W) float32 in [0, 1]: the share of an offset of the inner face that a pixel
    follows.

    Flat over the features and zero at the outline, so that a shift leaves no visible edge.
    """
    radius = (X / 0.60) ** 2 + ((Y - 0.22) / 0.72) ** 2
    return np.exp(-0.9 * radius**2).astype(np.float32)


def draw_head(person: Identity, light: np.ndarray) -> Head:
    """Draw all layers of ``person``, lit from the direction ``light``, a unit vector (3,)."""
    rng = np.random.default_rng(person.texture_seed)
    outline = _outline(person)
    skin = _skin(person, outline, light, rng)
    canvas = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    features.hair_behind(canvas, X, Y, person, rng)
    features.ears(canvas, X, Y, person, light)
    paint(canvas, skin, cover(outline))
    if person.beard:
        features.beard(canvas, X, Y, person, cover(outline + 0.03), rng)
    features.brows(canvas, X, Y, person, rng)
    features.nostrils(canvas, X, Y, person)
    features.hair_in_front(canvas, X, Y, person, rng)
    eyes = []
    for amount in np.linspace(0, 1, EYE_STATES):
        band = canvas[EYE_ROWS].copy()
        features.eyes(band, X[EYE_ROWS], Y[EYE_ROWS], person, light, amount)
        eyes.append(band)
    mouths = []
    for amount in np.linspace(0, 1, MOUTH_STATES):
        band = canvas[MOUTH_ROWS].copy()
        features.mouth(band, X[MOUTH_ROWS], Y[MOUTH_ROWS], person, amount)
        mouths.append(band)
    return Head(canvas, np.stack(eyes), np.stack(mouths))


def _between(states: np.ndarray, amount: float) -> np.ndarray:
    """Interpolate between drawn states of the eyes or the mouth; ``amount`` in [0, 1]."""
    position = float(np.clip(amount, 0, 1)) * (len(states) - 1)
    lower = min(int(position), len(states) - 2)
    return cv2.addWeighted(
        states[lower], 1 - (position - lower), states[lower + 1], position - lower, 0
    )


def _outline(person: Identity) -> np.ndarray:
    """Return the implicit outline of the face, negative inside: a round skull and a tapered jaw."""
    below = np.clip(Y, 0, None)
    width = person.half_width * (1 - person.jaw_taper * np.clip(below, 0, 1))
    vertical = np.where(Y < 0, Y**2, below**person.jaw_power)
    return (X / width) ** 2 + vertical - 1


def _height(person: Identity, outline: np.ndarray) -> np.ndarray:
    """Return the relief of the face in head units: an egg with nose, sockets, cheeks, lips and
    chin."""
    ex, base, width = person.eye_x, person.nose_base, person.nose_width
    height = RELIEF * np.sqrt(np.clip(-outline, 0, 1))
    ridge = np.exp(-((X / 0.07) ** 2)) * ramp(-0.18, base, Y) * (1 - ramp(base, base + 0.07, Y))
    nose = 0.13 * ridge + 0.11 * blob(X, Y, 0, base - 0.04, 0.075, 0.07)
    for side in (-1, 1):
        nose += 0.055 * blob(X, Y, side * width * 0.85, base - 0.01, 0.04, 0.045)
        height -= 0.085 * blob(X, Y, side * (ex - 0.03), person.eye_y - 0.02, 0.13, 0.085)
        height += 0.045 * blob(X, Y, side * ex, person.brow_y, 0.16, 0.05)
        height += 0.055 * blob(X, Y, side * 0.40, 0.27, 0.15, 0.13)
        height += 0.035 * blob(X, Y, side * ex, person.eye_y + 0.005, 0.10, 0.055)
    height += person.nose_relief * nose
    height += 0.05 * blob(X, Y, 0, person.mouth_y, 0.20, 0.13)
    height -= 0.03 * blob(X, Y, 0, person.mouth_y + 0.14, 0.13, 0.03)
    height += 0.05 * blob(X, Y, 0, 0.88, 0.13, 0.09)
    return height


def _skin(
    person: Identity, outline: np.ndarray, light: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return (H, W, 3): the lit skin of the whole face, before features are painted on it."""
    down, across = np.gradient(_height(person, outline), 1 / PIXELS_PER_UNIT)
    facing = (light[2] - across * light[0] - down * light[1]) / np.sqrt(across**2 + down**2 + 1)
    shade = AMBIENT + DIFFUSE * np.clip(facing, 0, None)
    shade *= 1 + 0.035 * noise(rng, X.shape, 1.0) + 0.02 * noise(rng, X.shape, 3.0)
    shade *= 1 - 0.30 * blob(X, Y, -0.10 * light[0], person.nose_base + 0.09, 0.10, 0.04)
    shade *= 1 - 0.22 * blob(X, Y, 0, person.mouth_y + 0.13, 0.13, 0.03)
    flush = 0.7 * blob(X, Y, 0, person.nose_base - 0.04, 0.10, 0.08)
    for side in (-1, 1):
        shade *= 1 - 0.24 * blob(X, Y, side * (person.eye_x - 0.04), person.eye_y, 0.13, 0.075)
        fold = X * side - 0.16 - 0.28 * (Y - person.nose_base)
        along = blob(0, Y, 0, person.nose_base + 0.10, 1, 0.08)
        shade *= 1 - 0.14 * np.exp(-((fold / 0.022) ** 2)) * along
        flush += blob(X, Y, side * 0.40, 0.28, 0.14, 0.12)
    flush += 0.4 * noise(rng, X.shape, 9.0)
    skin = person.skin * shade[..., None] * (1 + flush[..., None] * [0.04, -0.06, -0.05])
    spots = np.clip(noise(rng, X.shape, 1.2) - 1.3, 0, 1) * person.freckles
    skin *= 1 - spots[..., None] * [0.25, 0.38, 0.45]
    gloss = np.clip(facing, 0, 1) ** 24 * 0.10
    return np.clip(skin + gloss[..., None], 0, 1).astype(np.float32)
