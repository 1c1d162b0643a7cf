"""Reads augmentation steps from a YAML file (--augmentation FILE.yaml).

A list of steps, each with its name, its probability, and the range of each argument:

    - {step: flip, probability: 0.5}
    - {step: warp, probability: 1, degrees: [-30, 30], zoom: [0.7, 1.3]}

Steps and arguments are those of datasets/augmentations.py; arguments that are left out change
nothing.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from common import foreign
from common.errors import DataError
from common.registry import suggest
from datasets import augmentations, recompression
from datasets.augmentations import ANYWHERE, STRENGTHS, Step

STEPS: dict[str, Callable[..., np.ndarray]] = {
    "flip": augmentations.flip,
    "flip_vertically": augmentations.flip_vertically,
    "crop": augmentations.crop,
    "warp": augmentations.warp,
    "colour": augmentations.colour,
    "grey": augmentations.grey,
    "blur": augmentations.blur,
    "noise": augmentations.noise,
    "video": recompression.video,
    "jpeg": recompression.jpeg,
    "erase": augmentations.erase,
}
# Ranges of the arguments that a step may leave out.
NEUTRAL: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("degrees", "shear", "right", "down", "hue"), (0.0, 0.0)),
    **dict.fromkeys(("zoom", "brightness", "contrast", "saturation", "ratio"), (1.0, 1.0)),
    **ANYWHERE,
}
# What the arguments may be at most and at least. Those in WHOLE are integers.
LIMITS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("degrees", "shear"), (-180, 180)),
    **dict.fromkeys(("right", "down", "hue"), (-1, 1)),
    **dict.fromkeys(("zoom", "ratio"), (0.1, 10)),
    **dict.fromkeys(("brightness", "contrast", "saturation"), (0, 10)),
    **dict.fromkeys(("x", "y"), (0, 1)),
    **dict.fromkeys(("area", "scale"), (0.01, 1)),
    "sigma": (0.01, 100),
    "crf": (0, 51),
    "quality": (1, 100),
    "every": (1, 32),
}
WHOLE = ("crf", "quality", "every")
MAX_STEPS = 32


def steps(name: str) -> list[Step]:
    """Return the steps of a name in augmentations.STRENGTHS, or those in the YAML file `name`.
    Raise DataError if the file cannot be read, or has no such steps."""
    if name in STRENGTHS:
        return STRENGTHS[name]
    values = foreign.read_yaml(Path(name))
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_STEPS:
        raise DataError(f"{name}: not a list of 1 to {MAX_STEPS} augmentation steps")
    return [_step(value, f"{name}, step {number}") for number, value in enumerate(values, 1)]


def _step(value: Any, name: str) -> Step:
    """Return the step that `value` describes; `name` is for messages."""
    asked = str(value.get("step") if isinstance(value, dict) else value)
    if not isinstance(value, dict) or asked not in STEPS:
        raise DataError(
            f"{name}: no augmentation step {asked!r}: choose from {', '.join(STEPS)}"
            f"{suggest(asked, STEPS)}"
        )
    change = STEPS[asked]
    probability = value.get("probability", 1)
    if not _is_number(probability) or not 0 <= probability <= 1:
        raise DataError(f"{name}: probability must be a number from 0 to 1")
    arguments = list(inspect.signature(change).parameters)[1:]
    given = {key: ends for key, ends in value.items() if key not in ("step", "probability")}
    if unknown := [key for key in given if key not in arguments]:
        raise DataError(
            f"{name}: {asked} has no argument {unknown[0]!r}, but {', '.join(arguments) or 'none'}"
        )
    ranges: dict[str, Any] = {key: given.get(key, NEUTRAL.get(key)) for key in arguments}
    for key, ends in ranges.items():
        if not _is_range(ends, *LIMITS[key], whole=key in WHOLE):
            low, high = LIMITS[key]
            kind = "integers" if key in WHOLE else "numbers"
            raise DataError(
                f"{name}: give {key} as [lowest, highest], two {kind} from {low} to {high}"
            )
    # Two integers would draw integers.
    drawn = {k: (a, b) if k in WHOLE else (float(a), float(b)) for k, (a, b) in ranges.items()}
    return float(probability), change, drawn


def _is_range(ends: Any, low: float, high: float, whole: bool) -> bool:
    if not isinstance(ends, list | tuple) or len(ends) != 2 or not all(map(_is_number, ends)):
        return False
    if whole and not all(isinstance(end, int) for end in ends):
        return False
    return low <= ends[0] <= ends[1] <= high


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
