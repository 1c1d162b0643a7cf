"""Traits of a video that are visible without a model: for groups, and for the baseline that must
not be able to detect fakes by them."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from common import crop_files
from common.errors import DataError
from datasets import clips, manifest

# Column → edges between its groups; None: thirds.
NUMERIC: dict[str, list[float] | None] = {
    "short_side": [480, 720, 1080],  # of a frame, in pixels
    "face_px": [64, 128, 256],  # longer side of a face's box, in pixels of the video
    "people": [2],
    "brightness": None,  # of the crops, in [0, 1]
    "bits_per_pixel": None,  # of the file: low after strong compression of the video
    "crop_bytes": None,  # of a JPEG crop: low if little detail is left
}

MANY = 12  # a column with more different numbers is grouped by thirds, not by value


def measure_traits(data: manifest.Manifest, split: str) -> pd.DataFrame:
    """Return the columns of NUMERIC, indexed by video_id; the mean over a video's people. Values
    that the manifest does not have, and values of faces in a video without one, are NaN. Raise
    DataError for crops that cannot be read."""
    tracks = data.tracks(split)
    per_track = pd.DataFrame(
        [_measure_track(data.folder, row) for _, row in tracks.iterrows()],
        columns=["brightness", "crop_bytes"],
        index=tracks["video_id"],
    )
    from_manifest = ["face_px", "bits_per_pixel"]
    per_track[from_manifest] = tracks[from_manifest].replace(0.0, np.nan).to_numpy()
    per_video = per_track.groupby(level=0).mean()
    per_video["people"] = tracks.groupby("video_id").size()
    videos = data.split(split).drop_duplicates("video_id").set_index("video_id")
    sides = videos[["width", "height"]].min(axis=1)
    per_video = per_video.reindex(videos.index).assign(short_side=sides.where(sides > 0))
    return per_video[list(NUMERIC)]


def _measure_track(folder: Path, row: pd.Series) -> tuple[float, int]:
    """Return brightness and JPEG size of a track's middle crop."""
    jpeg = crop_files.read_middle(folder, row["crops"], row["frames"])
    try:
        crop = clips.decode([jpeg])
    except ValueError as error:
        raise DataError(f"{row['crops']} in {folder}: {error}") from error
    return float(crop.float().mean()) / 255, len(jpeg)


def groups(values: pd.Series) -> pd.Categorical:
    """Return the group of each value of a column, in order, NaN for a missing value: by the edges
    in NUMERIC, other numbers by thirds if there are many, text by value."""
    edges = NUMERIC.get(str(values.name))
    if not pd.api.types.is_numeric_dtype(values):  # as all further columns of a manifest
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers[values != ""].notna().all() and numbers.nunique() > MANY:
            values = numbers
    if pd.api.types.is_numeric_dtype(values):
        values = values.where(np.isfinite(values))
    if edges is None and (not pd.api.types.is_numeric_dtype(values) or values.nunique() <= 3):
        return pd.Categorical(values.where(values != ""))
    if edges is None:
        edges = sorted(set(np.nanquantile(values, [1 / 3, 2 / 3])))
    names = [
        f"below {_format_edge(edges[0])}",
        *(f"{_format_edge(low)} to below {_format_edge(high)}" for low, high in pairwise(edges)),
        f"{_format_edge(edges[-1])} and more",
    ]
    positions = np.searchsorted(edges, values, side="right")
    return pd.Categorical.from_codes(np.where(values.notna(), positions, -1), names)


def _format_edge(edge: float) -> str:
    return f"{edge:.0f}" if edge >= 100 else f"{edge:.3g}"
