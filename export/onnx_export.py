"""Checkpoint → the one file of an exported detector (scoring/exported.py), proven against torch.

Shapes: N frames, B clips, T frames of a clip, E features of a frame, D features (`--embed_dim`),
K classes.
"""

import io
import math
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from common.errors import CheckpointError, UsageError, one_line
from common.files import sha256
from common.preprocessing import ClipConfig
from datasets.clips import collate
from export import detector_file
from export.detector_file import Exported
from export.onnx_model import OnnxModel
from models.frame_rnn import FrameModel
from models.temporal import Recurrent, mean_over_time, with_changes
from scoring.detector import ClipModel
from scoring.load import load_detector
from scoring.predict import not_real

LIMIT = 1e-4  # by which logits and p_fake may differ from torch's


class Encoder(nn.Module):
    """(N, C, H, W) float → (N, E)"""

    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.model.encode(frames)


class Head(nn.Module):
    """What a model makes of its encoder's features. Unlike there, padded frames are computed, too,
    because picking the others gives shapes that no graph knows; they weigh nothing either way."""

    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.project, self.classify = model.project, model.classify
        temporal = getattr(model, "temporal", None)  # None: every frame alone
        two_ways = isinstance(temporal, Recurrent) and temporal.rnn.bidirectional
        self.temporal = BothWays(temporal.rnn) if two_ways else temporal

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, E) float, (B, T) bool → (B, K)"""
        features = self.project(features)  # (B, T, D)
        if self.temporal is not None:
            return self.classify(self.temporal(features, mask))
        logs = self.classify(features).log_softmax(dim=-1)  # (B, T, K)
        logs = logs.masked_fill(~mask.unsqueeze(-1), -math.inf)
        return logs.logsumexp(dim=1) - mask.sum(dim=1, keepdim=True).log()


class BothWays(nn.Module):
    """models.temporal.Recurrent with a way back, by RNNs of one way each: the packed sequence that
    begins the way back at the last valid step has no graph."""

    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        layers = range(rnn.num_layers)
        self.there = nn.ModuleList(_one_way(rnn, f"l{layer}") for layer in layers)
        self.back = nn.ModuleList(_one_way(rnn, f"l{layer}_reverse") for layer in layers)

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, D) float, (B, T) bool → (B, 4D)"""
        steps = outputs = with_changes(features)
        for there, back in zip(self.there, self.back, strict=True):
            onwards, _ = there(outputs)
            backwards, _ = back(turned(outputs, mask))
            outputs = torch.cat([onwards, turned(backwards, mask)], dim=-1)
        return mean_over_time(torch.cat([steps, outputs], dim=-1), mask)


def _one_way(rnn: nn.RNNBase, suffix: str) -> nn.RNNBase:
    """One layer of `rnn` in one of its directions, with its weights."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = {f"{name}_l0": getattr(rnn, f"{name}_{suffix}") for name in names}
    layer = type(rnn)(weights["weight_ih_l0"].shape[1], rnn.hidden_size, batch_first=True)
    layer.load_state_dict(weights)
    return layer


def turned(steps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, T, E) with the valid steps of each clip in the opposite order, padding left in place."""
    places = torch.arange(mask.shape[1]).expand(mask.shape)
    places = torch.where(mask, mask.sum(dim=1, keepdim=True) - 1 - places, places)  # (B, T)
    return steps.gather(1, places.unsqueeze(-1).expand(steps.shape))


def export(checkpoint: Path, path: Path) -> float:
    """Write `path`, and return the largest difference of a logit or a p_fake from torch's.

    Raise CheckpointError for a checkpoint that is unusable or an export that is not the same
    model, UsageError for what cannot be exported.
    """
    require()
    detector = load_detector(checkpoint, torch.device("cpu"))
    model = detector.model
    encoder, head = encoder_graph(model, detector.clip.crop_size), head_graph(model)
    difference = largest_difference(model, OnnxModel(encoder, head, model.sees_time), detector.clip)
    if not difference <= LIMIT:  # nor no number
        raise CheckpointError(
            f"{checkpoint} was not exported: as ONNX it differs by {difference:.1e}, "
            f"allowed are {LIMIT:.0e}"
        )
    about = {
        "model": detector.config,
        "sees_time": model.sees_time,
        "faces": detector.faces.to_dict(),
        "clip": detector.clip.to_dict(),
        "judgement": detector.judgement.to_dict(),
        "familiar": detector.familiar.to_dict(),
        "trained_on": sorted(detector.trained_on),
        "checkpoint_sha256": sha256(checkpoint),
    }
    detector_file.write(path, Exported(encoder, head, about))
    return difference


def require() -> None:
    """Raise UsageError when what `export` needs is not installed."""
    if not all(map(find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        raise UsageError(
            "--export needs onnx, onnxscript and onnxruntime: "
            "pip install -r requirements-extras.txt"
        )


def encoder_graph(model: FrameModel, crop_size: int) -> bytes:
    # Two frames: an example of one would be taken for a rule.
    return _graph(Encoder(model), {"frames": torch.zeros(2, 3, crop_size, crop_size)}, "features")


def head_graph(model: FrameModel) -> bytes:
    examples = {
        "features": torch.zeros(2, 3, model.project[0].in_features),
        "mask": torch.ones(2, 3, dtype=torch.bool),
    }
    return _graph(Head(model), examples, "logits")


def _graph(module: nn.Module, examples: dict[str, torch.Tensor], output: str) -> bytes:
    """With dimensions that vary: of frames the first, of what comes with a mask the first two.
    Raise UsageError for a module that torch cannot turn into a graph."""
    varying = {0: "B", 1: "T"} if "mask" in examples else {0: "N"}
    try:
        with warnings.catch_warnings(action="ignore"):  # about its own workings
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
    file = io.BytesIO()
    program.save(file)
    return file.getvalue()


@torch.inference_mode()
def largest_difference(model: FrameModel, other: ClipModel, config: ClipConfig) -> float:
    """Of logits and p_fake, over random clips of several lengths, alone and padded together."""
    draw = torch.Generator().manual_seed(0)
    size, length = config.crop_size, config.clip_frames
    pixels = torch.rand(length + 1, 3, size, size, generator=draw)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (config.mean, config.std))
    frames = ((pixels - mean) / std).split([1, length])

    def judged(by: ClipModel) -> torch.Tensor:
        features = torch.cat([by.encode(part) for part in frames])
        shorter = max(1, length // 2)
        batches = [[1], [length], [1, shorter, length], [shorter, length + 1, 1, length]]
        found = []
        for lengths in batches:
            logits = by(*collate([features[:count] for count in lengths]))
            found += [logits.flatten(), not_real(logits)]
        return torch.cat(found)

    return (judged(model) - judged(other)).abs().max().item()
