"""Clips per second of the trainer with its loader, beside a bare training loop and scoring.

    python -m benchmarks.training [--encoders resnet50 resnet152] [--device auto]

bare      one batch in memory, used again and again: forward, loss, backward, optimizer
trainer   trainer.train_one_epoch with a loader of JPEG crops: reading, augmentation, clipping of
          gradients, checks for non-finite losses, sums and the progress bar
scoring   a forward pass of the same batch

The three have the same model and precision and take turns. "stall" is the share of the trainer's
time that it waits for its loader. On a GPU, their shares of its measured rate for large matrices
are printed as well.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import models
from benchmarks.loader import CLIP, make_crops
from benchmarks.shared import measure_seconds, new_parser, repeat_in_turns
from common import devices, errors
from datasets import samplers
from datasets.loaders import ClipLoader
from datasets.video_dataset import VideoDataset, batches, collate_loaded
from flags.shared import add_device, add_precision
from flags.types import at_least
from models import encoders
from trainer import train_one_epoch
from training.loss import make_loss
from training.optimizer import Schedule, make_optimizer
from training.state import Hooks, Plan, Position, Training

SIDE = 8192  # of the matrices that measure a GPU's rate
HOOKS = Hooks(lambda _: None, lambda *_: True, lambda: False)  # never save, never stop


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument(
        "--encoders",
        nargs="+",
        default=["resnet50", "resnet152"],
        help="names of encoders, as train.py --model_name",
    )
    add_device(parser, "auto", "the model")
    add_precision(parser, "auto")
    parser.add_argument("--batch_size", type=at_least(1), default=2, help="clips of 16 frames")
    parser.add_argument("--steps", type=at_least(1), default=3, help="steps of an epoch")
    parser.add_argument("--workers", type=at_least(0), default=0, help="loader processes")
    parser.add_argument(
        "--repeats", type=at_least(1), default=3, help="epochs, of which the median is printed"
    )
    flags = parser.parse_args()
    device = devices.choose(flags.device)
    plan = make_plan(devices.precision(flags.precision, device))
    with tempfile.TemporaryDirectory() as folder:
        clips = flags.batch_size * flags.steps
        loader = make_loader(Path(folder), clips, flags.batch_size, flags.workers)
        print(f"{device}, {plan.precision}, batches of {flags.batch_size} clips of 16 frames")
        print(
            f"{'clips/s':<20}{'bare':>9}{'trainer':>9}{'share':>8}{'stall':>8}{'images/s':>10}"
            f"{'scoring':>10}{'images/s':>10}"
        )
        for encoder in flags.encoders:
            print_encoder(encoder, loader, plan, device, flags.repeats)
    return 0


class TimedLoader(ClipLoader):
    """A loader that measures the seconds spent waiting for it."""

    seconds_waited = 0.0

    # torch promises one of its own iterators, which nothing here needs.
    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        started = time.perf_counter()
        for batch in super().__iter__():
            self.seconds_waited += time.perf_counter() - started
            yield batch
            started = time.perf_counter()


def make_plan(precision: torch.dtype) -> Plan:
    """Return the settings of a training loop that only trains."""
    return Plan(
        epochs=1,
        log_interval=10,
        save_every_steps=0,
        chance_loss=0.0,
        max_gradient=1.0,
        accumulate=1,
        precision=precision,
        attack=None,
        mix=None,
    )


def make_training(name: str, device: torch.device, freeze: bool = False) -> Training:
    """Return a model with random weights and its optimizer; `freeze` freezes the whole encoder."""
    torch.manual_seed(0)
    model = models.build(models.ModelConfig(name=name)).to(device)
    if freeze:
        model.freeze(len(encoders.stages(model.encoder)))
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = make_optimizer("adamw", [(trainable, 1e-4)], weight_decay=0.01)
    loss = make_loss(smoothing=0.0, weights=None, gamma=0.0)
    return Training(model, model, optimizer, Schedule(optimizer, "constant", 1), loss, None)


def make_loader(folder: Path, clips: int, batch_size: int, workers: int) -> TimedLoader:
    """Return a loader of generated crops."""
    dataset = VideoDataset(make_crops(folder, clips), "train", CLIP, train=True)
    sampler = samplers.EpochSampler(dataset.labels, dataset.sources, "none", seed=0)
    return TimedLoader(
        dataset,
        batch_sampler=samplers.Batches(sampler, batch_size),
        collate_fn=collate_loaded,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def print_encoder(
    name: str, loader: TimedLoader, plan: Plan, device: torch.device, repeats: int
) -> None:
    """Measure an encoder and print a row, and on a GPU a line with shares of its rate."""
    training, count = make_training(name, device), loader.batch_sampler.clips
    batch = next(batches(loader))
    clips, labels = batch["clips"].to(device), batch["labels"].to(device)
    frames, steps = clips.shape[1], count // len(labels)
    train_bare(training, clips, labels, plan, steps=1)  # creates the optimizer's state
    works: dict[str, Callable[[], object]] = {
        "bare": partial(train_bare, training, clips, labels, plan, steps),
        "trainer": lambda: train_one_epoch(training, loader, plan, HOOKS, Position()),
        "scoring": partial(score, training.model, clips, plan, steps),
    }
    runs = {work: partial(synchronised_seconds, works[work], device) for work in works}
    loader.seconds_waited = 0.0
    seconds = repeat_in_turns(runs, repeats)
    bare, trainer, scoring = (count / statistics.median(times) for times in seconds.values())
    stall = loader.seconds_waited / sum(seconds["trainer"])
    print(
        f"{name:<20}{bare:>9.3f}{trainer:>9.3f}{trainer / bare:>8.1%}{stall:>8.2%}"
        f"{trainer * frames:>10.1f}{scoring:>10.3f}{scoring * frames:>10.1f}",
        flush=True,
    )
    if device.type == "cuda":
        with FlopCounterMode(display=False) as counter:
            score(training.model, clips, plan, steps=1)
        rate = matrix_rate(device, plan.precision)
        per_clip = counter.get_total_flops() / len(labels)
        # A training step computes about three times as much as a forward pass.
        used = (3 * per_clip * bare, 3 * per_clip * trainer, per_clip * scoring)
        shares = ", ".join(f"{value / rate:.1%}" for value in used)
        print(f"{'':<20}of the GPU's {rate / 1e12:.0f} TFLOP/s: bare, trainer, scoring {shares}")


def train_bare(
    training: Training, clips: torch.Tensor, labels: torch.Tensor, plan: Plan, steps: int
) -> None:
    """Train on one batch (B, T, C, H, W) and nothing else."""
    mask = torch.ones(clips.shape[:2], dtype=torch.bool, device=clips.device)
    training.model.train()
    for _ in range(steps):
        with torch.autocast(clips.device.type, plan.precision, plan.precision != torch.float32):
            logits = training.model(clips, mask)
        training.optimizer.zero_grad()
        nn.functional.cross_entropy(logits.float(), labels).backward()
        training.optimizer.step()


@torch.inference_mode()
def score(model: nn.Module, clips: torch.Tensor, plan: Plan, steps: int) -> None:
    """Compute the logits of one batch (B, T, C, H, W), `steps` times."""
    mask = torch.ones(clips.shape[:2], dtype=torch.bool, device=clips.device)
    model.eval()
    for _ in range(steps):
        with torch.autocast(clips.device.type, plan.precision, plan.precision != torch.float32):
            model(clips, mask)


def synchronised_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of a call until the device has computed everything."""

    def work_and_wait() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return measure_seconds(work_and_wait)


def matrix_rate(device: torch.device, precision: torch.dtype) -> float:
    """Return the multiplications and additions per second of large matrices."""
    matrix = torch.randn(SIDE, SIDE, device=device, dtype=precision)
    multiply = partial(torch.matmul, matrix, matrix)
    synchronised_seconds(multiply, device)
    seconds = min(synchronised_seconds(multiply, device) for _ in range(20))
    return 2 * SIDE**3 / seconds


if __name__ == "__main__":
    errors.run(main)
