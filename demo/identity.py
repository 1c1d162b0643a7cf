"""The traits of one person, drawn at random and independent of any label.

Lengths are in head units: the top of the skull is at y = -1, the chin at y = +1, the eyes near y =
0. Colours are RGB in [0, 1].
"""

from dataclasses import dataclass

import numpy as np

# From very light to very dark skin; a person's tone is interpolated between two neighbours.
SKIN_TONES = np.array(
    [
        (0.96, 0.82, 0.74),
        (0.91, 0.73, 0.62),
        (0.82, 0.62, 0.48),
        (0.70, 0.49, 0.36),
        (0.55, 0.36, 0.26),
        (0.40, 0.26, 0.19),
    ]
)
HAIR_COLOURS = np.array(
    [
        (0.07, 0.06, 0.06),
        (0.16, 0.10, 0.07),
        (0.30, 0.19, 0.12),
        (0.46, 0.28, 0.15),
        (0.68, 0.53, 0.32),
        (0.55, 0.54, 0.53),
        (0.48, 0.21, 0.11),
    ]
)
IRIS_COLOURS = np.array(
    [(0.20, 0.11, 0.06), (0.32, 0.20, 0.10), (0.28, 0.36, 0.22), (0.30, 0.44, 0.56)]
)
HAIR_STYLES = ("short", "short", "parted", "fringe", "long", "long", "curly", "bald")


@dataclass(frozen=True)
class Identity:
    """One person. ``texture_seed`` determines pores, strands and freckles."""

    skin: np.ndarray  # (3,)
    hair: np.ndarray  # (3,)
    iris: np.ndarray  # (3,)
    lips: np.ndarray  # (3,)
    shirt: np.ndarray  # (3,)
    hair_style: str
    half_width: float
    jaw_power: float
    jaw_taper: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_height: float
    brow_y: float
    brow_arch: float
    brow_thickness: float
    nose_width: float
    nose_base: float
    nose_relief: float
    mouth_y: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    hairline: float
    hair_volume: float
    parting: float
    beard: float
    freckles: float
    glasses: bool
    texture_seed: int


def draw_identity(rng: np.random.Generator) -> Identity:
    """Draw a person; the same state of ``rng`` gives the same person."""
    skin = _draw_skin(rng)
    reddish = np.clip(skin * np.array([0.92, 0.58, 0.56]), 0, 1)
    return Identity(
        skin=skin,
        hair=np.clip(HAIR_COLOURS[rng.integers(len(HAIR_COLOURS))] * rng.uniform(0.8, 1.2), 0, 1),
        iris=IRIS_COLOURS[rng.integers(len(IRIS_COLOURS))] * rng.uniform(0.8, 1.2),
        lips=np.clip(reddish * rng.uniform(0.70, 0.95), 0, 1),
        shirt=np.clip(rng.uniform(0.08, 0.8) * rng.uniform(0.6, 1.4, 3), 0, 1),
        hair_style=str(rng.choice(HAIR_STYLES)),
        half_width=rng.uniform(0.71, 0.80),
        jaw_power=rng.uniform(2.2, 3.2),
        jaw_taper=rng.uniform(0.08, 0.28),
        eye_x=rng.uniform(0.275, 0.32),
        eye_y=rng.uniform(-0.02, 0.03),
        eye_width=rng.uniform(0.145, 0.168),
        eye_height=rng.uniform(0.056, 0.078),
        brow_y=rng.uniform(-0.20, -0.16),
        brow_arch=rng.uniform(0.01, 0.07),
        brow_thickness=rng.uniform(0.028, 0.048),
        nose_width=rng.uniform(0.095, 0.145),
        nose_base=rng.uniform(0.36, 0.42),
        nose_relief=rng.uniform(0.8, 1.3),
        mouth_y=rng.uniform(0.60, 0.66),
        mouth_width=rng.uniform(0.20, 0.27),
        upper_lip=rng.uniform(0.042, 0.072),
        lower_lip=rng.uniform(0.06, 0.095),
        hairline=rng.uniform(-0.72, -0.55),
        hair_volume=rng.uniform(0.05, 0.16),
        parting=rng.uniform(-0.35, 0.35),
        beard=float(rng.uniform(0.35, 0.9) if rng.random() < 0.25 else 0.0),
        freckles=float(rng.uniform(0.3, 1.0) if rng.random() < 0.2 else 0.0),
        glasses=bool(rng.random() < 0.15),
        texture_seed=int(rng.integers(2**31)),
    )


def _draw_skin(rng: np.random.Generator) -> np.ndarray:
    position = rng.uniform(0, len(SKIN_TONES) - 1)
    lower = min(int(position), len(SKIN_TONES) - 2)
    tone = SKIN_TONES[lower] + (position - lower) * (SKIN_TONES[lower + 1] - SKIN_TONES[lower])
    return np.clip(tone * rng.uniform(0.96, 1.04, 3), 0, 1)
