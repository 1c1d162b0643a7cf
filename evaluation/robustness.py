"""Robustness: a detector's metrics on perturbed clips, as after publishing or disguising a video.

Seven perturbations with SEVERITIES severities each. The functions take and return frames
(T, H, W, 3) uint8 RGB.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch

from datasets import augmentations, recompression
from evaluation.measure import error_rates, with_intervals
from scoring.decision_rule import DecisionRule

SEVERITIES = 5
# Perturbations with a severity, after which a decision rule keeps its rates also outside the
# training range: as small faces are, and as platforms compress them.
OUTSIDE = (("down-scaling", 3), ("JPEG", 4), ("blur", 3))
SIDE = 224  # pixels; side of the crops that the amounts of blur are given for


def perturb(clip: torch.Tensor, name: str, severity: int) -> torch.Tensor:
    """Return a perturbed copy of `clip` (T, C, H, W) uint8. `name` is a key of PERTURBATIONS,
    `severity` is in 1 … SEVERITIES. Random numbers come from torch's global generator."""
    function, amounts = PERTURBATIONS[name]
    frames = clip.permute(0, 2, 3, 1).numpy()
    changed = function(frames, amounts[severity - 1])
    return torch.from_numpy(np.ascontiguousarray(changed)).permute(0, 3, 1, 2)


def all_changes() -> dict[tuple[str, int], Callable[[torch.Tensor], torch.Tensor]]:
    """Return (perturbation, severity) → a function that perturbs a clip, for all combinations."""
    return {
        (name, severity): partial(perturb, name=name, severity=severity)
        for name in PERTURBATIONS
        for severity in range(1, SEVERITIES + 1)
    }


def outside_changes() -> list[Callable[[torch.Tensor], torch.Tensor]]:
    """Return the changes of OUTSIDE, as functions of a clip."""
    return [partial(perturb, name=name, severity=severity) for name, severity in OUTSIDE]


def measure(
    judged: dict[tuple[str, int], pd.DataFrame], rule: DecisionRule, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Return perturbation → one entry per severity, with `severity`, AUC, false alarms and misses.
    `judged` maps (perturbation, severity) to the judged videos, scored after the perturbation."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for (name, severity), videos in judged.items():
        values = (videos[column].to_numpy() for column in ("label", "p_fake", "score"))
        labels, p_fake, scores = values
        rates = error_rates(labels, p_fake, scores >= rule.single_threshold)
        entry = {"severity": severity, **with_intervals(rates, videos, seed)}
        entries.setdefault(name, []).append(entry)
    return entries


def _jpeg(frames: np.ndarray, quality: float) -> np.ndarray:
    return recompression.jpeg(frames, int(quality))


def _video(frames: np.ndarray, crf: float) -> np.ndarray:
    return recompression.video(frames, int(crf), scale=1, every=1)


def _blur(frames: np.ndarray, sigma: float) -> np.ndarray:
    return augmentations.blur(frames, sigma * frames.shape[1] / SIDE)


def _noise(frames: np.ndarray, sigma: float) -> np.ndarray:
    """Add Gaussian noise that differs in every frame, as sensor noise does. `sigma` is in units of
    pixel values (0 to 255)."""
    changed = frames + sigma * torch.randn(frames.shape).numpy()
    return np.clip(changed, 0, 255).round().astype(np.uint8)


def _smaller(frames: np.ndarray, scale: float) -> np.ndarray:
    """Scale height and width by `scale` (below 1), and enlarge the result to the original size."""
    height, width = frames.shape[1:3]
    size = [max(1, round(side * scale)) for side in (width, height)]
    small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    return np.stack([cv2.resize(frame, (width, height)) for frame in small])


def _darker(frames: np.ndarray, factor: float) -> np.ndarray:
    return augmentations.colour(frames, brightness=factor, contrast=factor, saturation=1, hue=0)


def _occluded(frames: np.ndarray, area: float) -> np.ndarray:
    x, y = torch.rand(2).tolist()
    return augmentations.erase(frames, area, ratio=1, x=x, y=y)


PERTURBATIONS: dict[str, tuple[Callable[[np.ndarray, float], np.ndarray], tuple[float, ...]]] = {
    "JPEG": (_jpeg, (80, 60, 40, 25, 10)),  # quality
    "video recompression": (_video, (23, 28, 33, 38, 43)),  # CRF of H.264
    "blur": (_blur, (1, 2, 3, 5, 7)),  # standard deviation in pixels, for a crop side of SIDE
    "noise": (_noise, (3, 6, 10, 16, 25)),  # standard deviation of pixel values (0 to 255)
    "down-scaling": (_smaller, (0.75, 0.5, 0.35, 0.25, 0.15)),  # factor of height and width
    "less light and contrast": (_darker, (0.85, 0.7, 0.55, 0.4, 0.3)),  # factor of both
    "occlusion": (_occluded, (0.03, 0.06, 0.1, 0.2, 0.3)),  # share of the crop that is grey
}
