"""Model and clips → p_fake. Shapes: B clips, T frames, C channels, H, W, K classes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import nn

from common.errors import CheckpointError
from common.preprocessing import ClipConfig
from datasets import clips as clip_tools
from datasets.transforms import eval_transform
from datasets.video_dataset import Batch
from scoring.aggregate import ClipScore
from scoring.detector import ClipModel


@torch.inference_mode()
def p_fake(model: nn.Module, clips: torch.Tensor, mask: torch.Tensor) -> list[float]:
    """(B, T, C, H, W), (B, T) → B probabilities that a clip is not REAL (class 0).

    `model` must be in evaluation mode.
    """
    assert not model.training
    device = next(model.parameters()).device
    logits = model(clips.to(device, non_blocking=True), mask.to(device))  # (B, K)
    return not_real(logits).tolist()


def not_real(logits: torch.Tensor) -> torch.Tensor:
    """(B, K) → (B,) probabilities that a clip is not REAL (class 0), in double precision."""
    return 1 - logits.double().softmax(dim=1)[:, 0]


def check_numbers(scores: Iterable[float]) -> None:
    """Raise CheckpointError for a score that is none."""
    if any(map(math.isnan, scores)):
        raise CheckpointError("this checkpoint's scores are no numbers: its weights are damaged")


def predict(model: nn.Module, batches: Iterable[Batch]) -> list[ClipScore]:
    """Every clip of an evaluation loader; leaves `model` in evaluation mode."""
    model.eval()
    scores: list[ClipScore] = []
    for batch in batches:
        values = p_fake(model, batch["clips"], batch["mask"])
        scores += map(ClipScore, batch["video_ids"], batch["tracks"], values)
    return scores


@dataclass(frozen=True)
class TrackScores:
    """What the model says of one person."""

    clips: list[float]  # of the fixed clips, as evaluate.py sees them
    frames: list[float]  # of every crop: the mean of all clips that hold it


@torch.inference_mode()
def predict_track(
    model: ClipModel, jpegs: list[bytes], config: ClipConfig, batch_size: int
) -> TrackScores:
    """A track's crops as JPEG bytes, each through the encoder once. `batch_size` clips' frames go
    through it together. `model` must be in evaluation mode."""
    assert not model.training
    crops = eval_transform(config)(clip_tools.decode(jpegs))
    parts = crops.split(batch_size * config.clip_frames)
    features = torch.cat([model.encode(part.to(model.device)) for part in parts])  # (N, E)

    def scores(starts: list[int], length: int) -> list[float]:
        found: list[float] = []
        for first in range(0, len(starts), batch_size):
            chosen = [
                features[start : start + length] for start in starts[first : first + batch_size]
            ]
            clips, mask = clip_tools.collate(chosen)
            found += not_real(model(clips, mask.to(model.device))).tolist()
        return found

    length = min(config.clip_frames, len(jpegs)) if model.sees_time else 1
    windows = scores(list(range(len(jpegs) - length + 1)), length)
    frames = [fmean(windows[max(0, i - length + 1) : i + 1]) for i in range(len(jpegs))]
    starts = clip_tools.fixed_starts(len(jpegs), config.clip_frames)
    of_clips = scores(starts, config.clip_frames)
    check_numbers(of_clips)
    return TrackScores(of_clips, frames)
