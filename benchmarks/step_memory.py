"""Memory of a training step, counted on the CPU: weights, optimizer and saved tensors.

    python -m benchmarks.step_memory [--encoder resnet152]

Counts the tensors that a forward pass saves for the gradient with two and with four frames of 224
px. From both it calculates the memory of a step of --batch_size clips with --accumulate, including
the weights, their gradients and Adam's two averages. A GPU needs additional memory for temporary
results.
"""

import torch

import models
from benchmarks.shared import new_parser
from common import errors
from flags.types import at_least
from models import encoders
from models.frame_rnn import FrameModel

SIZE = 224  # pixels
BYTES_PER_WEIGHT = 16  # float32: the weight, its gradient and Adam's two averages
PARTS = (1, 2, 4)  # values of --accumulate


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument(
        "--encoder", default="resnet152", help="name of an encoder, as train.py --model_name"
    )
    parser.add_argument("--batch_size", type=at_least(1), default=16, help="clips of a step")
    parser.add_argument("--clip_frames", type=at_least(1), default=16, help="frames of a clip")
    flags = parser.parse_args()
    frames = flags.batch_size * flags.clip_frames
    weights = sum(parameter.numel() for parameter in build(flags.encoder, False).parameters())
    state = weights * BYTES_PER_WEIGHT
    print(f"{flags.encoder}: weights, gradients and Adam's averages {state / 1e9:.1f} GB")
    print(f"{'GB of a step, by --accumulate':<40}" + "".join(f"{parts:>8}" for parts in PARTS))
    for precision in (torch.float32, torch.bfloat16):
        for recompute in (False, True):
            model = build(flags.encoder, recompute)
            two, four = (saved_bytes(model, count, precision) for count in (2, 4))
            per_frame, constant = (four - two) / 2, 2 * two - four
            totals = [state + constant + per_frame * -(-frames // parts) for parts in PARTS]
            name = str(precision).removeprefix("torch.") + " --grad_checkpoint True" * recompute
            cells = "".join(f"{total / 1e9:>8.1f}" for total in totals)
            print(f"{name:<40}{cells}", flush=True)
    return 0


def build(name: str, recompute: bool) -> FrameModel:
    """Return a model in training mode, optionally with --grad_checkpoint."""
    model = models.build(models.ModelConfig(name=name)).train()
    if recompute:
        encoders.recompute_blocks(model.encoder)
    return model


def saved_bytes(model: FrameModel, frames: int, precision: torch.dtype) -> int:
    """Return the bytes that are saved for the gradient of a clip of `frames`, without weights."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    saved: dict[int, torch.UntypedStorage] = {}  # kept alive, or addresses would be reused

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
        torch.autocast("cpu", precision, precision != torch.float32),
    ):
        model(torch.randn(1, frames, 3, SIZE, SIZE), torch.ones(1, frames, dtype=torch.bool))
    return sum(storage.nbytes() for storage in saved.values())


if __name__ == "__main__":
    errors.run(main)
