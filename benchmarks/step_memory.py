"""What a training step keeps in memory for the gradient, counted: no GPU is needed.

    python -m benchmarks.step_memory [--encoder resnet152]

Counts the tensors that a forward pass of two and of four frames of 224 px saves, and from them what
a step of --batch_size clips keeps with --accumulate, beside weights, gradients and Adam's two
averages. A GPU needs some more for what is computed in passing.
"""

import argparse

import torch

import models
from flags.types import at_least
from models import encoders

SIZE = 224
STATE = 16  # bytes a weight: itself, its gradient, Adam's averages
PARTS = (1, 2, 4)  # --accumulate


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", default="resnet152")
    parser.add_argument("--batch_size", type=at_least(1), default=16, help="clips")
    parser.add_argument("--clip_frames", type=at_least(1), default=16)
    flags = parser.parse_args()
    frames = flags.batch_size * flags.clip_frames
    weights = sum(p.numel() for p in build(flags.encoder, False).parameters())
    print(f"{flags.encoder}: weights, gradients, Adam {weights * STATE / 1e9:.1f} GB")
    print(f"{'GB of a step, --accumulate':<40}" + "".join(f"{parts:>8}" for parts in PARTS))
    for precision in (torch.float32, torch.bfloat16):
        for recompute in (False, True):
            model = build(flags.encoder, recompute)
            two, four = (saved(model, count, precision) for count in (2, 4))
            frame, fixed = (four - two) / 2, 2 * two - four
            totals = [
                (weights * STATE + fixed + frame * -(-frames // parts)) / 1e9 for parts in PARTS
            ]
            name = str(precision).removeprefix("torch.") + " --grad_checkpoint True" * recompute
            print(f"{name:<40}" + "".join(f"{total:>8.1f}" for total in totals), flush=True)


def build(name: str, recompute: bool) -> torch.nn.Module:
    model = models.build(models.ModelConfig(name)).train()
    if recompute:
        encoders.recompute_blocks(model.encoder)
    return model


def saved(model: torch.nn.Module, frames: int, precision: torch.dtype) -> int:
    """Bytes that are kept for the gradient of a clip of `frames`, weights apart."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}  # which also keeps them from being freed

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
        torch.autocast("cpu", precision, precision != torch.float32),
    ):
        model(torch.randn(1, frames, 3, SIZE, SIZE), torch.ones(1, frames, dtype=torch.bool))
    return sum(storage.nbytes() for storage in kept.values())


if __name__ == "__main__":
    main()
