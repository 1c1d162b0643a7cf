"""Reads a table of videos with their splits, of whatever origin, and finds names that look related.

Needed by the audit of splits: `python -m datasets.splits audit`.
"""

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath

import pandas as pd

from common.errors import DataError
from datasets.labels import parse_label

COLUMNS = ("video_id", "label", "source", "split")
IDS = re.compile(r"(\d{3})(?:_(\d{3}))?")  # names of FaceForensics++: a video, or target_source


def read(path: Path) -> pd.DataFrame:
    """Return the table in a CSV file: `label` as REAL or FAKE, all else as text (`000` is not `0`),
    splits in lower case. It may have several rows per video. Raise DataError if it cannot be read,
    lacks one of COLUMNS or a value in them, or contradicts itself."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False).fillna("")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from error
    absent = [name for name in COLUMNS if name not in table]
    if not isinstance(table.index, pd.RangeIndex):  # pandas would shift the columns
        raise DataError(f"{path}: its lines have more values than its first line has names")
    if absent:
        found = ", ".join(table)
        raise DataError(f"{path} lacks the columns {', '.join(absent)}; it has {found}")
    names = [name for name in (*COLUMNS, "group") if name in table]
    for name in names:
        _check(path, table[name].str.strip() != "", f"has no {name}")
    labels = table["label"].map(parse_label)
    _check(path, labels.notna(), "has a label that is none of REAL, FAKE, 0 and 1")
    splits = table["split"].str.strip().str.lower().replace("training", "train")
    table = table.assign(label=labels.astype(int), split=splits)
    first = table.groupby(["video_id", "split"]).transform("first")
    for name in (name for name in names if name in first):
        _check(path, table[name] == first[name], f"gives a video another {name} than above")
    if not (table["split"] == "train").any():
        raise DataError(f"{path}: no row has the split train")
    return table


def _check(path: Path, right: pd.Series, wrong: str) -> None:
    """Raise DataError if not all rows are right; it names the line of the first wrong one."""
    if not right.all():
        raise DataError(f"{path}: line {right.tolist().index(False) + 2} {wrong}")


def related_names(table: pd.DataFrame) -> list[str]:
    """Return a warning for each way in which the names of held-out videos look like those of
    training videos, although their sources (or groups) differ. `table` has the columns COLUMNS and
    may have a column `group`."""
    videos = table.drop_duplicates(["video_id", "split"])
    training = videos["split"] == "train"
    warnings = []
    if "group" in videos:
        groups = set(videos.loc[training, "group"])
        same = videos["source"].isin(set(videos.loc[training, "source"]))
        same &= ~training & ~videos["group"].isin(groups)
        if same.any():
            warnings.append(
                f"{same.sum()} held-out videos have the name of a training source "
                f"({videos.loc[same, 'source'].iloc[0]}): check that they show something else"
            )
    splits_of = defaultdict(set)
    ids = [_ids(name) for name in videos["video_id"]]
    for own, in_training in zip(ids, training, strict=True):
        for number in own:
            splits_of[number].add(in_training)
    torn = [len(own) == 2 and any(len(splits_of[number]) > 1 for number in own) for own in ids]
    if any(torn):
        warnings.append(
            f"{sum(torn)} names look like pairs of FaceForensics++ "
            f"({videos['video_id'][torn].iloc[0]}), and videos of one id are in training and held "
            "out: if they are, arrange them for --layout ffpp, which keeps both ids together"
        )
    return warnings


def _ids(video_id: str) -> list[str]:
    """Return the ids in a name of FaceForensics++, none in another name."""
    match = IDS.fullmatch(PurePosixPath(video_id.replace("\\", "/")).stem)
    return [number for number in match.groups() if number] if match else []
