"""What a training step gains if freed memory stays in the process (common/allocator.py).

    python -m benchmarks.allocator

Trains an encoder on noise, in a process of its own for each setting, in turns. Prints images per
second (median), and the page faults of a step.
"""

import multiprocessing
from functools import partial
from statistics import median

import torch
from torch import nn

from benchmarks.shared import measure_seconds, new_parser, repeat_in_turns
from common import allocator, errors
from flags.types import at_least
from models import encoders

STEPS = 6  # measured in each process, after WARM_UP more
WARM_UP = 3


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--model_name", default="tf_efficientnet_lite0", help="encoder")
    parser.add_argument("--crop_size", type=at_least(32), default=128, help="pixels of an image")
    parser.add_argument("--batch_size", type=at_least(2), default=32, help="images of a step")
    parser.add_argument("--repeats", type=at_least(1), default=3, help="processes of each setting")
    flags = parser.parse_args()
    options = (flags.model_name, flags.crop_size, flags.batch_size)
    settings = {
        name: partial(in_process, keep, *options)
        for name, keep in (("returned", False), ("kept", True))
    }
    print(f"{'freed memory':<14}{'images/s':>10}{'page faults':>14}")
    for name, results in repeat_in_turns(settings, flags.repeats).items():
        speed, faults = (median(column) for column in zip(*results, strict=True))
        print(f"{name:<14}{speed:>10.1f}{faults:>14,.0f}")
    return 0


def in_process(*options: bool | str | int) -> tuple[float, float]:
    """Return the result of `train` in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(train, options)


def train(keep: bool, name: str, size: int, batch: int) -> tuple[float, float]:
    """Return images per second and page faults of a training step."""
    if keep:
        allocator.keep_memory()
    encoder = encoders.build(name).module.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(encoder.parameters(), fused=True)
    images = torch.randn(batch, 3, size, size).contiguous(memory_format=torch.channels_last)

    def steps(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            nn.functional.softplus(encoder(images)).mean().backward()
            optimizer.step()

    steps(WARM_UP)
    import resource  # POSIX only

    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    seconds = measure_seconds(partial(steps, STEPS))
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return STEPS * batch / seconds, faults / STEPS


if __name__ == "__main__":
    errors.run(main)
