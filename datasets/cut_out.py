"""A part of the face hidden, wherever its landmarks go: a detector must not hang on one trace alone
(Das et al. 2021).

Shapes: T frames, C channels, S side of a crop. Points are eyes, nose, mouth corners
(datasets/landmarks.py).
"""

import math

import cv2
import numpy as np
import torch

# Whose middle a part is, and its half width and half height in distances between the eyes.
PARTS: tuple[tuple[tuple[int, ...], float, float], ...] = (
    ((0,), 0.4, 0.3),  # an eye
    ((1,), 0.4, 0.3),
    ((0, 1), 0.95, 0.35),  # both
    ((2,), 0.35, 0.4),  # the nose
    ((3, 4), 0.6, 0.35),  # the mouth
)
GREY = 127
NEAREST = 0.1  # eyes, in shares of the crop's side: from the side they stand close together


def cut_out(clip: torch.Tensor, points: np.ndarray) -> torch.Tensor:
    """(T, C, S, S) uint8, (T, 5, 2) x, y in its pixels → the same with a grey ellipse over one part
    in all frames. Draws from torch's generator which part and, a little, how large."""
    middle, width, height = PARTS[int(torch.randint(len(PARTS), ()))]
    size = 0.8 + 0.4 * float(torch.rand(()))
    frames = np.ascontiguousarray(clip.permute(0, 2, 3, 1).numpy()).copy()  # (T, S, S, C)
    for frame, face in zip(frames, points, strict=True):
        across = face[1] - face[0]
        unit = size * max(float(np.hypot(*across)), NEAREST * len(frame))
        cv2.ellipse(
            frame,
            np.rint(face[list(middle)].mean(axis=0)).astype(int).tolist(),
            (round(width * unit), round(height * unit)),
            math.degrees(math.atan2(across[1], across[0])),
            0,
            360,
            (GREY,) * 3,
            thickness=cv2.FILLED,
        )
    return torch.from_numpy(frames).permute(0, 3, 1, 2)
