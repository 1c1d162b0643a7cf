"""report.html beside a manifest: counts, traits that give labels away, duplicates, leaks."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from datasets import cleaning
from extraction import data_report
from tests.helpers.crop_sets import write_crop_set


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """A manifest of fakes that are brighter than reals, in the columns of preprocessing."""
    path = write_crop_set(tmp_path, {"train": 6, "val": 2}, fakes_each=1, frames=2)
    table = pd.read_csv(path, keep_default_na=False)
    table["method"] = ["" if label == 0 else "swap" for label in table["label"]]
    for name, value in (("width", 320), ("height", 240), ("bits_per_pixel", 0.0)):
        table[name] = value
    return table.assign(face_px=np.where(table["label"] == 1, 80.0, 60.0))


def text(table: pd.DataFrame, folder: Path, findings: pd.DataFrame | None = None) -> str:
    return data_report.write(table, folder, findings).read_text(encoding="utf-8")


def test_it_counts_videos_and_names_what_gives_the_label_away(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    page = " ".join(text(table, tmp_path).split())
    assert "<tr><td>REAL</td><td>6</td><td>2</td><td>0</td><td>0</td></tr>" in page
    assert "8 swap" in page and "16 ok" in page
    assert "longer side of the face, pixels of the video alone tells reals from fakes" in page
    assert "bits per pixel" not in page, "it is unknown"
    assert "groups of sources are in several splits" not in page
    assert "add <code>--clean</code>" in page


def test_measured_traits_are_those_of_the_crops(table: pd.DataFrame, tmp_path: Path) -> None:
    tracks = data_report.measured(table, tmp_path)
    assert len(tracks) == 16 and tracks["short_side"].eq(240).all()
    row = table[table["label"] == 1].iloc[0]
    crop = cv2.imread(str(next((tmp_path / row["crops"]).iterdir())), cv2.IMREAD_GRAYSCALE)
    near = tracks.loc[tracks["label"] == 1, "brightness"].iloc[0]
    assert near == pytest.approx(crop.mean() / 255, abs=0.05)


def test_a_source_or_a_duplicate_in_two_splits_is_called_a_leak(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    shared = table.copy()
    shared["group"] = "one"
    assert "1 groups of sources are in several splits" in text(shared, tmp_path)
    train = table[table["split"] == "train"]["video_id"].tolist()
    val = table[table["split"] == "val"]["video_id"].tolist()
    findings = pd.DataFrame(
        [
            (val[0], "exact_duplicate", "", (train[0], val[1])),
            (train[1], "near_duplicate", "", (val[1],)),
            (train[2], "near_duplicate", "", (train[3],)),
            (train[4], "blurred", "", ()),
        ],
        columns=[*cleaning.COLUMNS, cleaning.OTHERS],
    )
    page = text(table, tmp_path, findings)
    assert "2 duplicates have their counterpart in another split" in page
    assert "1 blurred" in page
    assert "None was found" in text(table, tmp_path, findings.iloc[:0])


def test_data_without_crops_or_with_one_label_has_a_report(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    reals = table[table["label"] == 0]
    assert "one label only" in text(reals, tmp_path)
    empty = table.assign(status="no_face", crops="", frames=0)
    assert "16 no_face" in text(empty, tmp_path)


def test_names_are_escaped(table: pd.DataFrame, tmp_path: Path) -> None:
    table["method"] = "<script>"
    assert "<script>" not in text(table, tmp_path)
