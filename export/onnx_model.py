"""An exported detector, computed by ONNX Runtime: without the code of models/.

Shapes: N frames, B clips, T frames of a clip, C channels, H, W, E features, K classes.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from common.errors import CheckpointError, DataError, UsageError, one_line
from common.preprocessing import ClipConfig, FaceConfig
from export import detector_file
from scoring.decision_rule import Judgement
from scoring.detector import Detector
from scoring.training_range import Familiar


class OnnxModel:
    """A scoring.detector.ClipModel of two ONNX graphs, on the CPU."""

    training = False
    device = torch.device("cpu")
    judges_in = torch.float32

    def __init__(self, encoder: bytes, head: bytes, sees_time: bool) -> None:
        """Raise UsageError without onnxruntime, and what onnxruntime raises for bad graphs."""
        self.sees_time = sees_time
        self._encoder, self._head = _session(encoder), _session(head)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float → (N, E)"""
        (features,) = self._encoder.run(None, {"frames": frames.numpy()})
        return torch.from_numpy(features)

    def __call__(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, E) float, (B, T) bool → (B, K) logits"""
        (logits,) = self._head.run(None, {"features": features.numpy(), "mask": mask.numpy()})
        return torch.from_numpy(logits)


def load_exported(path: Path) -> Detector:
    """Raise CheckpointError for a file that is unusable, UsageError without onnxruntime."""
    _runtime()
    found = detector_file.read(path)
    about = found.about
    try:
        settings = about["model"]
        if not all(isinstance(settings[name], str) for name in ("name", "temporal")):
            raise CheckpointError("its model has no name")
        clip = ClipConfig.from_dict(about["clip"])
        model = OnnxModel(found.encoder, found.head, bool(about["sees_time"]))
        _try_out(model, clip)
        return Detector(
            model,
            settings,
            FaceConfig.from_dict(about["faces"]),
            clip,
            Judgement.from_dict(about["judgement"]),
            Familiar.from_dict(about["familiar"]),
            frozenset(about["trained_on"]),
        )
    except (CheckpointError, DataError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    except Exception as error:  # onnxruntime raises many kinds, and a file's settings may be any
        raise CheckpointError(f"{path} is damaged ({one_line(error)})") from error


def _runtime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            "exported detectors need onnxruntime: pip install -r requirements-extras.txt"
        ) from error
    return onnxruntime


def _session(graph: bytes) -> Any:
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors are raised; it would print them as well
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _try_out(model: OnnxModel, clip: ClipConfig) -> None:
    """Raise what comes of graphs that do not fit each other or the clips."""
    frame = torch.zeros(1, 3, clip.crop_size, clip.crop_size)
    logits = model(model.encode(frame).unsqueeze(0), torch.ones(1, 1, dtype=torch.bool))
    if logits.dim() != 2 or logits.shape[0] != 1 or logits.shape[1] < 2:
        raise CheckpointError(f"its head answers a clip with {tuple(logits.shape)}")
