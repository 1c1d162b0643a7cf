"""Scores clips and frames with a model.

Shapes: N frames, B clips, T frames of a clip, C channels, H, W, E features, K classes.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import nn

from common.errors import CheckpointError
from common.preprocessing import ClipConfig
from datasets import clips as clip_tools
from datasets.transforms import Normalise, eval_transform
from datasets.video_dataset import Batch
from scoring.aggregate import ClipScore
from scoring.detector import ClipModel

# Of the log odds of a score, which changes it by at most 1.25e-6. Other hardware, batch sizes and
# numbers of threads change the last digits of a logit; rounding the log odds and not the score
# keeps the difference between 1e-7 and 1e-9.
DECIMALS = 5


@torch.inference_mode()
def score_clips(model: nn.Module, clips: torch.Tensor, mask: torch.Tensor) -> list[float]:
    """Return the probability of each of B clips that it is not REAL (class 0).

    `clips` are pixels (B, T, C, H, W) float or features (B, T, E); `mask` (B, T) bool is True for
    real frames and False for padding. `model` must be in evaluation mode.
    """
    assert not model.training
    device = next(model.parameters()).device
    logits = model(clips.to(device, non_blocking=True), mask)  # (B, K)
    return probability_not_real(logits).tolist()


def probability_not_real(logits: torch.Tensor) -> torch.Tensor:
    """Return the probabilities (B,) float64 that the clips with these logits (B, K) are not REAL
    (class 0), with log odds rounded to DECIMALS."""
    logits = logits.double()
    log_odds = logits[:, 1:].logsumexp(dim=1) - logits[:, 0]
    return log_odds.round(decimals=DECIMALS).sigmoid()


def check_finite(scores: Iterable[float]) -> None:
    """Raise CheckpointError if a score is NaN."""
    if any(map(math.isnan, scores)):
        raise CheckpointError("this checkpoint's scores are NaN: its weights are damaged")


def predict(model: nn.Module, batches: Iterable[Batch]) -> list[ClipScore]:
    """Return the score of every clip of an evaluation loader's batches, in their order. Puts
    `model` into evaluation mode."""
    model.eval()
    scores: list[ClipScore] = []
    for batch in batches:
        values = score_clips(model, batch["clips"], batch["mask"])
        scores += map(ClipScore, batch["video_ids"], batch["tracks"], values)
    return scores


@dataclass(frozen=True)
class PersonScores:
    """The model's scores of one person."""

    clips: list[float]  # of the clips at datasets.clips.fixed_starts, as in evaluate.py
    # Of every crop: its own score if the model classifies frames alone, else the mean score of all
    # clips of consecutive crops that contain it.
    frames: list[float]


@torch.inference_mode()
def predict_track(
    model: ClipModel, jpegs: list[bytes], config: ClipConfig, batch_size: int
) -> PersonScores:
    """Return the scores of a track, whose crops are given as JPEG bytes in presentation order.

    The encoder sees each crop once, in batches of `batch_size` × clip_frames crops; the rest of the
    model sees `batch_size` clips at a time. `model` must be in evaluation mode. Raise ValueError if
    a crop is not a JPEG, CheckpointError if a clip's score is NaN.
    """
    assert not model.training
    crops = eval_transform(config)(clip_tools.decode(jpegs))  # (N, C, H, W)
    normalise = Normalise(config, model.device)
    parts = (part.to(model.device) for part in crops.split(batch_size * config.clip_frames))
    features = torch.cat([model.encode(normalise(part)) for part in parts])  # (N, E)

    def scores(starts: list[int], length: int) -> list[float]:
        result: list[float] = []
        for first in range(0, len(starts), batch_size):
            chosen = [
                features[start : start + length] for start in starts[first : first + batch_size]
            ]
            clips, mask = clip_tools.collate(chosen)
            result += probability_not_real(model(clips, mask)).tolist()
        return result

    length = min(config.clip_frames, len(jpegs)) if model.sees_time else 1
    window_scores = scores(list(range(len(jpegs) - length + 1)), length)
    frames = [fmean(window_scores[max(0, i - length + 1) : i + 1]) for i in range(len(jpegs))]
    starts = clip_tools.fixed_starts(len(jpegs), config.clip_frames)
    clip_scores = scores(starts, config.clip_frames)
    check_finite(clip_scores)
    return PersonScores(clip_scores, frames)
