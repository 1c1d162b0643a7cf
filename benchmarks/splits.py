"""Seconds of splitting as many videos as the DFDC has, and leaks by other ways of splitting.

    python -m benchmarks.splits [--metadata dfdc_train_part_3/metadata.json]

The leaks are measured on genuine metadata, which --metadata names: the share of held-out videos
whose source is also in training.
"""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.shared import new_parser
from common import errors
from datasets import samplers, splits
from datasets.layouts import dfdc
from datasets.manifest import FAKE, REAL

ROWS = 120_000
VIDEOS_PER_SOURCE = 6  # a real video and five fakes
HELD_OUT = 0.2  # share


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--metadata", type=Path, help="a metadata.json of DFDC")
    flags = parser.parse_args()
    seconds = measure_steps(make_table(ROWS))
    print(f"{ROWS} rows")
    for name, value in (seconds | {"total": sum(seconds.values())}).items():
        print(f"{name:<24}{value:6.2f} s")
    if flags.metadata:
        for name, share in measure_leaks(flags.metadata).items():
            print(f"{name:<24}{share:7.1%} of held-out videos share their source with training")
    return 0


def make_table(rows: int) -> pd.DataFrame:
    """Return a table of videos as datasets/layouts/ reads it."""
    numbers = pd.Series(range(rows))
    source = "source_" + (numbers // VIDEOS_PER_SOURCE).astype(str)
    return pd.DataFrame(
        {
            "video_id": "video_" + numbers.astype(str),
            "label": (numbers % VIDEOS_PER_SOURCE > 0).map({True: FAKE, False: REAL}),
            "source": source,
            "group": source,
            "split": "",
            "status": "",
            "detail": "",
        }
    )


def measure_steps(videos: pd.DataFrame) -> dict[str, float]:
    """Return the seconds of each step from a table of videos to an epoch's items."""
    seconds = {}
    started = time.monotonic()
    videos["group"] = splits.merge(videos["group"], [[0, VIDEOS_PER_SOURCE]])
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
    samplers.EpochSampler(labels, sources, "per_epoch", seed=0).epoch(0)
    seconds["sampler, one epoch"] = time.monotonic() - started
    return seconds


def measure_leaks(metadata: Path) -> dict[str, float]:
    """Return the share of held-out videos whose source is in training, for three ways of
    splitting."""
    with tempfile.TemporaryDirectory() as name:
        part = Path(name) / "part"
        part.mkdir()
        shutil.copy(metadata, part / "metadata.json")
        videos = dfdc.read(Path(name))
    balanced = videos[~splits.undersample(videos, seed=0)]
    tables = {
        "by video": _split_at_random(videos),
        "balanced, then by video": _split_at_random(balanced),
        "by source": videos.assign(split=splits.assign(videos["source"], 0, HELD_OUT, 0)),
    }
    return {name: _leaked_share(table) for name, table in tables.items()}


def _split_at_random(videos: pd.DataFrame) -> pd.DataFrame:
    held_out = np.random.default_rng(0).random(len(videos)) < HELD_OUT
    return videos.assign(split=np.where(held_out, "val", "train"))


def _leaked_share(videos: pd.DataFrame) -> float:
    audit = splits.audit(videos)
    return audit.loc["val", "leaked"] / audit.loc["val", "videos"]


if __name__ == "__main__":
    errors.run(main)
