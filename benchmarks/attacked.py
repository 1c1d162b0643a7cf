"""Accuracy and AUC of detectors under adversarial attacks.

    python -m benchmarks.attacked checkpoints/plain/best.pt checkpoints/hardened/best.pt

Scores a split with unchanged clips, with clips attacked by FGSM, and with clips attacked by PGD
(training/adversarial.py). The attacker knows the model and the labels. A video counts as fake from
the checkpoint's own threshold on.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.shared import new_parser
from common import devices, errors
from datasets import manifest
from datasets.loaders import evaluation_loader
from datasets.video_dataset import Batch, VideoDataset
from flags.shared import add_device
from flags.types import at_least, between
from models.frame_rnn import FrameModel
from scoring import metrics
from scoring.aggregate import video_scores
from scoring.detector import Detector
from scoring.load import load_detector
from scoring.predict import predict
from training import adversarial
from training.adversarial import Attack

ATTACKS = ("fgsm", "pgd")


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="checkpoints to attack")
    parser.add_argument("--csv_file", default="data/demo/videos_df.csv", help="manifest")
    parser.add_argument("--split", choices=["val", "test"], default="test", help="split to score")
    parser.add_argument(
        "--epsilon",
        type=between(0, 1),
        default=2 / 255,
        help="largest change of a pixel's value, where values are in [0, 1]",
    )
    parser.add_argument("--steps", type=at_least(1), default=20, help="steps of PGD")
    parser.add_argument("--batch_size", type=at_least(1), default=16, help="clips per batch")
    add_device(parser, "auto", "the detector")
    flags = parser.parse_args()
    data = manifest.read(manifest.find(flags.csv_file))
    device = devices.choose(flags.device)
    print(f"{flags.split} split, epsilon {flags.epsilon:.4f}, {flags.steps} steps of PGD")
    print(f"{'checkpoint':<40}" + "".join(f"{name:>19}" for name in ("unchanged", *ATTACKS)))
    for path in flags.checkpoints:
        detector = load_detector(path, device)
        dataset = VideoDataset(data, flags.split, detector.clip, train=False)
        mean, std = detector.clip.mean, detector.clip.std
        attacks = [
            adversarial.make_attack(name, flags.epsilon, mean, std, flags.steps) for name in ATTACKS
        ]
        cells = [
            format_cell(*measure(detector, dataset, attack, flags.batch_size))
            for attack in (None, *attacks)
        ]
        print(f"{path!s:<40}" + "".join(f"{cell:>19}" for cell in cells), flush=True)
    return 0


def measure(
    detector: Detector, dataset: VideoDataset, attack: Attack | None, batch_size: int
) -> tuple[float, float | None]:
    """Return the accuracy of the dataset's videos at the detector's threshold, and their AUC."""
    model, rule = detector.model, detector.rule
    assert isinstance(model, FrameModel)  # an exported model has no gradients
    torch.manual_seed(0)
    loader = evaluation_loader(dataset, batch_size, workers=0, device=model.device)
    scores = video_scores(predict(model, attack_clips(model, loader, attack)), rule.aggregation)
    labels = dataset.video_labels()
    names = sorted(scores)
    label = np.array([labels[name] for name in names])
    score = np.array([scores[name] for name in names])
    accuracy = float(np.mean((score >= rule.single_threshold) == label))
    return accuracy, metrics.auc(label, score)


def format_cell(accuracy: float, auc: float | None) -> str:
    return f"{accuracy:.3f} (AUC {'none' if auc is None else f'{auc:.3f}'})"


def attack_clips(
    model: nn.Module, loader: Iterable[Batch], attack: Attack | None
) -> Iterator[Batch]:
    """Yield the loader's batches with attacked clips."""
    for batch in loader:
        if attack is not None:
            batch["clips"] = attack(model, batch["clips"], batch["mask"], batch["labels"])
        yield batch


if __name__ == "__main__":
    errors.run(main)
