"""Where a track's eyes, nose and mouth are in its crops."""

from pathlib import Path

import numpy as np
import pandas as pd

from common import crop_files
from common.preprocessing import FaceConfig, square

POINTS = 5  # eyes, nose, mouth corners
# Where MTCNN sees them on average, from the middle of its box, in shares of the box's longer side.
TYPICAL = np.array([[-0.17, -0.115], [0.17, -0.115], [0, 0.06], [-0.135, 0.265], [0.135, 0.265]])
SPANS = (0.1, 2.0)  # of a face's points, in shares of the crop's side


def of_track(folder: Path, row: pd.Series, faces: FaceConfig) -> np.ndarray:
    """(frames, 5, 2) float: x, y in pixels of the crops of a manifest's `row`; a pixel's middle has
    whole numbers. Where nothing usable was written down, the places of a typical face.

    `folder` is the manifest's, `faces` what made its crops. Raise DataError when a URL fails.
    """
    record = crop_files.read_record(folder, row["crops"])
    try:
        boxes = np.asarray(record["boxes"], float).reshape(row["frames"], 4)
        points = np.asarray(record["landmarks"], float).reshape(row["frames"], POINTS, 2)
        points = in_crop(points, boxes, faces)
    except (KeyError, TypeError, ValueError, OverflowError):
        return typical(row["frames"], faces)
    return points if _is_face(points, faces.face_size) else typical(row["frames"], faces)


def in_crop(points: np.ndarray, boxes: np.ndarray, faces: FaceConfig) -> np.ndarray:
    """(T, 5, 2) pixels of frames → pixels of the crops that were cut around `boxes` (T, 4)."""
    squares = np.array([square(box, faces.margin) for box in boxes], float)
    corners, sides = squares[:, None, :2], squares[:, None, 2:]
    return (points - corners + 0.5) * (faces.face_size / sides) - 0.5


def typical(frames: int, faces: FaceConfig) -> np.ndarray:
    """(frames, 5, 2): a box is in the middle of its crop, with a margin on every side."""
    points = 0.5 + TYPICAL / (1 + 2 * faces.margin)
    return np.repeat(points[None] * faces.face_size - 0.5, frames, axis=0)


def _is_face(points: np.ndarray, size: int) -> bool:
    """Whether every frame's points (T, 5, 2) are around some place in the crop, neither all at one
    nor far apart. Comparisons with NaN are false."""
    middles = points.mean(axis=1) / size
    spans = np.ptp(points, axis=1).max(axis=1) / size
    inside = (middles >= 0) & (middles <= 1)
    return bool(inside.all() and ((spans >= SPANS[0]) & (spans <= SPANS[1])).all())
