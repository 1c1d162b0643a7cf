"""Epochs of the head alone from kept features, beside the same epochs through the frozen encoder.

    python -m benchmarks.frozen [--encoder resnet50] [--tracks 16]

Both train the same head on the same clips of 16 crops of 224 px, made here, without augmentation.
The largest difference of a logit between the two is printed, too.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from benchmarks.loader import CLIP, make_crops
from benchmarks.training import HOOKS, make_plan, make_training
from datasets import manifest, samplers
from datasets.feature_store import FeatureDataset, FeatureStore, key
from datasets.video_dataset import VideoDataset, collate
from flags.types import at_least
from trainer import train_one_epoch
from training import frozen_features
from training.state import Position, Training

BATCH = 4  # clips


def epoch_seconds(training: Training, dataset: VideoDataset, epochs: int) -> float:
    sampler = samplers.EpochSampler(dataset.labels, dataset.sources, "none", seed=0)
    batches = samplers.Batches(sampler, BATCH)
    loader = DataLoader(dataset, batch_sampler=batches, collate_fn=collate)
    plan = make_plan(torch.float32)
    started = time.monotonic()
    for epoch in range(1, epochs + 1):
        train_one_epoch(training, loader, plan, HOOKS, Position(epoch=epoch))
    return (time.monotonic() - started) / epochs


@torch.inference_mode()
def difference(model: torch.nn.Module, one: VideoDataset, other: VideoDataset) -> float:
    """The largest, of a logit."""
    model.eval()
    for dataset in (one, other):
        dataset.set_epoch(0)  # which draws clips
    found = 0.0
    for index in range(len(one)):
        batches = [collate([dataset[index]]) for dataset in (one, other)]
        logits = [model(batch["clips"], batch["mask"]) for batch in batches]
        found = max(found, (logits[0] - logits[1]).abs().max().item())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", default="resnet50")
    parser.add_argument("--tracks", type=at_least(BATCH), default=16)
    parser.add_argument("--epochs", type=at_least(1), default=10, help="from features; 1 without")
    flags = parser.parse_args()
    training = make_training(flags.encoder, torch.device("cpu"), freeze=True)
    with tempfile.TemporaryDirectory() as name:
        data: manifest.Manifest = make_crops(Path(name), flags.tracks)
        encoder = training.model.encoder
        store = FeatureStore(data, key(flags.encoder, encoder.state_dict(), CLIP, data))
        started = time.monotonic()
        frozen_features.compute(encoder, store, CLIP, workers=0)
        once = time.monotonic() - started
        kept = FeatureDataset(data, "train", CLIP, train=True, store=store)
        pixels = VideoDataset(data, "train", CLIP, train=True, augmentation="none")
        slow = epoch_seconds(training, pixels, 1)
        fast = epoch_seconds(training, kept, flags.epochs)
        print(f"{flags.encoder}, {flags.tracks} tracks, seconds:")
        print(f"features, once             {once:9.3f}")
        print(f"epoch, through the encoder {slow:9.3f}")
        print(f"epoch, from features       {fast:9.3f}   {slow / fast:.0f} x")
        print(f"largest difference of a logit: {difference(training.model, pixels, kept):.1e}")


if __name__ == "__main__":
    main()
