"""Pictures that are face crops already: measures their margin, or warns if they are cut again."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pandas as pd

from common import crop_files
from common.errors import DataError
from common.preprocessing import FaceConfig
from faces.crop import MAX_OUTSIDE


def measure(table: pd.DataFrame, folder: Path) -> float:
    """Return the median margin around the faces that MTCNN found in the crops of a manifest's
    rows, and print it. `folder` is the manifest's. Raise DataError if it found none."""
    crops = 0
    margins: list[float] = []
    for row in table[table["status"] == "ok"].itertuples():
        record = crop_files.read_record(folder, row.crops) or {}
        crops += row.frames
        margins += [margin for margin in record.get("margins", []) if margin is not None]
    if crops and not margins:
        raise DataError(
            f"no face was found in any of {crops} pictures, so their margin is unknown: if they "
            "show no faces, use --faces whole with another --output"
        )
    margin = round(median(margins), 3) if margins else 0.0
    print(f"margin around faces: {margin:g}, measured in {len(margins)} of {crops} pictures")
    return margin


def warnings(table: pd.DataFrame, faces: FaceConfig) -> Iterator[str]:
    """Yield a warning if crops of a manifest's rows, made with the settings `faces`, are larger
    than the pictures that they were cut from."""
    tracks = table[table["status"] == "ok"]
    areas = (tracks["face_px"] * (1 + 2 * faces.margin)) ** 2
    outside = int((tracks["width"] * tracks["height"] < (1 - MAX_OUTSIDE) * areas).sum())
    if faces.mode == "detect" and outside:
        yield (
            f"most of the crop is outside the picture for {outside} of {len(tracks)} faces: if the "
            "pictures are face crops, use --faces cropped with another --output"
        )
