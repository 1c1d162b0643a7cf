"""The manifest videos_df.csv: its columns, and how it is read, checked and written.

One row per face track, and one row for every video without a track. Beside it lies a JSON file with
the same stem that records how the crops were made.
"""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from common import crop_files, foreign
from common.errors import DataError
from common.files import write_text
from common.preprocessing import FACE_LIMITS, FaceConfig
from common.spreadsheets import quote_table, unquote_table

REAL, FAKE = 0, 1  # the label: 1 = FAKE
CLASSES = ("REAL", "FAKE")  # in label order
SPLITS = ("train", "val", "test")
STATUSES = ("ok", "no_face", "unreadable", "missing", "timeout", "skipped")
COLUMNS = {
    "video_id": str,  # <part>/<file name>, unique
    "path": str,  # of the video, relative to the input folder of preprocessing
    "label": int,
    "source": str,  # the original video's name; a real video's own name
    "group": str,  # videos of one group share a split; usually the source
    "split": str,
    "method": str,  # the manipulation if known, else empty
    "status": str,
    "detail": str,
    "track": int,  # -1 in the row of a video without a track
    "crops": str,  # location of the crops (common/crop_files.py), relative to the manifest's folder
    "frames": int,  # number of crops
    "width": int,
    "height": int,
    "fps": float,
}
# Columns that may be absent, as in manifests of other tools, and the values that mean unknown.
OPTIONAL: dict[str, str | float] = {
    "codec": "",
    "bits_per_pixel": 0.0,  # file size in bits, sound included, per pixel of all frames
    "face_px": 0.0,  # median longer side of the track's face boxes, in pixels of the video
    "kind": "",  # of a fake, if its folder says it: one of datasets.layouts.folder_names.KINDS
    "class": "",  # what a picture shows, in manifests of the layout `classes`; their label is REAL
}


@dataclass(frozen=True)
class Manifest:
    """A manifest in memory, checked by `read`."""

    table: pd.DataFrame  # all rows, with the columns in COLUMNS and OPTIONAL
    folder: Path  # of the manifest; its column `crops` is relative to it
    faces: FaceConfig  # the settings that the crops were made with
    # If several manifests were joined (joined.py): name of a collection → the settings of its
    # crops. Rows then name theirs in the column `collection`.
    collections: Mapping[str, FaceConfig] = field(default_factory=dict)

    def videos(self, split: str) -> pd.DataFrame:
        """Return one row for each video of a split that has a face, indexed by video_id."""
        return self.tracks(split).drop_duplicates("video_id").set_index("video_id")

    def collection_of(self, rows: pd.DataFrame) -> pd.Series:
        """Return the name of the collection of each row of the table; empty names unless manifests
        were joined."""
        return rows["collection"] if self.collections else pd.Series("", rows.index, dtype=str)

    def split(self, name: str) -> pd.DataFrame:
        return self.table[self.table["split"] == name]

    def tracks(self, split: str) -> pd.DataFrame:
        """Return the rows of `split` that have crops."""
        table = self.split(split)
        return table[table["status"] == "ok"]


def find(name: str) -> Path:
    """Return the first existing file of NAME, NAME.csv, data/NAME and data/NAME.csv. Raise
    DataError if there is none."""
    tried = [Path(name), Path(f"{name}.csv"), Path("data") / name, Path("data") / f"{name}.csv"]
    for path in tried:
        if path.is_file():
            return path
    raise DataError(
        f"no manifest {name!r} (looked for {', '.join(map(str, tried))}): "
        "make one with python preprocess_dfdc.py --input FOLDER, or name it with --csv_file"
    )


