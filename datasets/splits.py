"""Splits without leakage between sources, undersampling, and an audit of a manifest's splits.

    python -m datasets.splits audit videos_df.csv

counts the videos of a manifest whose source is also in the training split. The exit code is 1 if
there are any, and 2 if the file does not allow an answer.
"""

import argparse
import hashlib
from collections.abc import Collection, Container, Iterable
from pathlib import Path

import pandas as pd

from common import errors
from common.errors import DataError, UsageError
from datasets import groups, split_table


def fraction(seed: int, name: str) -> float:
    """Return a number in [0, 1) that depends only on seed and name."""
    return int.from_bytes(_digest(f"{seed}:{name}"), "big") / 2**64


def _digest(text: str) -> bytes:
    """Return the first 64 bits of a SHA-256. Characters that UTF-8 cannot encode, which file names
    may contain, are escaped."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()[:8]


def fingerprints(names: Iterable[str]) -> list[int]:
    """Return a 64-bit hash of each distinct name, sorted. A checkpoint stores its training sources
    in this form, to recognise them without naming them."""
    return sorted(int.from_bytes(_digest(name), "big", signed=True) for name in set(names))


def known_names(names: Iterable[str], known: Container[int]) -> list[str]:
    """Return the distinct `names` whose fingerprints are among `known`, sorted."""
    return [name for name in sorted(set(names)) if fingerprints([name])[0] in known]


def merge(group: pd.Series, together: list[list[int]]) -> pd.Series:
    """Return `group` after merging groups: each entry of `together` is a list of row positions
    whose groups become one."""
    names = group.tolist()
    pairs = [
        (names[positions[0]], names[position]) for positions in together for position in positions
    ]
    merged = groups.join(pairs)
    return group.map(lambda name: merged.get(name, name))


def assign(group: pd.Series, seed: int, val_share: float, test_share: float) -> pd.Series:
    """Return the split of every row, which depends only on the seed and the name of its group. So a
    fake and its original are never separated, and adding videos later moves no others. The shares
    are probabilities per group. With a `test_share` of 1, all videos are there to be measured.

    Raise UsageError if the shares otherwise leave nothing for training, or if a requested split is
    empty.
    """
    if test_share == 1 and val_share == 0:
        return group.map(lambda _: "test")
    if val_share + test_share >= 1:
        raise UsageError(
            "--val_share and --test_share must sum to less than 1, except --val_share 0 "
            "--test_share 1 for videos that are only measured"
        )

    def split(name: str) -> str:
        position = fraction(seed, name)
        if position < test_share:
            return "test"
        return "val" if position < test_share + val_share else "train"

    splits = group.map(split)
    flags = {"train": None, "val": val_share, "test": test_share}
    for name, share in flags.items():
        if share != 0 and not (splits == name).any():
            mend = "lower --val_share or --test_share" if share is None else f"raise --{name}_share"
            zero = f", or set --{name}_share 0 to go without" if share else ""
            raise UsageError(
                f"the {name} split is empty with {group.nunique()} sources: "
                f"{mend}, or change --seed{zero}"
            )
    return splits


def complete(videos: pd.DataFrame, seed: int, val_share: float, test_share: float) -> pd.DataFrame:
    """Return a copy of `videos` with every split filled in: the official split of a video if it has
    one, else one assigned by group.

    A split that the dataset itself defines gets no further videos. A video without an official
    split whose group has one gets the status `skipped`, because in another split it would leak.
    Raise DataError if the official split divides a group, and UsageError if a requested split is
    empty.
    """
    official = videos["split"] != ""
    official_split = (
        videos[official].drop_duplicates(["group", "split"]).set_index("group")["split"]
    )
    if not official_split.index.is_unique:
        divided = official_split.index[official_split.index.duplicated()][0]
        raise DataError(f"the official split divides the group of {divided}")
    videos = videos.copy()
    unlisted = ~official & videos["group"].isin(official_split.index)
    videos.loc[unlisted, ["status", "detail"]] = ["skipped", "not listed in the official split"]
    videos.loc[unlisted, "split"] = videos.loc[unlisted, "group"].map(official_split)
    unassigned = ~official & ~unlisted
    if unassigned.any():
        shares = {"val": val_share, "test": test_share}
        val_share, test_share = (0 if k in set(official_split) else v for k, v in shares.items())
        videos.loc[unassigned, "split"] = assign(
            videos.loc[unassigned, "group"], seed, val_share, test_share
        )
    return videos


def official(split: str, splits: Collection[str]) -> str:
    """Return the official split of a video in a dataset that has `splits`, or an empty string if it
    is to be drawn: the splits that the dataset lacks are drawn from its training videos."""
    return "" if split == "train" and not {"val", "test"} <= set(splits) else split


def undersample(videos: pd.DataFrame, seed: int) -> pd.Series:
    """Return a boolean Series that is True for the videos of the more frequent label that a
    balanced set leaves out. The choice depends only on the seed and the videos' names."""
    counts = videos["label"].value_counts()
    if len(counts) < 2:
        return pd.Series(False, index=videos.index)
    commoner = videos[videos["label"] == counts.idxmax()]
    order = commoner["video_id"].map(lambda name: fraction(seed, f"balance:{name}")).sort_values()
    left_out = order.index[counts.min() :]
    return pd.Series(videos.index.isin(left_out), index=videos.index)


def audit(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with one row per split: the number of videos and sources, the share of fakes,
    and the number of leaked videos, whose source is also in the training split.

    `table` has the columns split_table.COLUMNS and may have several rows per video. Videos that
    balancing left out are counted too. If `table` has a column `group`, a video is leaked if its
    group is also in the training split.
    """
    videos = table.drop_duplicates(["video_id", "split"])
    source = videos["group" if "group" in videos else "source"]
    in_training = set(source[videos["split"] == "train"])
    leaked = source.isin(in_training) & (videos["split"] != "train")
    by_split = videos.assign(leaked=leaked).groupby("split")
    return pd.DataFrame(
        {
            "videos": by_split.size(),
            "sources": by_split["source"].nunique(),
            "fake": by_split["label"].mean(),
            "leaked": by_split["leaked"].sum(),
        }
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True)
    flags = actions.add_parser("audit", help="count videos that share their source with training")
    flags.add_argument(
        "manifest", type=Path, help=f"CSV file with columns {', '.join(split_table.COLUMNS)}"
    )
    path = parser.parse_args().manifest
    table = split_table.read(path)
    result = audit(table)
    print(result.to_string(formatters={"fake": "{:.1%}".format}))
    for warning in split_table.related_names(table):
        print(f"warning: {warning}")
    held_out = result.drop(index="train", errors="ignore")
    leaked, videos = int(held_out["leaked"].sum()), int(held_out["videos"].sum())
    if leaked:
        print(
            f"LEAK: {leaked} of {videos} held-out videos ({leaked / videos:.0%}) share their "
            "source with training: measurements on them say nothing about new videos"
        )
        return 1
    print(f"no leak: none of {videos} held-out videos shares its source with training")
    return 0


if __name__ == "__main__":
    errors.run(main)
