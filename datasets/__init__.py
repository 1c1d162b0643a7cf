"""What the model reads. The selector: --dataset NAME → dataset class."""

from torch.utils.data import Dataset

from common.registry import select
from datasets.video_dataset import VideoDataset

DATASETS: dict[str, type[Dataset]] = {"video": VideoDataset}


def get(name: str) -> type[Dataset]:
    """Raise UsageError for an unknown name."""
    return select("--dataset", name, DATASETS)
