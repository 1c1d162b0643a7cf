"""What is plain to see of a video before any model looks at it: for groups, and for the baseline
that must not be able to tell fakes by it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from common import crop_files
from common.errors import DataError
from datasets import clips, manifest

# Column → the edges between its groups; thirds where there are none.
NUMERIC: dict[str, list[float] | None] = {
    "short_side": [480, 720, 1080],  # of a frame, in pixels
    "face_px": [64, 128, 256],  # longer side of a face's box, in pixels of the video
    "people": [2],
    "brightness": None,  # of the crops, 0 to 1
    "bits_per_pixel": None,  # of the file: how much the video's compression left
    "crop_bytes": None,  # of a JPEG crop: how much detail compression left
}

MANY = 12  # different numbers, above which they are no names


def of_videos(data: manifest.Manifest, split: str) -> pd.DataFrame:
    """Columns of NUMERIC, indexed by video_id; of several people the mean. What a manifest does not
    tell, and what takes a face where there is none, is NaN. Raise DataError for crops that cannot
    be read."""
    tracks = data.tracks(split)
    seen = pd.DataFrame(
        [_of_track(data.folder, row) for _, row in tracks.iterrows()],
        columns=["brightness", "crop_bytes"],
        index=tracks["video_id"],
    )
    told = ["face_px", "bits_per_pixel"]
    seen[told] = tracks[told].replace(0.0, np.nan).to_numpy()
    found = seen.groupby(level=0).mean()
    found["people"] = tracks.groupby("video_id").size()
    videos = data.split(split).drop_duplicates("video_id").set_index("video_id")
    sides = videos[["width", "height"]].min(axis=1)
    found = found.reindex(videos.index).assign(short_side=sides.where(sides > 0))
    return found[list(NUMERIC)]


def _of_track(folder: Path, row: pd.Series) -> tuple[float, int]:
    jpeg = crop_files.read_middle(folder, row["crops"], row["frames"])
    try:
        crop = clips.decode([jpeg])
    except ValueError as error:
        raise DataError(f"{row['crops']} in {folder}: {error}") from error
    return float(crop.float().mean()) / 255, len(jpeg)


def groups(values: pd.Series) -> pd.Categorical:
    """Values of a column → names of groups in order, NaN where there is no value: those of NUMERIC
    by their edges, other numbers in thirds where there are many, texts as they are."""
    edges = NUMERIC.get(str(values.name))
    if not pd.api.types.is_numeric_dtype(values):  # as all columns that a manifest adds
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
        f"below {_text(edges[0])}",
        *(f"{_text(low)} to below {_text(high)}" for low, high in pairwise(edges)),
        f"{_text(edges[-1])} and more",
    ]
    places = np.searchsorted(edges, values, side="right")
    return pd.Categorical.from_codes(np.where(values.notna(), places, -1), names)


def _text(edge: float) -> str:
    return f"{edge:.0f}" if edge >= 100 else f"{edge:.3g}"
