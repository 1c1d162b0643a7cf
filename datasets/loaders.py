"""Loaders of clips, whose worker processes cannot keep the main process waiting for ever."""

from typing import Any

from torch.utils.data import DataLoader

from common.signals import ignore_signals
from datasets.samplers import Batches
from datasets.video_dataset import VideoDataset

# A worker that takes longer for a batch has stopped; the larger of the two applies.
SECONDS, SECONDS_PER_CLIP = 600, 20


class ClipLoader(DataLoader):
    """A DataLoader that yields batches of clips. Only training loaders have a Batches as
    `batch_sampler`, which draws new items every epoch."""

    dataset: VideoDataset
    batch_sampler: Batches

    def __init__(
        self, dataset: VideoDataset, batch_size: int = 1, *, num_workers: int = 0, **settings: Any
    ) -> None:
        """The arguments are those of DataLoader."""
        if num_workers:
            dataset.epoch.share_memory_()  # workers that outlive an epoch see it change
        batches = settings.get("batch_sampler")
        clips = batch_size if batches is None else batches.size
        settings |= worker_settings(num_workers, clips)
        super().__init__(dataset, batch_size, **settings)


def worker_settings(workers: int, clips: int) -> dict[str, Any]:
    """Return the settings of a DataLoader that concern its worker processes, for batches of `clips`
    clips or tracks."""
    if not workers:
        return {}
    return {
        "num_workers": workers,
        "worker_init_fn": ignore_signals,
        "timeout": max(SECONDS, SECONDS_PER_CLIP * clips),
    }
