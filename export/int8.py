"""Converts an exported encoder to 8-bit integers, and measures how this changes the scores.

Static quantisation (Jacob et al. 2018): weights have one scale for each output channel, activations
one for each tensor, from its range on training crops. The head stays in float32.

Shapes: N frames, B clips, T frames of a clip, C channels, H, W.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from common import preprocessing
from common.errors import CheckpointError, DataError
from datasets.device_batches import DeviceBatches
from datasets.manifest import Manifest
from datasets.video_dataset import Batch, VideoDataset, collate
from models import padding
from scoring.decision_rule import DecisionRule
from scoring.detector import ClipModel, Detector
from scoring.metrics import auc
from scoring.predict import probability_not_real

CLIPS = 256  # training clips that the ranges of activations are measured on, at most
# The first convolutions stay in float32: in an EfficientNet-Lite0 this halves the change of p_fake.
EXACT = 3
CHECKED = 200  # validation videos whose scores are compared, at most
ALLOWED = 0.02  # largest mean change of p_fake


@dataclass(frozen=True)
class Comparison:
    """How the p_fake of the same videos differs between two models, `before` and `after`."""

    labels: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @property
    def mean_change(self) -> float:
        return float(np.abs(self.after - self.before).mean())

    @property
    def largest_change(self) -> float:
        return float(np.abs(self.after - self.before).max())

    def __str__(self) -> str:
        text = (
            f"p_fake of {len(self.labels)} videos changes by {self.mean_change:.4f} on average, "
            f"{self.largest_change:.4f} at most"
        )
        values = [auc(self.labels, scores) for scores in (self.before, self.after)]
        if None in values:
            return text
        return f"{text}; AUC {values[0]:.4f} before, {values[1]:.4f} after"


def quantise(encoder: bytes, clips: Iterator[tuple[torch.Tensor, torch.Tensor]]) -> bytes:
    """Return an encoder's ONNX graph in 8-bit integers. `clips`, pairs of clips (B, T, C, H, W) and
    their mask (B, T), give the ranges of its activations."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Frames(CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:
            pair = next(clips, None)
            return None if pair is None else {"frames": padding.remove(*pair).numpy()}

    with TemporaryDirectory() as folder:
        given, prepared, result = (Path(folder) / f"{name}.onnx" for name in "abc")
        given.write_bytes(encoder)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        nodes = onnx.load(prepared).graph.node
        quantize_static(
            prepared,
            result,
            Frames(),
            nodes_to_exclude=[node.name for node in nodes if node.op_type == "Conv"][:EXACT],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return result.read_bytes()


def clip_batches(detector: Detector, data: Manifest, split: str, count: int) -> Iterator[Batch]:
    """Yield batches of one clip each of up to `count` videos of a split, spread evenly over it.
    Raise DataError if the manifest's crops were made with other settings than the detector's."""
    if preprocessing.differences(detector.faces, data.faces):
        raise DataError(
            f"{data.folder}: the crops were made with other settings than those of training"
        )
    dataset = VideoDataset(data, split, detector.clip, train=False)
    first_of_video: dict[str, int] = {}
    for index, (row, _) in enumerate(dataset.items):
        first_of_video.setdefault(dataset.row(row)["video_id"], index)
    indices = list(first_of_video.values())
    to_device = DeviceBatches(detector.clip, torch.device("cpu"))
    for index in indices[:: -(-len(indices) // count)]:
        yield to_device(collate([dataset[index]]))


@torch.inference_mode()
def compare(
    before: ClipModel, after: ClipModel, rule: DecisionRule, batches: Iterator[Batch]
) -> Comparison:
    """Return how p_fake differs between two models on the same clips."""
    labels, scores = [], []
    for batch in batches:
        labels += batch["labels"].tolist()
        scores.append([_score(model, batch) for model in (before, after)])
    values = rule.p_fake(np.array(scores))  # (videos, 2)
    return Comparison(np.array(labels), values[:, 0], values[:, 1])


def check(comparison: Comparison, checkpoint: Path) -> None:
    """Raise CheckpointError if 8-bit integers change p_fake by more than ALLOWED on average."""
    if not comparison.mean_change <= ALLOWED:  # also if it is NaN
        raise CheckpointError(
            f"{checkpoint} was not exported: in 8-bit integers, {comparison}, and {ALLOWED} on "
            "average is allowed; leave out --int8"
        )


def _score(model: ClipModel, batch: Batch) -> float:
    mask = batch["mask"]  # (1, T)
    features = padding.restore(model.encode(padding.remove(batch["clips"], mask)), mask)
    return probability_not_real(model(features, mask)).item()
