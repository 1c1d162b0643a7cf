"""The range of videos that a detector was trained on, and warnings about a video outside it.

A verdict on such a video depends on how well the detector generalises to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.errors import DataError
from common.preprocessing import Record

SHARE = 0.98  # of the training videos that lie within each range


@dataclass(frozen=True)
class TrainingRange(Record):
    """The range of three manifest columns in training; empty if a column has no known values."""

    codec: tuple[str, ...] = ()  # all codecs
    bits_per_pixel: tuple[float, ...] = ()  # (low, high)
    face_px: tuple[float, ...] = ()  # (low, high), longer side of the face box in pixels

    def __post_init__(self) -> None:
        """Raise DataError for values that no training manifest could have given."""
        ranges = (self.bits_per_pixel, self.face_px)
        if not all(isinstance(name, str) for name in self.codec) or not all(
            len(ends) in (0, 2) and all(isinstance(end, int | float) for end in ends)
            for ends in ranges
        ):
            raise DataError("its training range is damaged or was written by another version")

    def excludes(self, codec: str, bits: float, sides: list[float]) -> bool:
        """Return whether a video is outside the range; the arguments are those of `warnings`."""
        return any(True for _ in self.warnings(codec, bits, sides))

    def warnings(self, codec: str, bits: float, sides: list[float]) -> Iterator[str]:
        """Yield a warning for each property of a video that is outside the range: its codec (empty
        if unknown), its bits per pixel (0 if unknown), and the sides of its faces in pixels."""
        if self.codec and codec and codec not in self.codec:
            yield f"codec {codec}, trained on {', '.join(self.codec)}"
        if bits and _is_outside(bits, self.bits_per_pixel):
            low, high = self.bits_per_pixel
            yield f"{bits:.2g} bits per pixel, trained on {low:.2g} to {high:.2g}"
        outside = [side for side in sides if _is_outside(side, self.face_px)]
        if outside:
            low, high = self.face_px
            sizes = " and ".join(f"{side:.0f}" for side in sorted({min(outside), max(outside)}))
            yield f"faces of {sizes} pixels, trained on {low:.0f} to {high:.0f}"


def fit_training_range(tracks: pd.DataFrame) -> TrainingRange:
    """Return the training range of `tracks`, the training rows of a manifest that have crops; with
    a column `collection`, the range that covers those of all collections. The codec and the bits of
    single pictures say nothing about those of videos."""
    videos = tracks[tracks["frames"] > 1].drop_duplicates("video_id")
    return TrainingRange(
        tuple(sorted(set(videos["codec"]) - {""})),
        _range(videos, "bits_per_pixel"),
        _range(tracks, "face_px"),
    )


def _range(rows: pd.DataFrame, column: str) -> tuple[float, ...]:
    known = rows[rows[column] > 0]  # 0: unknown
    if known.empty:
        return ()
    # The ends are values that occur, not interpolated ones, so that few videos all lie inside.
    parts = known.groupby("collection") if "collection" in known else [("", known)]
    lows = [np.quantile(part[column], (1 - SHARE) / 2, method="lower") for _, part in parts]
    highs = [np.quantile(part[column], (1 + SHARE) / 2, method="higher") for _, part in parts]
    return float(min(lows)), float(max(highs))


def _is_outside(value: float, ends: tuple[float, ...]) -> bool:
    return bool(ends) and not ends[0] <= value <= ends[1]
