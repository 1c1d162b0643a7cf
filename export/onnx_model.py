"""Loads an exported detector and runs it with ONNX Runtime, without the code of models/.

Shapes: N frames, B clips, T frames of a clip, C channels, H, W, E features, K classes.
"""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from common.errors import CheckpointError, DataError, UsageError, one_line
from common.preprocessing import ClipConfig, FaceConfig
from export import detector_file
from export.detector_file import DetectorFile
from scoring.decision_rule import DecisionRule
from scoring.detector import Detector
from scoring.training_range import TrainingRange

# The key with which a tensor in a graph names another file that holds its values, as protobuf
# encodes it: tag 1, length 8, text. Tag and length may have superfluous bytes.
OTHER_FILE = re.compile(rb"(\n|\x8a\x80*\x00)(\x08|\x88\x80*\x00)location")


class OnnxModel:
    """A model made of two ONNX graphs, encoder and head, run on the CPU. It implements
    `scoring.detector.ClipModel`, so scoring uses it like a torch model."""

    training = False
    device = torch.device("cpu")

    def __init__(
        self,
        encoder: bytes,
        head: bytes,
        sees_time: bool,
        encoder_dtype: torch.dtype = torch.float32,
    ) -> None:
        """`encoder` and `head` are the bytes of ONNX files, `encoder_dtype` is what the encoder
        computes in; `sees_time` says whether the score of a frame depends on its neighbours. Raise
        UsageError if onnxruntime is not installed, CheckpointError if a graph refers to another
        file, and an error of onnxruntime if a graph is invalid."""
        self.sees_time, self.encoder_dtype = sees_time, encoder_dtype
        self._encoder, self._head = _session(encoder), _session(head)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (N, C, H, W) float → features (N, E)."""
        (features,) = self._encoder.run(None, {"frames": frames.numpy()})
        return torch.from_numpy(features)

    def __call__(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Features (B, T, E) float, mask (B, T) bool (False for padding) → logits (B, K)."""
        (logits,) = self._head.run(None, {"features": clips.numpy(), "mask": mask.numpy()})
        return torch.from_numpy(logits)


def load_exported(path: Path) -> Detector:
    """Load the detector in the exported file `path`. Raise CheckpointError if the file cannot be
    used, UsageError if onnxruntime is not installed."""
    return build_exported(read_exported(path), path)


def read_exported(path: Path) -> DetectorFile:
    """Return the content of the exported file `path`; see `load_exported`."""
    _import_runtime()
    return detector_file.read(path)


def faces_of(content: DetectorFile, path: Path) -> FaceConfig:
    """Return the settings with which an exported detector's crops are made. Raise CheckpointError
    if they are damaged."""
    try:
        return FaceConfig.from_dict(content.about["faces"])
    except Exception as error:  # they can be anything
        raise CheckpointError(f"{path} is damaged ({one_line(error)})") from error


def build_exported(content: DetectorFile, path: Path) -> Detector:
    """Return the detector in the content of the file `path`; see `load_exported`."""
    about = content.about
    try:
        config = about["model"]
        if not all(isinstance(config[name], str) for name in ("name", "temporal")):
            raise CheckpointError("its settings do not name the encoder and the temporal head")
        clip = ClipConfig.from_dict(about["clip"])
        dtype = torch.int8 if about.get("precision") == "int8" else torch.float32
        model = OnnxModel(content.encoder, content.head, bool(about["sees_time"]), dtype)
        _check_graphs(model, clip)
        return Detector(
            model=model,
            config=config,
            faces=FaceConfig.from_dict(about["faces"]),
            clip=clip,
            rule=DecisionRule.from_dict(about["judgement"]),
            training_range=TrainingRange.from_dict(about["familiar"]),
            trained_on=frozenset(about["trained_on"]),
            about=dict(about.get("about", {})),
        )
    except (CheckpointError, DataError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    except Exception as error:  # onnxruntime raises many types, and settings can be anything
        raise CheckpointError(f"{path} is damaged ({one_line(error)})") from error


def _import_runtime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            "exported detectors need onnxruntime: pip install -r requirements-extras.txt"
        ) from error
    return onnxruntime


def _session(graph: bytes) -> Any:
    if OTHER_FILE.search(graph):  # which need not be a file of the exported detector
        raise CheckpointError("a graph refers to values in another file")
    runtime = _import_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors are raised, so they need not be printed as well
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _check_graphs(model: OnnxModel, clip: ClipConfig) -> None:
    """Run both graphs on one frame. Raise CheckpointError, or an error of onnxruntime, if the
    graphs do not fit each other or the size of the clips."""
    frame = torch.zeros(1, 3, clip.crop_size, clip.crop_size)
    logits = model(model.encode(frame).unsqueeze(0), torch.ones(1, 1, dtype=torch.bool))
    if logits.dim() != 2 or logits.shape[0] != 1 or logits.shape[1] < 2:
        raise CheckpointError(f"its head returns logits of shape {tuple(logits.shape)}, not (1, K)")
