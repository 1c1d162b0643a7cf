"""Detectors under attack: accuracy and AUC of videos, on clips as they are and as attacks.py
changes them.

    python -m benchmarks.attacked checkpoints/plain/best.pt checkpoints/hardened/best.pt

The attacker knows the model and the label. The threshold is the checkpoint's.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from common import devices, errors
from datasets import manifest
from datasets.video_dataset import Batch, VideoDataset, collate
from flags.types import at_least, between
from scoring import metrics
from scoring.aggregate import video_scores
from scoring.detector import Detector
from scoring.load import load_detector
from scoring.predict import predict
from training import adversarial
from training.adversarial import Attack


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--csv_file", default="data/demo/videos_df.csv", help="manifest")
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument(
        "--epsilon", type=between(0, 1), default=2 / 255, help="of values in [0, 1]"
    )
    parser.add_argument("--steps", type=at_least(1), default=20, help="of pgd")
    parser.add_argument("--batch_size", type=at_least(1), default=16)
    flags = parser.parse_args()
    data = manifest.read(manifest.find(flags.csv_file))
    place = devices.choose("auto")
    print(f"{flags.split} split, epsilon {flags.epsilon:.4f}, pgd in {flags.steps} steps")
    print(f"{'':<40}{'as they are':>16}{'fgsm':>16}{'pgd':>16}")
    for path in flags.checkpoints:
        detector = load_detector(path, place)
        mean, std = detector.clip.mean, detector.clip.std
        tried: list[Attack | None] = [
            None,
            *(
                adversarial.make_attack(n, flags.epsilon, mean, std, flags.steps)
                for n in ("fgsm", "pgd")
            ),
        ]
        dataset = VideoDataset(data, flags.split, detector.clip, train=False)
        found = [judge(detector, dataset, attack, flags.batch_size) for attack in tried]
        cells = "".join(f"{f'{a:.3f} (AUC {auc:.3f})':>18}" for a, auc in found)
        print(f"{path!s:<40}{cells}", flush=True)
    return 0


def judge(
    detector: Detector, dataset: VideoDataset, attack: Attack | None, batch_size: int
) -> tuple[float, float | None]:
    """Accuracy at the detector's threshold, and AUC, over the videos of `dataset`."""
    torch.manual_seed(0)
    batches = attacked(detector.model, DataLoader(dataset, batch_size, collate_fn=collate), attack)
    judgement, labels = detector.judgement, dataset.video_labels()
    scores = video_scores(predict(detector.model, batches), judgement.aggregation)
    rows = np.array([(labels[name], score) for name, score in sorted(scores.items())])
    result = metrics.video_metrics(rows[:, 0].astype(int), rows[:, 1], judgement.threshold)
    return result["accuracy"], result["auc"]


def attacked(model: nn.Module, batches: Iterable[Batch], attack: Attack | None) -> Iterator[Batch]:
    place = next(model.parameters()).device
    for batch in batches:
        if attack is not None:
            seen = (batch[name].to(place) for name in ("clips", "mask", "labels"))
            batch["clips"] = attack(model, *seen)
        yield batch


if __name__ == "__main__":
    errors.run(main)
