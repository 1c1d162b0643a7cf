"""Splits: seconds for a table as large as the whole DFDC, and leaks on genuine metadata.

python -m benchmarks.splits [--metadata dfdc_train_part_3/metadata.json]
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from datasets import samplers, splits
from datasets.layouts import dfdc
from datasets.manifest import FAKE, REAL

ROWS = 120_000
PER_SOURCE = 6  # a real video and five fakes
HELD_OUT = 0.2


def table(rows: int) -> pd.DataFrame:
    """A row per video, as a layout gives it."""
    numbers = pd.Series(range(rows))
    source = "source_" + (numbers // PER_SOURCE).astype(str)
    return pd.DataFrame(
        {
            "video_id": "video_" + numbers.astype(str),
            "label": (numbers % PER_SOURCE > 0).map({True: FAKE, False: REAL}),
            "source": source,
            "group": source,
            "split": "",
            "status": "",
            "detail": "",
        }
    )


def time_all(videos: pd.DataFrame) -> dict[str, float]:
    """Step → seconds."""
    seconds = {}
    started = time.monotonic()
    videos["group"] = splits.merge(videos["group"], [[0, PER_SOURCE]])
    videos = splits.complete(videos, seed=0, val_share=0.1, test_share=0.1)
    seconds["split"] = time.monotonic() - started
    training = videos[videos["split"] == "train"]
    started = time.monotonic()
    splits.undersample(training, seed=0)
    seconds["balance"] = time.monotonic() - started
    started = time.monotonic()
    splits.audit(videos)
    seconds["audit"] = time.monotonic() - started
    started = time.monotonic()
    labels, sources = training["label"].tolist(), training["source"].tolist()
    list(samplers.EpochSampler(labels, sources, "per_epoch", seed=0))
    seconds["sampler, one epoch"] = time.monotonic() - started
    return seconds


def leaks(metadata: Path) -> dict[str, float]:
    """Way of splitting → share of held-out videos whose source is in training."""
    with tempfile.TemporaryDirectory() as name:
        part = Path(name) / "part"
        part.mkdir()
        shutil.copy(metadata, part / "metadata.json")
        videos = dfdc.read(Path(name))
    balanced = videos[~splits.undersample(videos, seed=0)]
    ours = videos.assign(split=splits.assign(videos["source"], 0, HELD_OUT, 0))
    ways = {"by video": _at_random(videos), "balanced, then by video": _at_random(balanced)}
    return {way: _leaked(split) for way, split in (ways | {"by source": ours}).items()}


def _at_random(videos: pd.DataFrame) -> pd.DataFrame:
    held_out = np.random.default_rng(0).random(len(videos)) < HELD_OUT
    return videos.assign(split=np.where(held_out, "val", "train"))


def _leaked(videos: pd.DataFrame) -> float:
    row = splits.audit(videos).loc["val"]
    return row["leaked"] / row["videos"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--metadata", type=Path, help="a metadata.json of DFDC")
    flags = parser.parse_args()
    seconds = time_all(table(ROWS))
    print(f"{ROWS} rows")
    for name, value in (seconds | {"all": sum(seconds.values())}).items():
        print(f"{name:<24}{value:6.2f} s")
    if flags.metadata:
        for way, share in leaks(flags.metadata).items():
            print(f"{way:<24}{share:7.1%} of held-out videos share their source with training")


if __name__ == "__main__":
    main()
