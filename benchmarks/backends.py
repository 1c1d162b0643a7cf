"""Seconds that torch, ONNX Runtime and OpenVINO need for a clip's frames through the encoder.

    python -m benchmarks.backends [--encoders resnet18 resnet152] [--repeats 9]

16 frames of 224 px, float32, as many threads as torch takes; they take turns, so that a slow moment
hits all. Detectors judge `folded` (models/folding.py), training does not. `of cores`: seconds of
processor time, which other work on the machine moves less.
OpenVINO is no part of the requirements: pip install openvino.
"""

import argparse
import copy
import os
import statistics
import time
from collections.abc import Callable

import torch

import models
from common import errors
from common.errors import UsageError
from export.onnx_export import encoder_graph, head_graph, require
from export.onnx_model import OnnxModel
from flags.types import at_least
from models import folding
from models.frame_rnn import FrameModel

FRAMES, SIZE = 16, 224

Encode = Callable[[torch.Tensor], torch.Tensor]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoders", nargs="+", default=["resnet18", "resnet152"])
    parser.add_argument("--repeats", type=at_least(1), default=9, help="the median is printed")
    flags = parser.parse_args()
    require()
    print(f"{torch.get_num_threads()} threads; load of the machine before: {load()}")
    print(f"{'encoder':<12}{'backend':<20}{'seconds':>9}{'fastest':>9}{'of cores':>9}  difference")
    for name in flags.encoders:
        torch.manual_seed(0)
        model = models.build(models.ModelConfig(name)).eval()
        contenders = backends(model)
        frames = torch.randn(FRAMES, 3, SIZE, SIZE)
        seconds = measure(contenders, frames, flags.repeats)
        for backend, runs in seconds.items():
            wall, cores = zip(*runs, strict=True)
            numbers = (statistics.median(wall), min(wall), statistics.median(cores))
            times = "".join(f"{number:>9.3f}" for number in numbers)
            off = difference(model, contenders[backend], frames)
            print(f"{name:<12}{backend:<20}{times}  {off:.1e}", flush=True)
    print(f"load after: {load()}")
    return 0


def backends(model: FrameModel) -> dict[str, Encode]:
    """Name → the encoder, computed so."""
    try:
        import openvino
    except ImportError as error:
        raise UsageError("benchmarks.backends needs it: pip install openvino") from error
    graph = encoder_graph(model, SIZE)
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    folded = copy.deepcopy(model)
    folding.fold(folded.encoder)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(graph, b""), "CPU", settings)
    return {
        "torch channels_last": model.encode,
        "torch, folded": folded.encode,
        "onnxruntime": OnnxModel(graph, head_graph(model), model.sees_time).encode,
        "openvino": lambda frames: torch.from_numpy(compiled(frames.numpy())[0].copy()),
    }


@torch.inference_mode()
def measure(
    contenders: dict[str, Encode], frames: torch.Tensor, repeats: int
) -> dict[str, list[tuple[float, float]]]:
    """Backend → seconds and processor seconds of each repeat, after one that warms up."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(1 + repeats):
        for name, encode in contenders.items():
            started, used = time.perf_counter(), time.process_time()
            encode(frames)
            seconds[name].append((time.perf_counter() - started, time.process_time() - used))
    return {name: runs[1:] for name, runs in seconds.items()}


@torch.inference_mode()
def difference(model: FrameModel, encode: Encode, frames: torch.Tensor) -> float:
    """Of the model's features, the largest from torch's. After the projection and its layer norm,
    because an untrained encoder's own may be of any size."""
    return (model.project(encode(frames)) - model.project(model.encode(frames))).abs().max().item()


def load() -> str:
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    errors.run(main)
