"""Seconds that torch, ONNX Runtime and OpenVINO need to encode the frames of a clip.

    python -m benchmarks.backends [--encoders resnet18 resnet152] [--repeats 9]

Encodes 16 frames of 224 px in float32, with as many threads as torch uses. The backends take turns,
so that a slow moment of the machine affects all. "folded" is the encoder that scoring uses
(models/folding.py), "channels_last" the one that is trained. The column "CPU" is processor time
over all threads, which depends less on other work of the machine.

Needs requirements-extras.txt and OpenVINO, which is not in the requirements: pip install openvino.
"""

import copy
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType

import torch

import models
from benchmarks.shared import new_parser, repeat_in_turns
from common import errors
from common.errors import UsageError
from export.onnx_export import check_installed, encoder_graph, head_graph
from export.onnx_model import OnnxModel
from flags.types import at_least
from models import folding
from models.frame_rnn import FrameModel

FRAMES, SIZE = 16, 224

Encode = Callable[[torch.Tensor], torch.Tensor]  # (N, C, H, W) float → (N, E)


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument(
        "--encoders",
        nargs="+",
        default=["resnet18", "resnet152"],
        help="names of encoders, as train.py --model_name",
    )
    parser.add_argument(
        "--repeats", type=at_least(1), default=9, help="runs of each backend after a warm-up run"
    )
    flags = parser.parse_args()
    check_installed()
    openvino = import_openvino()
    print(f"{torch.get_num_threads()} threads; load of the machine before: {machine_load()}")
    print(f"{'encoder':<20}{'backend':<20}{'median':>9}{'fastest':>9}{'CPU':>9}  difference")
    for name in flags.encoders:
        torch.manual_seed(0)
        model = models.build(models.ModelConfig(name=name)).eval()
        encoders = make_encoders(model, openvino)
        frames = torch.randn(FRAMES, 3, SIZE, SIZE)
        runs = {backend: partial(time_run, encode, frames) for backend, encode in encoders.items()}
        for backend, (_, *times) in repeat_in_turns(runs, 1 + flags.repeats).items():
            seconds, cpu_seconds = zip(*times, strict=True)
            columns = statistics.median(seconds), min(seconds), statistics.median(cpu_seconds)
            difference = largest_difference(model, encoders[backend], frames)
            cells = "".join(f"{value:>9.3f}" for value in columns)
            print(f"{name:<20}{backend:<20}{cells}  {difference:.1e}", flush=True)
    print(f"load of the machine after: {machine_load()}")
    return 0


def import_openvino() -> ModuleType:
    """Return the package. Raise UsageError if it is not installed."""
    try:
        import openvino
    except ImportError as error:
        raise UsageError("this benchmark needs OpenVINO: pip install openvino") from error
    return openvino


def make_encoders(model: FrameModel, openvino: ModuleType) -> dict[str, Encode]:
    """Return the model's encoder as a function for every backend."""
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
        "torch folded": folded.encode,
        "onnxruntime": OnnxModel(graph, head_graph(model), model.sees_time).encode,
        "openvino": lambda frames: torch.from_numpy(compiled(frames.numpy())[0].copy()),
    }


@torch.inference_mode()
def time_run(encode: Encode, frames: torch.Tensor) -> tuple[float, float]:
    """Return the seconds and the processor seconds of one run."""
    started, cpu_started = time.perf_counter(), time.process_time()
    encode(frames)
    return time.perf_counter() - started, time.process_time() - cpu_started


@torch.inference_mode()
def largest_difference(model: FrameModel, encode: Encode, frames: torch.Tensor) -> float:
    """Return the largest difference of a feature from torch's, after projection and layer norm:
    features of an untrained encoder may have any size."""
    return (model.project(encode(frames)) - model.project(model.encode(frames))).abs().max().item()


def machine_load() -> str:
    """Return the mean number of running processes over 1, 5 and 15 minutes as text."""
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    errors.run(main)
