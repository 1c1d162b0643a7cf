"""What a detector has been trained on, and what of a clip lies outside it: a verdict on such a clip
is a guess at how well the detector carries over."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.errors import DataError
from common.preprocessing import Record

SHARE = 0.98  # of the training videos that lie within a range


@dataclass(frozen=True)
class Familiar(Record):
    """Codecs, and ranges from low to high, as the manifest's columns of these names; empty where
    the training manifest did not tell."""

    codec: tuple[str, ...] = ()
    bits_per_pixel: tuple[float, ...] = ()
    face_px: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise DataError for what nobody could have trained on."""
        ranges = (self.bits_per_pixel, self.face_px)
        if not all(isinstance(name, str) for name in self.codec) or not all(
            len(found) in (0, 2) and all(isinstance(n, int | float) for n in found)
            for found in ranges
        ):
            raise DataError("what it was trained on is damaged or of another version")

    def warnings(self, codec: str, bits: float, sides: list[float]) -> Iterator[str]:
        """In words, what of a clip is outside: its codec and its bits per pixel, empty and 0 where
        not known, and the sides of its faces in pixels."""
        if self.codec and codec and codec not in self.codec:
            yield f"codec {codec}, trained on {', '.join(self.codec)}"
        if bits and _outside(bits, self.bits_per_pixel):
            low, high = self.bits_per_pixel
            yield f"{bits:.2g} bits per pixel, trained on {low:.2g} to {high:.2g}"
        odd = [side for side in sides if _outside(side, self.face_px)]
        if odd:
            low, high = self.face_px
            found = " and ".join(f"{side:.0f}" for side in sorted({min(odd), max(odd)}))
            yield f"faces of {found} pixels, trained on {low:.0f} to {high:.0f}"


def of_training(tracks: pd.DataFrame) -> Familiar:
    """From the training rows of a manifest that have crops."""
    videos = tracks.drop_duplicates("video_id")
    return Familiar(
        tuple(sorted(set(videos["codec"]) - {""})),
        _range(videos["bits_per_pixel"]),
        _range(tracks["face_px"]),
    )


def _range(values: pd.Series) -> tuple[float, ...]:
    known = values[values > 0]
    if known.empty:
        return ()
    # Values of training, not between two: of a few videos none is to lie outside.
    low = np.quantile(known, (1 - SHARE) / 2, method="lower")
    return float(low), float(np.quantile(known, (1 + SHARE) / 2, method="higher"))


def _outside(value: float, found: tuple[float, ...]) -> bool:
    return bool(found) and not found[0] <= value <= found[1]
