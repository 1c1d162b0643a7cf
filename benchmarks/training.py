"""What the trainer costs: clips per second of an epoch, loader attached, beside a bare loop.

    python -m benchmarks.training [--encoders resnet50 resnet152] [--device auto]

bare      one batch in memory, over and over: forward, loss, backward, optimizer
trainer   trainer.train_one_epoch on a loader of JPEG crops: reading, augmentation, clipping of
          gradients, checks for numbers that are none, sums, progress

Both have the same model, optimizer and precision, and take turns. Stall is the share of the
trainer's time that it waits for its loader. Scoring is a forward pass of the same batch. On a GPU,
the share of its own rate for large matrices is printed, too.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

import models
from benchmarks.loader import CLIP, make_crops
from common import devices
from datasets import samplers
from datasets.video_dataset import Batch, VideoDataset, collate
from flags.types import at_least
from models import encoders
from trainer import train_one_epoch
from training import optimization
from training.optimization import Schedule
from training.state import Hooks, Plan, Position, Training

SIDE = 8192  # of the matrices that a GPU's rate is measured with
HOOKS = Hooks(lambda _: None, lambda *_: True, lambda: False)


class Watched:
    """A loader, and the seconds spent waiting for it."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader, self.dataset = loader, loader.dataset
        self.batch_sampler = loader.batch_sampler
        self.waited = 0.0

    def __iter__(self) -> Iterator[Batch]:
        batches, started = iter(self.loader), time.monotonic()
        for batch in batches:
            self.waited += time.monotonic() - started
            yield batch
            started = time.monotonic()


def make_plan(precision: torch.dtype) -> Plan:
    return Plan(
        epochs=1,
        threshold=0.5,
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
    torch.manual_seed(0)
    model = models.build(models.ModelConfig(name)).to(device)
    if freeze:
        model.freeze(len(encoders.stages(model.encoder)))
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = optimization.make_optimizer("adamw", [(learning, 1e-4)], 0.01)
    schedule = Schedule(optimizer, "constant", 1)
    loss = optimization.make_loss(0.0, None, 0.0)
    return Training(model, model, optimizer, schedule, loss, None)


def make_loader(folder: Path, clips: int, batch_size: int, workers: int) -> Watched:
    dataset = VideoDataset(make_crops(folder, clips), "train", CLIP, train=True)
    sampler = samplers.EpochSampler(dataset.labels, dataset.sources, "none", seed=0)
    loader = DataLoader(
        dataset,
        batch_sampler=samplers.Batches(sampler, batch_size),
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
    return Watched(loader)


def bare(
    training: Training, clips: torch.Tensor, labels: torch.Tensor, plan: Plan, steps: int
) -> None:
    mask = torch.ones(clips.shape[:2], dtype=torch.bool, device=clips.device)
    training.model.train()
    for _ in range(steps):
        with torch.autocast(clips.device.type, plan.precision, plan.precision != torch.float32):
            logits = training.model(clips, mask)
        training.optimizer.zero_grad()
        nn.functional.cross_entropy(logits.float(), labels).backward()
        training.optimizer.step()


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds."""
    started = time.monotonic()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic() - started


def matrix_rate(device: torch.device, precision: torch.dtype) -> float:
    """Multiplications and additions per second of large matrices."""
    matrix = torch.randn(SIDE, SIDE, device=device, dtype=precision)
    timed(lambda: matrix @ matrix, device)
    seconds = min(timed(lambda: matrix @ matrix, device) for _ in range(20))
    return 2 * SIDE**3 / seconds


def measure(name: str, loader: Watched, plan: Plan, device: torch.device, repeats: int) -> None:
    """Print a row, and on a GPU a line with its shares of the card's rate."""
    training, clips = make_training(name, device), loader.batch_sampler.clips
    batch = next(iter(loader.loader))
    pixels, labels = batch["clips"].to(device), batch["labels"].to(device)
    steps = clips // len(labels)
    score = scorer(training.model, pixels, plan)
    bare(training, pixels, labels, plan, 1)  # the first step also makes the optimizer's state
    contenders = {
        "bare": lambda: bare(training, pixels, labels, plan, steps),
        "trainer": lambda: train_one_epoch(training, loader, plan, HOOKS, Position()),
        "scoring": lambda: [score() for _ in range(steps)],
    }
    seconds: dict[str, list[float]] = {contender: [] for contender in contenders}
    loader.waited = 0.0
    for _ in range(repeats):
        for contender, work in contenders.items():
            seconds[contender].append(timed(work, device))
    bare_, trainer, scoring = (clips / statistics.median(times) for times in seconds.values())
    stall, frames = loader.waited / sum(seconds["trainer"]), pixels.shape[1]
    print(
        f"{name:<12}{bare_:>9.3f}{trainer:>9.3f}{trainer / bare_:>8.1%}{stall:>8.2%}"
        f"{trainer * frames:>10.1f}{scoring:>10.3f}{scoring * frames:>10.1f}",
        flush=True,
    )
    if device.type == "cuda":
        with FlopCounterMode(display=False) as counter:
            score()
        rate, per_clip = (
            matrix_rate(device, plan.precision),
            counter.get_total_flops() / len(labels),
        )
        shares = (3 * per_clip * bare_, 3 * per_clip * trainer, per_clip * scoring)
        text = ", ".join(f"{share / rate:.1%}" for share in shares)
        print(f"{'':<12}of the card's {rate / 1e12:.0f} TFLOP/s, in this order: {text}")


def scorer(model: nn.Module, clips: torch.Tensor, plan: Plan) -> Callable[[], torch.Tensor]:
    mask = torch.ones(clips.shape[:2], dtype=torch.bool, device=clips.device)

    @torch.inference_mode()
    def score() -> torch.Tensor:
        model.eval()
        with torch.autocast(clips.device.type, plan.precision, plan.precision != torch.float32):
            return model(clips, mask)

    return score


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--encoders", type=lambda text: text.split(","), default="resnet50,resnet152"
    )
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--batch_size", type=at_least(1), default=2, help="clips of 16 frames")
    parser.add_argument("--steps", type=at_least(1), default=3, help="of an epoch")
    parser.add_argument("--workers", type=at_least(0), default=0, help="loader processes")
    parser.add_argument("--repeats", type=at_least(1), default=3, help="the median is printed")
    flags = parser.parse_args()
    device = devices.choose(flags.device)
    plan = make_plan(devices.precision(flags.precision, device))
    with tempfile.TemporaryDirectory() as name:
        clips = flags.batch_size * flags.steps
        loader = make_loader(Path(name), clips, flags.batch_size, flags.workers)
        print(f"{device}, {plan.precision}, batches of {flags.batch_size} clips of 16 frames")
        print(
            f"{'clips/s':<12}{'bare':>9}{'trainer':>9}{'share':>8}{'stall':>8}{'images/s':>10}"
            f"{'scoring':>10}{'images/s':>10}"
        )
        for encoder in flags.encoders:
            measure(encoder, loader, plan, device, flags.repeats)


if __name__ == "__main__":
    main()
