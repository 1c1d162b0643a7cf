"""A DataLoader of clips whose dataset and batches have known types."""

from torch.utils.data import DataLoader

from datasets.samplers import Batches
from datasets.video_dataset import VideoDataset


class ClipLoader(DataLoader):
    """Loads batches of clips; of training by `batch_sampler`, which draws anew every epoch."""

    dataset: VideoDataset
    batch_sampler: Batches
