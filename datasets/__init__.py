"""Datasets, splits and augmentations that feed the model: code, never data.

`--dataset NAME` selects one of DATASETS.
"""

from common.registry import select
from datasets.video_dataset import VideoDataset

# An image is a clip of one frame.
DATASETS: dict[str, type[VideoDataset]] = {"video": VideoDataset, "image": VideoDataset}


def get(name: str) -> type[VideoDataset]:
    """Return the dataset class called `name`. Raise UsageError if there is none."""
    return select("--dataset", name, DATASETS)
