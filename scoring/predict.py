"""Model and clips → p_fake. Shapes: B clips, T frames, C channels, H, W, K classes."""

from collections.abc import Iterable

import torch
from torch import nn

from datasets import clips as clip_tools
from datasets.transforms import eval_transform
from datasets.video_dataset import Batch
from faces.extract import Extraction
from preprocessing import ClipConfig
from scoring.aggregate import ClipScore


@torch.inference_mode()
def p_fake(model: nn.Module, clips: torch.Tensor, mask: torch.Tensor) -> list[float]:
    """(B, T, C, H, W), (B, T) → B probabilities that a clip is not REAL (class 0).

    `model` must be in evaluation mode.
    """
    assert not model.training
    device = next(model.parameters()).device
    logits = model(clips.to(device, non_blocking=True), mask.to(device))  # (B, K)
    return (1 - logits.double().softmax(dim=1)[:, 0]).tolist()


def predict(model: nn.Module, batches: Iterable[Batch]) -> list[ClipScore]:
    """Every clip of an evaluation loader; leaves `model` in evaluation mode."""
    model.eval()
    scores: list[ClipScore] = []
    for batch in batches:
        values = p_fake(model, batch["clips"], batch["mask"])
        scores += map(ClipScore, batch["video_ids"], batch["tracks"], values)
    return scores


def predict_extraction(
    model: nn.Module, extraction: Extraction, config: ClipConfig, batch_size: int
) -> list[ClipScore]:
    """Every fixed clip of every track of one video, through the crops' JPEG bytes."""
    model.eval()
    transform = eval_transform(config)
    owners: list[int] = []
    clips: list[torch.Tensor] = []
    for number, track in enumerate(extraction.tracks):
        for start in clip_tools.fixed_starts(len(track.jpegs), config.clip_frames):
            jpegs = track.jpegs[start : start + config.clip_frames]
            owners.append(number)
            clips.append(transform(clip_tools.decode(jpegs)))
    values: list[float] = []
    for start in range(0, len(clips), batch_size):
        values += p_fake(model, *clip_tools.collate(clips[start : start + batch_size]))
    return [ClipScore("", owner, value) for owner, value in zip(owners, values, strict=True)]
