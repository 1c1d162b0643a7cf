"""Seconds of an epoch that trains only the head, from stored features and from pixels.

    python -m benchmarks.frozen [--encoder resnet50] [--tracks 16]

Both train the same head on the same clips of 16 crops of 224 px without augmentation; the crops are
generated. The largest difference of a logit between the two is printed as well.
"""

import tempfile
from functools import partial
from pathlib import Path

import torch

from benchmarks.loader import CLIP, make_crops
from benchmarks.shared import measure_seconds, new_parser
from benchmarks.training import HOOKS, make_plan, make_training
from common import errors
from datasets import samplers
from datasets.device_batches import DeviceBatches
from datasets.feature_store import FeatureDataset, FeatureStore, key
from datasets.loaders import Reader, TrainingLoader
from datasets.video_dataset import VideoDataset, collate
from flags.types import at_least
from models.frame_rnn import FrameModel
from trainer import train_one_epoch
from training import frozen_features
from training.state import Position, Training

BATCH_SIZE = 4  # clips


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument(
        "--encoder", default="resnet50", help="name of an encoder, as train.py --model_name"
    )
    parser.add_argument(
        "--tracks", type=at_least(BATCH_SIZE), default=16, help="tracks, and so clips of an epoch"
    )
    parser.add_argument(
        "--epochs",
        type=at_least(1),
        default=10,
        help="epochs from stored features, of which the mean is printed; through the encoder: 1",
    )
    flags = parser.parse_args()
    training = make_training(flags.encoder, torch.device("cpu"), freeze=True)
    model = training.model
    assert isinstance(model, FrameModel)
    with tempfile.TemporaryDirectory() as folder:
        data = make_crops(Path(folder), flags.tracks)
        store = FeatureStore(data, key(flags.encoder, model.encoder.state_dict(), CLIP, data))
        compute = partial(frozen_features.compute, model.encoder, store, CLIP, workers=0)
        compute_seconds = measure_seconds(compute)
        features = FeatureDataset(data, "train", CLIP, train=True, store=store)
        pixels = VideoDataset(data, "train", CLIP, train=True, augmentation="none")
        slow = epoch_seconds(training, pixels, epochs=1)
        fast = epoch_seconds(training, features, flags.epochs)
        difference = largest_difference(model, pixels, features)
    print(f"{flags.encoder}, {flags.tracks} tracks, seconds:")
    print(f"computing all features     {compute_seconds:9.3f}")
    print(f"epoch through the encoder  {slow:9.3f}")
    print(f"epoch from stored features {fast:9.3f}   {slow / fast:.0f} times as fast")
    print(f"largest difference of a logit: {difference:.1e}")
    return 0


def epoch_seconds(training: Training, dataset: VideoDataset, epochs: int) -> float:
    """Train on `dataset` and return the mean seconds of an epoch."""
    sampler = samplers.EpochSampler(dataset.labels, dataset.sources, "none", seed=0)
    batches = samplers.Batches(sampler, BATCH_SIZE)
    loader = TrainingLoader(dataset, batches, Reader(epochs=epochs), torch.device("cpu"))
    plan = make_plan(torch.float32)

    def train() -> None:
        for epoch in range(1, epochs + 1):
            train_one_epoch(training, loader, plan, HOOKS, Position(epoch=epoch))

    return measure_seconds(train) / epochs


@torch.inference_mode()
def largest_difference(model: FrameModel, pixels: VideoDataset, features: VideoDataset) -> float:
    """Return the largest difference of a logit between two datasets of the same clips."""
    model.eval()
    for dataset in (pixels, features):
        dataset.set_epoch(0)  # the same random clips in both
    largest = 0.0
    to_device = DeviceBatches(CLIP, torch.device("cpu"))
    for index in range(len(pixels)):
        batches = [to_device(collate([dataset[index]])) for dataset in (pixels, features)]
        logits = [model(batch["clips"], batch["mask"]) for batch in batches]
        largest = max(largest, (logits[0] - logits[1]).abs().max().item())
    return largest


if __name__ == "__main__":
    errors.run(main)
