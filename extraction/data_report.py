"""Writes report.html beside a manifest: what is in the data, before anything is trained on it.

Counts by label, split and status; sizes, brightness and sharpness of reals and fakes; what a
detector could learn instead of manipulations; duplicates; a sheet of samples.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from common import crop_files
from common.figures import CLASS_COLOURS, axes_as_png
from common.pages import render
from datasets.cleaning import OTHERS, sharpness
from datasets.manifest import CLASSES, shown_labels
from extraction.contact_sheet import spread

TEMPLATE = Path(__file__).with_name("data.html")
SAMPLE = 1000  # tracks of each label whose crops are measured
SPLITS = ("train", "val", "test")
# Column → what it is, in the order of the report.
TRAITS = {
    "short_side": "shorter side of a frame, pixels",
    "face_px": "longer side of the face, pixels of the video",
    "bits_per_pixel": "bits per pixel of the file",
    "frames": "crops per person",
    "brightness": "brightness of a crop, 0 to 1",
    "sharpness": "sharpness of a crop (variance of the Laplacian)",
}
# An area under the ROC curve of a single trait from which it tells reals from fakes by itself.
TELLING = 0.65


def write(table: pd.DataFrame, folder: Path, findings: pd.DataFrame | None) -> Path:
    """Write report.html to `folder` and return its path. `table` is a manifest whose column `crops`
    is relative to `folder`, `findings` a result of cleaning.find; None if it was not asked for."""
    videos = table.drop_duplicates("video_id")
    tracks = measured(table, folder)
    names, shown = _names(videos), shown_labels(videos)
    separation = dict(_separation(tracks))
    sheet = folder / "thumbnails.png"
    path = folder / "report.html"
    render(
        TEMPLATE,
        path,
        counts=[_counts(videos[shown == name], name) for name in names],
        splits=SPLITS,
        statuses=videos["status"].value_counts().to_dict(),
        methods=videos.loc[videos["method"] != "", "method"].value_counts().to_dict(),
        sources=[videos[videos["split"] == split]["source"].nunique() for split in SPLITS],
        shared=int((videos.groupby("group")["split"].nunique() > 1).sum()),
        plots=[_histogram(tracks, name, names) for name in TRAITS if tracks[name].nunique() > 1],
        has_classes=bool((videos["class"] != "").any()),
        telling={TRAITS[name]: auc for name, auc in separation.items() if auc >= TELLING},
        separation={TRAITS[name]: auc for name, auc in separation.items()},
        findings=None if findings is None else findings["reason"].value_counts().to_dict(),
        across=None if findings is None else _across(findings, videos),
        sheet=sheet.read_bytes() if sheet.is_file() else None,
        sample=len(tracks),
    )
    return path


def measured(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return the traits of up to SAMPLE tracks of each label or class, spread evenly over the
    table: a column for each of TRAITS, the label, and its name or the class in `shown`. Unknown
    values are NaN."""
    found = table[table["status"] == "ok"]
    found = found.assign(shown=shown_labels(found))
    parts = [spread(found[found["shown"] == name], SAMPLE) for name in _names(table)]
    tracks = pd.concat(parts, ignore_index=True)
    tracks["short_side"] = tracks[["width", "height"]].min(axis=1)
    traits = [_of_crop(row, folder) for row in tracks.itertuples()]
    tracks[["brightness", "sharpness"]] = np.array(traits).reshape(-1, 2)
    columns = ["short_side", "face_px", "bits_per_pixel"]
    tracks[columns] = tracks[columns].replace(0, np.nan)
    return tracks[[*TRAITS, "label", "shown"]]


def _names(table: pd.DataFrame) -> list[str]:
    """Return the classes of a table, sorted; both labels, if it has none."""
    return sorted(set(table["class"]) - {""}) or list(CLASSES)


def _of_crop(row: Any, folder: Path) -> tuple[float, float]:
    """Return brightness and sharpness of a track's middle crop; NaN if it cannot be read."""
    data = np.frombuffer(crop_files.read_middle(folder, row.crops, row.frames), np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if grey is None:
        return np.nan, np.nan
    return float(grey.mean()) / 255, sharpness(grey)


def _counts(videos: pd.DataFrame, label: str) -> dict[str, Any]:
    """Return the number of judged videos of a class by split, and of those that are not."""
    usable = videos[videos["status"] == "ok"]
    return {
        "label": label,
        "splits": [int((usable["split"] == split).sum()) for split in SPLITS],
        "unused": len(videos) - len(usable),
    }


def _separation(tracks: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Yield how well each trait alone tells fakes from reals: the area under its ROC curve, in
    whichever direction it is larger, from 0.5."""
    for name in TRAITS:
        known = tracks[tracks[name].notna()]
        if known["label"].nunique() == 2:
            auc = roc_auc_score(known["label"], known[name])
            yield name, float(max(auc, 1 - auc))


def _across(findings: pd.DataFrame, videos: pd.DataFrame) -> int:
    """Return how many videos have a duplicate in another split: a leak."""
    split_of = dict(zip(videos["video_id"], videos["split"], strict=True))
    found = zip(findings["video_id"], findings[OTHERS], strict=True)
    return sum(any(split_of[name] != split_of[video] for name in others) for video, others in found)


def _histogram(tracks: pd.DataFrame, name: str, names: list[str]) -> tuple[str, bytes]:
    """Return a plot of one trait for the labels or classes `names`, with its title."""
    values = tracks[name].dropna()
    low, high = np.percentile(values, [0.5, 99.5])
    bins = np.linspace(low, high if high > low else low + 1, 31).tolist()
    with axes_as_png(4.2, 2.4) as (axes, png):
        for shown, colour in zip(names, CLASS_COLOURS, strict=False):
            of_label = tracks.loc[tracks["shown"] == shown, name].dropna()
            if len(of_label):
                weights = np.full(len(of_label), 1 / len(of_label))
                axes.hist(
                    of_label.clip(bins[0], bins[-1]),
                    bins=bins,
                    weights=weights,
                    histtype="step",
                    lw=1.6,
                    color=colour,
                    label=shown,
                )
        axes.set(ylabel="share")
        axes.legend(frameon=False)
    return TRAITS[name], png.data