def read(path: Path) -> Manifest:
    """Read and check a manifest and the JSON file beside it. Raise DataError if one of them is
    invalid; the message names the file and, for a wrong row, the line."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a CSV file: {error}") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas would shift the columns
        raise DataError(f"{path}: its lines have more values than its first line has names")
    table = unquote_table(table)
    if "source" in table and "group" not in table:  # in manifests of other tools
        table["group"] = table["source"]
    absent = [name for name in COLUMNS if name not in table]
    if absent:
        raise DataError(f"{path} lacks the columns {', '.join(absent)}")
    table = _with_optional(table)
    for name, unknown in OPTIONAL.items():
        table[name] = table[name].replace("", str(unknown))
    types = COLUMNS | {name: type(value) for name, value in OPTIONAL.items()}
    numbers = {k: _numbers(path, table[k], v) for k, v in types.items() if v is not str}
    table = table.assign(**numbers)
    _check_values(path, table)
    _check_agreement(path, table)
    record = read_record(path)
    _check_crops(path, table, record.get("shards"))
    try:
        faces = FaceConfig.from_dict(record["faces"])
    except DataError as error:
        raise DataError(f"{record_path(path)}: {error}") from error
    return Manifest(table, path.parent, faces)


def _with_optional(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{k: v for k, v in OPTIONAL.items() if k not in table})


def _check_values(path: Path, table: pd.DataFrame) -> None:
    """Raise DataError if a label, split or status is unknown."""
    allowed = {"label": (REAL, FAKE), "split": SPLITS, "status": STATUSES}
    for column, values in allowed.items():
        wrong = table[~table[column].isin(values)]
        if len(wrong):
            first = wrong.iloc[0]
            raise DataError(
                f"{path}: {len(wrong)} rows with an unknown {column}, first {first[column]} in "
                f"line {wrong.index[0] + 2}; known are {', '.join(map(str, values))}"
            )


def _numbers(path: Path, texts: pd.Series, kind: type[int] | type[float]) -> pd.Series:
    """Convert a column of text to numbers. Raise DataError with the first line that cannot be
    converted."""
    try:
        return texts.astype(kind)
    except (ValueError, OverflowError) as error:
        wrong = texts[[not _is_number(kind, text) for text in texts]]
        first = f", first {wrong.iloc[0]!r} in line {wrong.index[0] + 2}" if len(wrong) else ""
        name = {int: "whole number", float: "number"}[kind]
        raise DataError(
            f"{path}: {len(wrong) or 'some'} rows whose {texts.name} is not a {name}{first}"
        ) from error


def _is_number(kind: type[int] | type[float], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _check_agreement(path: Path, table: pd.DataFrame) -> None:
    """Raise DataError if the rows of one video differ in label, source, group, split or status, or
    if a row with the status ok has no frames, or too many."""
    firsts = table.drop_duplicates("video_id").set_index("video_id")
    for column in ("label", "source", "group", "split", "status"):
        different = table[table[column] != table["video_id"].map(firsts[column])]
        if len(different):
            raise DataError(
                f"{path}: line {different.index[0] + 2} gives {different['video_id'].iloc[0]} "
                f"a different {column} than earlier lines ({different[column].iloc[0]})"
            )
    empty = table[(table["status"] == "ok") & (table["frames"] < 1)]
    if len(empty):
        raise DataError(f"{path}: line {empty.index[0] + 2} has the status ok and no frames")
    _, most = FACE_LIMITS["frames_per_video"]
    many = table[table["frames"] > most]
    if len(many):
        line, frames = many.index[0] + 2, many["frames"].iloc[0]
        raise DataError(f"{path}: line {line} has {frames} frames; {most:,} are the limit")


def _check_crops(path: Path, table: pd.DataFrame, shards: str | None) -> None:
    """Raise DataError if crops are neither in the manifest's folder nor below the URL `shards`."""
    home = path.parent.resolve()
    for line, crops in table.loc[table["status"] == "ok", "crops"].items():
        location = crop_files.parse(crops)
        if location.is_url:
            below = location.file.removeprefix(f"{shards}/")
            inside = below != location.file and ".." not in below.split("/")
        else:
            inside = (home / location.file).resolve().is_relative_to(home)
        if not inside:
            raise DataError(
                f"{path}: line {line + 2}: crops outside the manifest's folder: {crops!r}"
            )


def shown_labels(table: pd.DataFrame) -> pd.Series:
    """Return for every row the name of its class, or of its label in a table without classes."""
    pairs = zip(table["class"], table["label"], strict=True)
    return pd.Series([name or CLASSES[label] for name, label in pairs], table.index, name="label")


def record_path(path: Path) -> Path:
    return path.with_suffix(".json")


def read_record(path: Path) -> dict[str, Any]:
    """Return the content of the JSON file beside the manifest `path`, in which `faces` is a dict.
    Raise DataError if the file is missing or invalid."""
    file = record_path(path)
    if not file.exists():
        raise DataError(f"{file} is missing: it says how the crops were made")
    record = foreign.read_json(file)
    if not isinstance(record, dict) or not isinstance(record.get("faces"), dict):
        raise DataError(f"{file} does not say how the crops were made (no object 'faces')")
    return record


def fingerprint(data: Manifest) -> dict[str, Any]:
    """Return a dict that identifies a manifest: `sha256` is a hash of its table and of the settings
    that its crops were made with; `videos` is the number of videos with a face for each split and
    label or class, such as "train FAKE". Moving the crops does not change it."""
    names = [*COLUMNS, "class"] if (data.table["class"] != "").any() else COLUMNS
    table = data.table[[name for name in names if name != "crops"]]
    used = data.table[data.table["status"] == "ok"].drop_duplicates("video_id")
    counts = used.groupby([used["split"], shown_labels(used)]).size()
    # With the removed settings and without the added ones, unless they have another value, the hash
    # of an unchanged manifest is that of earlier versions.
    added = FaceConfig.ADDED.items()
    settings = {k: v for k, v in data.faces.to_dict().items() if (k, v) not in added}
    faces = json.dumps(settings | FaceConfig.REMOVED, sort_keys=True)
    return {
        "sha256": hashlib.sha256((faces + table.to_csv(index=False)).encode()).hexdigest(),
        "videos": {f"{split} {name}": int(n) for (split, name), n in counts.items()},
    }


def write(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Write the manifest's columns of `table` to `path` atomically and return them. Absent optional
    columns are added with the value that means unknown."""
    table = _with_optional(table)[[*COLUMNS, *OPTIONAL]]
    cells = quote_table(table)
    write_text(path, cells.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC))
    return table


def write_record(path: Path, record: dict[str, Any]) -> None:
    write_text(record_path(path), json.dumps(record, indent=2) + "\n")
