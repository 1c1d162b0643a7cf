"""What preprocessing sets out to do: a dataset's table of videos, split and balanced."""

from pathlib import Path

import pandas as pd

from datasets import content, layouts, splits


def plan(
    layout: str,
    root: Path,
    *,
    seed: int,
    split_by: str,
    val_share: float,
    test_share: float,
    balance: str,
    deleted: pd.DataFrame,
) -> pd.DataFrame:
    """The table of videos with their splits; `balance` marks what it leaves out as skipped.

    `deleted` (datasets/deletion.py) are videos that were deleted after their extraction: they are
    not missing, and still known by their content.

    Raise UsageError for an unknown layout or an empty split, DataError for a root that does not
    hold the layout.
    """
    videos = layouts.read(layout, root)
    videos["deleted"] = (videos["status"] == "missing") & videos["video_id"].isin(deleted.index)
    videos.loc[videos["deleted"], ["status", "detail"]] = ""
    together = _same_content(videos, root, deleted)
    if split_by == "part":
        parts = videos["video_id"].str.partition("/")[0]
        together += [where.tolist() for where in videos.groupby(parts).indices.values()]
    videos["group"] = splits.merge(videos["group"], together)
    videos = splits.complete(videos, seed, val_share, test_share)
    if balance == "undersample":
        usable = videos[(videos["status"] == "") & (videos["split"] == "train")]
        left_out = splits.undersample(usable, seed)
        videos.loc[left_out[left_out].index, ["status", "detail"]] = [
            "skipped",
            "left out by --balance undersample",
        ]
    return videos


def shard(videos: pd.DataFrame, k: int, n: int) -> pd.DataFrame:
    """The `k`-th of `n` shares, from 1; videos of one group are in one share."""
    return videos[
        [int(n * splits.fraction(0, f"shard:{name}")) == k - 1 for name in videos["group"]]
    ]


def _same_content(videos: pd.DataFrame, root: Path, deleted: pd.DataFrame) -> list[list[int]]:
    """Positions of videos with the same bytes: they must share a split."""
    files, gone = {}, {}
    for position, video in enumerate(videos.itertuples()):
        if video.deleted:
            gone[position] = tuple(deleted.loc[video.video_id])
        elif video.status == "":
            files[position] = root / video.path
    return content.same(files, gone)
