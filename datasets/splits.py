"""Leak-free splits, and balance at extraction. Both depend on names and the seed alone."""

import hashlib

import pandas as pd

from errors import UsageError


def fraction(seed: int, name: str) -> float:
    """A number in [0, 1) that is always the same for the same seed and name."""
    digest = hashlib.sha256(f"{seed}:{name}".encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign(sources: pd.Series, seed: int, val_share: float, test_share: float) -> pd.Series:
    """The split of every video, by its source: a fake and its original are never apart, and
    videos that are added later move none of the others.

    Raise UsageError when a split that was asked for stays empty.
    """
    if val_share + test_share >= 1:
        raise UsageError("--val_share and --test_share leave nothing for training")

    def split(source: str) -> str:
        place = fraction(seed, source)
        if place < test_share:
            return "test"
        return "val" if place < test_share + val_share else "train"

    splits = sources.map(split)
    flags = {"train": None, "val": val_share, "test": test_share}
    for name, share in flags.items():
        if share != 0 and not (splits == name).any():
            mend = "lower --val_share or --test_share" if share is None else f"raise --{name}_share"
            zero = f", or set --{name}_share 0 to go without" if share else ""
            raise UsageError(
                f"the {name} split is empty with {sources.nunique()} sources: "
                f"{mend}, or change --seed{zero}"
            )
    return splits


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
