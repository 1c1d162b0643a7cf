"""Content classifiers: models that say what a picture shows, not whether it is fake.

Shapes: N videos or pictures, K classes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import nn

from common.preprocessing import ClipConfig, FaceConfig
from datasets import clips as clip_tools
from datasets.transforms import Normalise, eval_transform
from datasets.video_dataset import Batch
from models.frame_rnn import FrameModel
from scoring.metrics import Metrics

# Names of a class of pictures that a detector of faces should judge.
FACE_NAMES = ("face", "faces", "human", "humans", "human_face", "human_faces", "person", "people")


@dataclass(frozen=True)
class ClassScores:
    """The model's probabilities of one clip."""

    video_id: str
    probabilities: list[float]  # K, in the order of the classes


@dataclass(frozen=True)
class ContentClassifier:
    """A trained content classifier in evaluation mode, on its device."""

    model: FrameModel
    classes: list[str]
    faces: FaceConfig  # how crops are made from a picture
    clip: ClipConfig  # how clips are made from crops
    trained_on: frozenset[int]  # datasets.splits.fingerprints of the training groups

    @torch.inference_mode()
    def probabilities(self, jpegs: list[bytes]) -> dict[str, float]:
        """Return the probability of every class, as a mean over pictures or frames, given as JPEG
        bytes. Raise ValueError if one is not a JPEG."""
        crops = eval_transform(self.clip)(clip_tools.decode(jpegs))
        clips = Normalise(self.clip, self.model.device)(crops.to(self.model.device)).unsqueeze(1)
        values = _probabilities(self.model, clips, torch.ones(len(jpegs), 1, dtype=torch.bool))
        return dict(zip(self.classes, values.mean(axis=0).tolist(), strict=True))


@torch.inference_mode()
def predict(model: nn.Module, batches: Iterable[Batch]) -> list[ClassScores]:
    """Return the probabilities of every clip of an evaluation loader's batches, in their order.
    Puts `model` into evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    scores: list[ClassScores] = []
    for batch in batches:
        values = _probabilities(model, batch["clips"].to(device), batch["mask"])
        scores += map(ClassScores, batch["video_ids"], values.tolist())
    return scores


def _probabilities(model: nn.Module, clips: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
    """Return (B, K) float64 for clips (B, T, C, H, W) or features (B, T, E)."""
    return model(clips, mask).double().softmax(dim=1).cpu().numpy()


def by_video(scores: Iterable[ClassScores]) -> dict[str, np.ndarray]:
    """Return each video's probabilities (K,) by video_id: the mean over its clips."""
    values = defaultdict(list)
    for score in scores:
        values[score.video_id].append(score.probabilities)
    return {video: np.mean(rows, axis=0) for video, rows in values.items()}


def balanced_log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the log loss of `probabilities` (N, K) for `labels` (N,), in which every class that
    occurs has the same weight; natural logarithm of values clipped at 1e-7."""
    losses = -np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1))
    return float(np.mean([losses[labels == label].mean() for label in np.unique(labels)]))


def class_metrics(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> Metrics:
    """Return metrics of N videos with the labels (N,) and the probabilities (N, K): the accuracy,
    `balanced_log_loss`, and F1 of every class, as `f1 CLASS`; 0 for one that does not occur."""
    called = probabilities.argmax(axis=1)
    f1 = f1_score(labels, called, labels=range(len(classes)), average=None, zero_division=0)
    return {
        "accuracy": float((called == labels).mean()),
        "balanced_log_loss": balanced_log_loss(labels, probabilities),
        **{f"f1 {name}": float(value) for name, value in zip(classes, f1, strict=True)},
    }
