"""How 8-bit integers change a detector's p_fake on a split, and the time of its encoder.

    python -m benchmarks.int8 --checkpoint checkpoints/<run>/best.pt --csv_file videos_df

Exports the checkpoint as score.py --export --int8 does, and scores one clip of each video of the
split with torch in float32 and with the exported encoder. Needs requirements-extras.txt.
"""

import statistics
from pathlib import Path

import numpy as np
import torch

from benchmarks.shared import measure_seconds, new_parser, repeat_in_turns
from common import errors
from common.errors import UsageError
from datasets import manifest
from export import int8, onnx_export
from export.onnx_model import OnnxModel
from flags.types import at_least
from models.frame_rnn import FrameModel
from scoring.detector import ClipModel
from scoring.load import load_detector

FRAMES = 16  # of a forward pass that is timed


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint")
    parser.add_argument("--csv_file", required=True, help="manifest that it was trained with")
    parser.add_argument("--split", choices=["val", "test"], default="test", help="videos to score")
    parser.add_argument(
        "--repeats", type=at_least(1), default=5, help="forward passes, for medians"
    )
    flags = parser.parse_args()
    data = manifest.read(manifest.find(flags.csv_file))
    if data.tracks(flags.split).empty:
        raise UsageError(f"no video of the {flags.split} split has a face")
    onnx_export.check_installed()
    detector = load_detector(flags.checkpoint, torch.device("cpu"))
    model = detector.model
    assert isinstance(model, FrameModel)
    encoder = onnx_export.encoder_graph(model, detector.clip.crop_size)
    batches = int8.clip_batches(detector, data, "train", int8.CLIPS)
    integers = int8.quantise(encoder, ((batch["clips"], batch["mask"]) for batch in batches))
    head = onnx_export.head_graph(model)
    models: dict[str, ClipModel] = {
        "torch": model,
        "onnx": OnnxModel(encoder, head, model.sees_time),
        "int8": OnnxModel(integers, head, model.sees_time),
    }
    clips = int8.clip_batches(detector, data, flags.split, len(data.table))
    print(f"{flags.split}: {int8.compare(model, models['int8'], detector.rule, clips)}")
    for name, seconds in encoder_seconds(models, detector.clip.crop_size, flags.repeats).items():
        print(f"{name:<6}{1000 * seconds:8.1f} ms for {FRAMES} frames")
    return 0


@torch.inference_mode()
def encoder_seconds(models: dict[str, ClipModel], size: int, repeats: int) -> dict[str, float]:
    """Return the median seconds in which each model encodes FRAMES frames."""
    frames = torch.from_numpy(np.random.default_rng(0).normal(size=(FRAMES, 3, size, size)))
    frames = frames.float()
    runs = {
        name: lambda model=model: measure_seconds(lambda: model.encode(frames))
        for name, model in models.items()
    }
    found = repeat_in_turns(runs, repeats + 1)  # the first one of each is slower
    return {name: statistics.median(seconds[1:]) for name, seconds in found.items()}


if __name__ == "__main__":
    errors.run(main)
