"""Exports a checkpoint as one file with ONNX graphs, and checks that they give the same scores.

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
from datasets.manifest import Manifest
from export import detector_file, int8
from export.detector_file import DetectorFile
from export.onnx_model import OnnxModel
from models.frame_rnn import FrameModel
from scoring.detector import ClipModel
from scoring.load import load_detector
from scoring.predict import probability_not_real

TOLERANCE = 1e-4  # largest allowed difference of a logit or score from that of torch


class Encoder(nn.Module):
    """The encoder of a FrameModel as a module: frames (N, C, H, W) float → features (N, E)."""

    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.model.encode(frames)


class Head(nn.Module):
    """A FrameModel without its encoder, for export.

    The model selects the valid frames first. This would make shapes depend on the values of the
    mask, which a graph cannot express, so this module also computes padded frames and masks them
    afterwards. The logits are the same.
    """

    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.project: Any = model.project
        self.classify: Any = model.classify
        self.temporal: Any = getattr(model, "temporal", None)  # None: frames are classified alone

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Features (B, T, E) float, mask (B, T) bool (False for padding) → logits (B, K)."""
        shape = features.shape[:2]
        features = self.project(features.flatten(0, 1)).unflatten(0, shape)  # (B, T, D)
        if self.temporal is not None:
            return self.classify(self.temporal(features, mask))
        logs = self.classify(features).log_softmax(dim=-1)  # (B, T, K)
        logs = logs.masked_fill(~mask.unsqueeze(-1), -math.inf)
        return logs.logsumexp(dim=1) - mask.sum(dim=1, keepdim=True).log()


def export(checkpoint: Path, path: Path, calibration: Manifest | None = None) -> str:
    """Export a checkpoint to the file `path`, and return a text on how its results differ.

    With a manifest as `calibration`, the encoder computes in 8-bit integers, whose ranges are
    measured on training crops and whose results on validation crops (export/int8.py).

    Raise UsageError if a package is missing or the model cannot be exported, CheckpointError if the
    checkpoint cannot be used or the results differ too much, DataError if the manifest's crops do
    not fit the checkpoint; nothing is written then.
    """
    check_installed()
    detector = load_detector(checkpoint, torch.device("cpu"))
    model = detector.model
    assert isinstance(model, FrameModel)
    encoder, head = encoder_graph(model, detector.clip.crop_size), head_graph(model)
    difference = largest_difference(model, OnnxModel(encoder, head, model.sees_time), detector.clip)
    if not difference <= TOLERANCE:  # also if it is NaN
        raise CheckpointError(
            f"{checkpoint} was not exported: its ONNX outputs differ from torch by "
            f"{difference:.1e}, allowed is {TOLERANCE:.0e}"
        )
    differences = f"logits and scores differ from {checkpoint} by at most {difference:.1e}"
    if calibration is not None:
        batches = int8.clip_batches(detector, calibration, "train", int8.CLIPS)
        encoder = int8.quantise(encoder, ((batch["clips"], batch["mask"]) for batch in batches))
        quantised = OnnxModel(encoder, head, model.sees_time)
        clips = int8.clip_batches(detector, calibration, "val", int8.CHECKED)
        comparison = int8.compare(model, quantised, detector.rule, clips)
        int8.check(comparison, checkpoint)
        differences = f"in 8-bit integers, {comparison}"
    about = {
        "model": detector.config,
        "precision": "float32" if calibration is None else "int8",
        "sees_time": model.sees_time,
        "faces": detector.faces.to_dict(),
        "clip": detector.clip.to_dict(),
        "judgement": detector.rule.to_dict(),
        "familiar": detector.training_range.to_dict(),
        "trained_on": sorted(detector.trained_on),
        "checkpoint_sha256": sha256(checkpoint),
        "about": detector.about,
    }
    detector_file.write(path, DetectorFile(encoder, head, about))
    return differences


def check_installed() -> None:
    """Raise UsageError if a package that `export` needs is not installed."""
    if not all(map(find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        raise UsageError(
            "--export needs onnx, onnxscript and onnxruntime: "
            "pip install -r requirements-extras.txt"
        )


def encoder_graph(model: FrameModel, crop_size: int) -> bytes:
    """Return the model's encoder as the bytes of an ONNX file, for any number of frames of
    `crop_size` × `crop_size` pixels."""
    # Two frames, because the exporter treats a dimension of size 1 as fixed.
    return _to_onnx(Encoder(model), {"frames": torch.zeros(2, 3, crop_size, crop_size)}, "features")


def head_graph(model: FrameModel) -> bytes:
    """Return the model without its encoder as the bytes of an ONNX file, for any number of clips
    and frames."""
    examples = {
        "features": torch.zeros(2, 3, model.features),
        "mask": torch.ones(2, 3, dtype=torch.bool),
    }
    return _to_onnx(Head(model), examples, "logits")


def _to_onnx(module: nn.Module, examples: dict[str, torch.Tensor], output: str) -> bytes:
    """Return a module as the bytes of an ONNX file. `examples` maps the names of its inputs to
    example tensors; the number of frames N, or of clips B and frames T if there is a mask, is
    dynamic. Raise UsageError if torch cannot export the module."""
    varying = {0: "B", 1: "T"} if "mask" in examples else {0: "N"}
    try:
        with warnings.catch_warnings(action="ignore"):  # they concern internals of the exporter
            program = torch.onnx.export(
                module.eval(),
                kwargs=examples,
                input_names=list(examples),
                output_names=[output],
                dynamic_shapes=dict.fromkeys(examples, varying),
                dynamo=True,  # the older exporter makes B and T constants in places
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise UsageError(f"this model cannot be exported: {one_line(error)}") from error
    assert program is not None, "with dynamo=True the exporter returns a program"
    file = io.BytesIO()
    program.save(file)  # type: ignore[arg-type]  # documented for paths only, but accepts files
    return file.getvalue()


@torch.inference_mode()
def largest_difference(model: FrameModel, other: ClipModel, config: ClipConfig) -> float:
    """Return the largest absolute difference between the two models' logits and scores.

    Both score the same random frames, as single clips and in batches of clips of different lengths,
    which are padded. `config` gives the length and size of the clips.
    """
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
