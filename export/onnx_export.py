"""Exports a checkpoint as one file of ONNX graphs, and proves that it scores the same.

Shapes: N frames, B clips, T frames of a clip, E features of a frame, D features (`--embed_dim`),
K classes.
"""

import io
import math
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common.errors import CheckpointError, UsageError, one_line
from common.files import sha256
from common.preprocessing import ClipConfig
from datasets.clips import collate
from export import detector_file
from export.detector_file import DetectorFile
from export.onnx_model import OnnxModel
from models.frame_rnn import FrameModel
from scoring.detector import ClipModel
from scoring.load import load_detector
from scoring.predict import probability_not_real

TOLERANCE = 1e-4  # largest difference of a logit or p_fake from torch's


class Encoder(nn.Module):
    """A model's encoder: (N, C, H, W) float → (N, E)."""

    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.model.encode(frames)


class Head(nn.Module):
    """A model without its encoder. Unlike the model, it also computes padded frames, because
    selecting the others gives shapes that no graph can have; they have no effect either way."""

    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.project: Any = model.project
        self.classify: Any = model.classify
        self.temporal: Any = getattr(model, "temporal", None)  # None: every frame alone

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, E) float, (B, T) bool → logits (B, K)"""
        features = self.project(features)  # (B, T, D)
        if self.temporal is not None:
            return self.classify(self.temporal(features, mask))
        logs = self.classify(features).log_softmax(dim=-1)  # (B, T, K)
        logs = logs.masked_fill(~mask.unsqueeze(-1), -math.inf)
        return logs.logsumexp(dim=1) - mask.sum(dim=1, keepdim=True).log()


def export(checkpoint: Path, path: Path) -> float:
    """Write `path`, and return the largest difference of a logit or p_fake from torch's.

    Raise CheckpointError for a checkpoint that cannot be used, or if the export does not score the
    same, UsageError for a model that cannot be exported.
    """
    check_installed()
    detector = load_detector(checkpoint, torch.device("cpu"))
    model = detector.model
    assert isinstance(model, FrameModel)
    encoder, head = encoder_graph(model, detector.clip.crop_size), head_graph(model)
    difference = largest_difference(model, OnnxModel(encoder, head, model.sees_time), detector.clip)
    if not difference <= TOLERANCE:  # also if it is NaN
        raise CheckpointError(
            f"{checkpoint} was not exported: as ONNX it differs by {difference:.1e}, allowed are "
            f"{TOLERANCE:.0e}"
        )
    about = {
        "model": detector.config,
        "sees_time": model.sees_time,
        "faces": detector.faces.to_dict(),
        "clip": detector.clip.to_dict(),
        "judgement": detector.rule.to_dict(),
        "familiar": detector.training_range.to_dict(),
        "trained_on": sorted(detector.trained_on),
        "checkpoint_sha256": sha256(checkpoint),
    }
    detector_file.write(path, DetectorFile(encoder, head, about))
    return difference


def check_installed() -> None:
    """Raise UsageError unless the packages that `export` needs are installed."""
    if not all(map(find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        raise UsageError(
            "--export needs onnx, onnxscript and onnxruntime: "
            "pip install -r requirements-extras.txt"
        )


def encoder_graph(model: FrameModel, crop_size: int) -> bytes:
    """Return the model's encoder as an ONNX file."""
    # Two frames, because the exporter takes a size of 1 as fixed.
    return _to_onnx(Encoder(model), {"frames": torch.zeros(2, 3, crop_size, crop_size)}, "features")


def head_graph(model: FrameModel) -> bytes:
    """Return the rest of the model as an ONNX file."""
    examples = {
        "features": torch.zeros(2, 3, model.features),
        "mask": torch.ones(2, 3, dtype=torch.bool),
    }
    return _to_onnx(Head(model), examples, "logits")


def _to_onnx(module: nn.Module, examples: dict[str, torch.Tensor], output: str) -> bytes:
    """Return a module as an ONNX file in which the number of frames, or of clips and frames, may
    vary. Raise UsageError for a module that torch cannot export."""
    varying = {0: "B", 1: "T"} if "mask" in examples else {0: "N"}
    try:
        with warnings.catch_warnings(action="ignore"):  # about the exporter's internals
            program = torch.onnx.export(
                module.eval(),
                kwargs=examples,
                input_names=list(examples),
                output_names=[output],
                dynamic_shapes=dict.fromkeys(examples, varying),
                dynamo=True,  # the older exporter fixes B and T in places
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise UsageError(f"this model cannot be exported: {one_line(error)}") from error
    assert program is not None, "the exporter that dynamo=True selects returns one"
    file = io.BytesIO()
    program.save(file)  # type: ignore[arg-type]  # documented for paths, but writes to files too
    return file.getvalue()


@torch.inference_mode()
def largest_difference(model: FrameModel, other: ClipModel, config: ClipConfig) -> float:
    """Return the largest difference of logits and p_fake over random clips of several lengths,
    alone and padded together."""
    generator = torch.Generator().manual_seed(0)
    size, length = config.crop_size, config.clip_frames
    pixels = torch.rand(length + 1, 3, size, size, generator=generator)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (config.mean, config.std))
    frames = ((pixels - mean) / std).split([1, length])

    def outputs(scorer: ClipModel) -> torch.Tensor:
        features = torch.cat([scorer.encode(part) for part in frames])
        shorter = max(1, length // 2)
        batches = [[1], [length], [1, shorter, length], [shorter, length + 1, 1, length]]
        values = []
        for lengths in batches:
            logits = scorer(*collate([features[:count] for count in lengths]))
            values += [logits.flatten(), probability_not_real(logits)]
        return torch.cat(values)

    return (outputs(model) - outputs(other)).abs().max().item()
