"""Landmarks of a track in pixels of its crops: eyes, nose and mouth corners."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common import crop_files
from common.preprocessing import FaceConfig, crop_square

POINTS = 5  # eyes, nose, mouth corners
# Average positions found by MTCNN, relative to the box's centre, as shares of its longer side.
TYPICAL = np.array([[-0.17, -0.115], [0.17, -0.115], [0, 0.06], [-0.135, 0.265], [0.135, 0.265]])
NOT_FOUND = [[np.nan, np.nan]] * POINTS
SPANS = (0.1, 2.0)  # smallest and largest plausible extent of a face's points, in sides of the crop


def track_landmarks(folder: Path, row: Mapping[str, Any], faces: FaceConfig) -> np.ndarray:
    """Return a track's landmarks (T, 5, 2) float as x, y in pixels of its crops, where whole
    numbers are pixel centres. Where none were found, return those of a typical face; in all frames
    if those that were found are implausible.

    `row` is the track's manifest row, `folder` is the manifest's folder, and `faces` are the
    settings that the crops were made with. Raise DataError if a URL cannot be read.
    """
    record = crop_files.read_record(folder, row["crops"]) or {}
    typical = typical_landmarks(row["frames"], faces)
    try:
        boxes = np.asarray(record["boxes"], np.float64).reshape(row["frames"], 4)
        stored = [points or NOT_FOUND for points in record["landmarks"]]
        points = np.asarray(stored, np.float64).reshape(row["frames"], POINTS, 2)
        points = to_crop_pixels(points, boxes, faces)
    except (KeyError, TypeError, ValueError, OverflowError):
        return typical
    found = ~np.isnan(points).any(axis=(1, 2), keepdims=True)
    points = np.where(found, points, typical)
    return points if _is_face(points, faces.face_size) else typical


def to_crop_pixels(points: np.ndarray, boxes: np.ndarray, faces: FaceConfig) -> np.ndarray:
    """Convert points (T, 5, 2) from pixels of the video's frames to pixels of the crops that were
    cut around `boxes` (T, 4)."""
    squares = np.array([crop_square(box, faces.box_margin) for box in boxes], np.float64)
    corners, sides = squares[:, None, :2], squares[:, None, 2:]
    return (points - corners + 0.5) * (faces.face_size / sides) - 0.5


def typical_landmarks(frames: int, faces: FaceConfig) -> np.ndarray:
    """Return the landmarks (frames, 5, 2) of a typical face, the same for every frame, in pixels of
    a crop with the face box in its middle."""
    points = 0.5 + TYPICAL / (1 + 2 * faces.margin)
    return np.repeat(points[None] * faces.face_size - 0.5, frames, axis=0)


def _is_face(points: np.ndarray, size: int) -> bool:
    """Return whether the points (T, 5, 2) are plausible in every frame: their mean lies in the
    crop, and their extent is within SPANS. NaN gives False."""
    centres = points.mean(axis=1) / size
    spans = np.ptp(points, axis=1).max(axis=1) / size
    inside = (centres >= 0) & (centres <= 1)
    return bool(inside.all() and ((spans >= SPANS[0]) & (spans <= SPANS[1])).all())
