"""Leak-free splits, balance at extraction, and the audit of both.

    python -m datasets.splits audit videos_df.csv

says how many videos of any manifest share their source with training; exit code 1 when some do.
"""

import argparse
import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from common import errors
from common.errors import DataError, UsageError
from datasets import groups

AUDITED = ("video_id", "label", "source", "split")  # the columns that an audit needs


def fraction(seed: int, name: str) -> float:
    """A number in [0, 1) that is always the same for the same seed and name."""
    return int.from_bytes(_digest(f"{seed}:{name}"), "big") / 2**64


def _digest(text: str) -> bytes:
    """The first 64 bits of SHA-256; file names may hold what UTF-8 cannot."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()[:8]


def fingerprints(names: Iterable[str]) -> list[int]:
    """A sorted 64-bit number for every name: a checkpoint keeps its training sources as these, so
    that it can tell them again without naming them."""
    return sorted(int.from_bytes(_digest(name), "big", signed=True) for name in set(names))


def merge(group: pd.Series, together: list[list[int]]) -> pd.Series:
    """`group` with those groups made one that `together`, lists of positions, says belong so."""
    names = group.tolist()
    pairs = [(names[same[0]], names[other]) for same in together for other in same]
    merged = groups.join(pairs)
    return group.map(lambda name: merged.get(name, name))


def assign(group: pd.Series, seed: int, val_share: float, test_share: float) -> pd.Series:
    """The split of every video, by its group: a fake and its original are never apart, and
    videos that are added later move none of the others.

    Raise UsageError when a split that was asked for stays empty.
    """
    if val_share + test_share >= 1:
        raise UsageError("--val_share and --test_share leave nothing for training")

    def split(name: str) -> str:
        place = fraction(seed, name)
        if place < test_share:
            return "test"
        return "val" if place < test_share + val_share else "train"

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
    """`videos` with a split for all: the official one where they have it, else by their group.

    A split that the dataset itself defines gets no others. A video without an official split
    whose group has one is skipped: it would be on both sides.
    """
    official = videos["split"] != ""
    fixed = videos[official].drop_duplicates(["group", "split"]).set_index("group")["split"]
    if not fixed.index.is_unique:
        torn = fixed.index[fixed.index.duplicated()][0]
        raise DataError(f"the official split tears the group of {torn} apart")
    videos = videos.copy()
    unlisted = ~official & videos["group"].isin(fixed.index)
    videos.loc[unlisted, ["status", "detail"]] = ["skipped", "not listed in the official split"]
    videos.loc[unlisted, "split"] = videos.loc[unlisted, "group"].map(fixed)
    open_ = ~official & ~unlisted
    if open_.any():
        shares = {"val": val_share, "test": test_share}
        val_share, test_share = (0 if k in set(fixed) else v for k, v in shares.items())
        videos.loc[open_, "split"] = assign(videos.loc[open_, "group"], seed, val_share, test_share)
    return videos


def undersample(videos: pd.DataFrame, seed: int) -> pd.Series:
    """True for the videos of the commoner label that a balanced set leaves out.

    Which ones depends on the seed and their names, not on their order.
    """
    counts = videos["label"].value_counts()
    if len(counts) < 2:
        return pd.Series(False, index=videos.index)
    commoner = videos[videos["label"] == counts.idxmax()]
    order = commoner["video_id"].map(lambda name: fraction(seed, f"balance:{name}")).sort_values()
    left_out = order.index[counts.min() :]
    return pd.Series(videos.index.isin(left_out), index=videos.index)


def audit(table: pd.DataFrame) -> pd.DataFrame:
    """Split → videos, sources, fake (share), leaked (videos whose source is in training, too).

    `table` has the columns AUDITED and may have several rows per video; rows that balance left
    out are judged like all others. With a column group, sources of one group count as one.
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
    flags.add_argument("manifest", type=Path, help=f"a CSV file with {', '.join(AUDITED)}")
    path = parser.parse_args().manifest
    try:
        table = pd.read_csv(path, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from error
    absent = [name for name in AUDITED if name not in table]
    if absent:
        raise DataError(f"{path} lacks the columns {', '.join(absent)}")
    if not (table["split"] == "train").any():
        raise DataError(f"{path}: no row has the split train")
    found = audit(table)
    print(found.to_string(formatters={"fake": "{:.1%}".format}))
    held_out = found.drop(index="train", errors="ignore")
    leaked, videos = int(held_out["leaked"].sum()), int(held_out["videos"].sum())
    if leaked:
        print(
            f"LEAK: {leaked} of {videos} held-out videos ({leaked / videos:.0%}) share their "
            "source with training; what is measured on them says nothing about new videos"
        )
        return 1
    print(f"no leak: none of {videos} held-out videos shares its source with training")
    return 0


if __name__ == "__main__":
    errors.run(main)
