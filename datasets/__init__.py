"""What the model reads (code, never data). --dataset NAME selects a dataset class here."""

from common.registry import select
from datasets.video_dataset import VideoDataset

DATASETS: dict[str, type[VideoDataset]] = {"video": VideoDataset}


def get(name: str) -> type[VideoDataset]:
    """Return the dataset class of that name. Raise UsageError for an unknown name."""
    return select("--dataset", name, DATASETS)
