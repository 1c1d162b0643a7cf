"""The plan of a preprocessing run: the dataset's table of videos, split and balanced."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from common.errors import DataError
from datasets import content, layouts, manifest, splits


@dataclass(frozen=True)
class InputOptions:
    """The dataset to read, and how."""

    input: Path  # its folder
    layout: str  # one of layouts.LAYOUTS
    fake_folders: list[str]  # names of folders of fakes, for the layout `folders`
    allow_one_label: bool  # accept a dataset without real or without fake videos


@dataclass(frozen=True)
class SplitOptions:
    """How videos are assigned to splits, and whether the training split is balanced."""

    seed: int
    split_by: str  # `source` or `part`: what is never divided between splits
    val_share: float  # share of the sources, in [0, 1)
    test_share: float  # share of the sources, in [0, 1)
    undersample: bool  # leave out training videos of the more frequent label


def plan(data: InputOptions, options: SplitOptions, deleted: pd.DataFrame) -> pd.DataFrame:
    """Return the table of videos with their splits. Videos that balancing leaves out have the
    status `skipped`.

    `deleted` lists videos that were deleted after their extraction (extraction/deletion.py): they
    are not missing, and copies of them are still recognised by content. Raise UsageError if the
    layout is unknown or a split is empty, DataError if the input does not have the layout, only
    videos of one label, or the same file in two classes.
    """
    videos = layouts.read(data.layout, data.input, data.fake_folders)
    videos["deleted"] = (videos["status"] == "missing") & videos["video_id"].isin(deleted.index)
    videos.loc[videos["deleted"], ["status", "detail"]] = ""
    has_classes = "class" in videos
    if not data.allow_one_label and not has_classes:
        _check_labels(videos, data.input)
    together = _same_content(videos, data.input, deleted)
    if has_classes:
        _check_classes(videos, together, data.input)
    if options.split_by == "part":
        parts = videos["video_id"].str.partition("/")[0]
        together += [rows.tolist() for rows in videos.groupby(parts).indices.values()]
    videos["group"] = splits.merge(videos["group"], together)
    videos = splits.complete(videos, options.seed, options.val_share, options.test_share)
    if options.undersample:
        usable = videos[(videos["status"] == "") & (videos["split"] == "train")]
        left_out = splits.undersample(usable, options.seed)
        videos.loc[left_out[left_out].index, ["status", "detail"]] = [
            "skipped",
            "left out by --undersample",
        ]
    return videos


def shard(videos: pd.DataFrame, k: int, n: int) -> pd.DataFrame:
    """Return part `k` of `n` (1 <= k <= n) of the videos. All videos of a group are in the same
    part."""
    return videos[
        [int(n * splits.fraction(0, f"shard:{name}")) == k - 1 for name in videos["group"]]
    ]


def _check_labels(videos: pd.DataFrame, root: Path) -> None:
    """Raise DataError if there are videos on disk, and all have the same label."""
    present = videos.loc[videos["status"] == "", "label"]
    if present.nunique() == 1:
        label, other = (manifest.CLASSES[i] for i in (present.iloc[0], 1 - present.iloc[0]))
        listed = (videos["label"] != present.iloc[0]).sum()
        missing = f" ({listed} listed)" if listed else ""
        raise DataError(
            f"{root}: {len(present)} videos on disk are {label} and none is {other}{missing}: "
            "check --input and --layout, or continue with --allow_one_label"
        )


def _check_classes(videos: pd.DataFrame, same: list[list[int]], root: Path) -> None:
    """Raise DataError if one of the groups of identical files is in folders of several classes."""
    for positions in same:
        files = videos.iloc[positions].drop_duplicates("class")["path"]
        if len(files) > 1:
            raise DataError(
                f"{root}: {files.iloc[0]} and {files.iloc[1]} are the same file in two classes: "
                "delete one of them"
            )


def _same_content(videos: pd.DataFrame, root: Path, deleted: pd.DataFrame) -> list[list[int]]:
    """Return groups of row positions of videos with identical bytes, which must share a split."""
    files, gone = {}, {}
    for position, video in enumerate(videos.itertuples()):
        if video.deleted:
            gone[position] = tuple(deleted.loc[video.video_id])
        elif video.status == "":
            files[position] = root / video.path
    return content.same(files, gone)
