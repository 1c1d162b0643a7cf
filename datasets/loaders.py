"""Declares the types of a clip loader's dataset and batch sampler."""

from torch.utils.data import DataLoader

from datasets.samplers import Batches
from datasets.video_dataset import VideoDataset


class ClipLoader(DataLoader):
    """A DataLoader that yields batches of clips. Only training loaders have a Batches as
    `batch_sampler`, which draws new items every epoch."""

    dataset: VideoDataset
    batch_sampler: Batches
