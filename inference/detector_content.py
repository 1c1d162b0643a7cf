"""Reads a detector's file, of which the settings for crops are needed before the model is built."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from common import devices
from common.errors import UsageError
from common.preprocessing import FaceConfig
from scoring.detector import Detector


class DetectorContent(NamedTuple):
    """What a detector's file holds: its settings for crops, and a function that builds it."""

    faces: FaceConfig
    build: Callable[[], Detector]


def read_content(path: Path, backend: str, device: str, precision: str) -> DetectorContent:
    """Read a checkpoint (`backend` torch) or an exported detector (`backend` onnx). Raise
    CheckpointError if the file cannot be used, UsageError if the backend cannot run with `device`
    or `precision`.

    An exported detector does not need the code of models/, so imports are inside the function.
    """
    if backend == "onnx":
        if device == "cuda":
            raise UsageError("--backend onnx runs on the CPU: leave out --device cuda")
        if precision not in ("auto", "float32"):
            raise UsageError("--backend onnx computes as it was exported: leave out --precision")
        from export import onnx_model

        exported = onnx_model.read_exported(path)
        faces = onnx_model.faces_of(exported, path)
        return DetectorContent(faces, partial(onnx_model.build_exported, exported, path))
    from common import checkpointing

    checkpoint = checkpointing.load(path)

    def build() -> Detector:
        from scoring import load

        chosen = devices.choose(device)
        dtype = devices.precision(precision, chosen)
        return load.build_detector(checkpoint, path, chosen, dtype)

    return DetectorContent(checkpoint.faces, build)
