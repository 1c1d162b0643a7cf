"""Hides one part of the face in all frames of a clip, as an augmentation (Das et al. 2021).

A detector trained on such clips cannot depend on a single trace. Shapes: T frames, C channels,
S side of a crop. Points are eyes, nose and mouth corners (datasets/landmarks.py).
"""

import math

import cv2
import numpy as np
import torch

# For each part: the landmarks whose mean is its centre, and its half width and half height in units
# of the distance between the eyes.
PARTS: tuple[tuple[tuple[int, ...], float, float], ...] = (
    ((0,), 0.4, 0.3),  # one eye
    ((1,), 0.4, 0.3),
    ((0, 1), 0.95, 0.35),  # both eyes
    ((2,), 0.35, 0.4),  # the nose
    ((3, 4), 0.6, 0.35),  # the mouth
)
GREY = 127
MIN_EYE_DISTANCE = 0.1  # share of the crop's side; in profile the eyes appear close together


def cut_out(clip: torch.Tensor, points: np.ndarray) -> torch.Tensor:
    """Return a copy of a clip (T, C, S, S) uint8 with one part of the face covered by a grey
    ellipse in all frames. `points` (T, 5, 2) are landmarks as x, y in pixels of the crops. The part
    and its size are drawn from torch's global generator."""
    points_of_part, width, height = PARTS[int(torch.randint(len(PARTS), ()))]
    size = 0.8 + 0.4 * float(torch.rand(()))
    frames = np.ascontiguousarray(clip.permute(0, 2, 3, 1).numpy()).copy()  # (T, S, S, C)
    for frame, face in zip(frames, points, strict=True):
        across = face[1] - face[0]
        unit = size * max(float(np.hypot(*across)), MIN_EYE_DISTANCE * len(frame))
        cv2.ellipse(
            frame,
            np.rint(face[list(points_of_part)].mean(axis=0)).astype(int).tolist(),
            (round(width * unit), round(height * unit)),
            math.degrees(math.atan2(across[1], across[0])),
            0,
            360,
            (GREY,) * 3,
            thickness=cv2.FILLED,
        )
    return torch.from_numpy(frames).permute(0, 3, 1, 2)
