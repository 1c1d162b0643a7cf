"""Traits of videos that need no model, such as size and brightness. They define the groups that are
measured separately, and they are the features of the trivial baseline."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from common import crop_files
from common.errors import DataError
from datasets import clips, manifest

# Trait → edges between its groups; None: thirds of about equal size.
NUMERIC: dict[str, list[float] | None] = {
    "short_side": [480, 720, 1080],  # of a frame, in pixels
    "face_px": [64, 128, 256],  # longer side of the face box, in pixels of the video
    "people": [2],
    "brightness": None,  # of the crops, in [0, 1]
    "bits_per_pixel": None,  # of the file: low after strong compression of the video
    "crop_bytes": None,  # of a JPEG crop: low if little detail is left
}

MANY = 12  # a text column with more distinct numbers is grouped by thirds, not by value


def measure_traits(data: manifest.Manifest, split: str) -> pd.DataFrame:
    """Return the traits in NUMERIC of every video of the split, one column each, indexed by
    video_id. Traits of a face are means over the people in the video. A trait that is unknown, or
    that needs a face where there is none, is NaN. Raise DataError if a crop cannot be read."""
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
    """Return the mean brightness, in [0, 1], and the size in bytes of a track's middle crop."""
    jpeg = crop_files.read_middle(folder, row["crops"], row["frames"])
    try:
        crop = clips.decode([jpeg])
    except ValueError as error:
        raise DataError(f"{row['crops']} in {folder}: {error}") from error
    return float(crop.float().mean()) / 255, len(jpeg)


def groups(values: pd.Series) -> pd.Categorical:
    """Return the group of each value in a column; a missing value is in no group (NaN).

    Traits with edges in NUMERIC are grouped by these. Other numbers are grouped by thirds, or by
    value if at most 3 are distinct. Text is grouped by value, or by thirds if it consists of more
    than MANY distinct numbers. Categories are in ascending order.
    """
    edges = NUMERIC.get(str(values.name))
    if not pd.api.types.is_numeric_dtype(values):  # additional columns of a manifest are text
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
