"""Clips per second of the trainer with its loader, beside a bare training loop and scoring.

    python -m benchmarks.training [--encoders resnet50 resnet152] [--device auto]

bare      one batch in memory, used again and again: forward, loss, backward, optimizer
trainer   trainer.train_one_epoch with a loader of JPEG crops: reading, augmentation, clipping of
          gradients, the moving average, checks for non-finite losses, sums and the progress bar
scoring   a forward pass of the same batch

The three have the same model and precision and take turns. "stall" is the share of the trainer's
time that it waits for its loader, without the first batch of each epoch, for which "first" gives
the seconds. Workers read two batches each ahead, so an epoch should have more steps than that. On a
GPU, their shares of its measured rate for large matrices, and its memory, are printed as well.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import models
from benchmarks.loader import make_crops
from benchmarks.shared import measure_seconds, new_parser, repeat_in_turns
from common import devices, errors
from common.preprocessing import ClipConfig
from datasets import samplers
from datasets.augmentations import STRENGTHS
from datasets.loaders import Part, Reader, TrainingLoader
from datasets.video_dataset import Batch, LoadingError, VideoDataset
from flags.shared import add_device, add_precision
from flags.types import at_least, between
from models import encoders
from trainer import train_one_epoch
from training.loss import make_loss
from training.moving_average import MovingAverage
from training.optimizer import Schedule, make_optimizer
from training.state import Hooks, Plan, Position, Training

TRACKS = 64  # that are generated at most; an epoch with more clips repeats them
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
    parser.add_argument("--batch_size", type=at_least(1), default=2, help="clips of a step")
    parser.add_argument(
        "--clip_frames",
        type=at_least(1),
        default=16,
        help="frames of a clip; 1: without a temporal head",
    )
    parser.add_argument("--crop_size", type=at_least(32), default=224, help="pixels")
    parser.add_argument("--ema", type=between(0, 1), default=0.0, help="as in train.py")
    parser.add_argument("--accumulate", type=at_least(1), default=1, help="as in train.py")
    parser.add_argument(
        "--gpu_memory",
        type=between(0.1, 1000),
        help="limit to use of the GPU's memory, GB",
    )
    parser.add_argument("--steps", type=at_least(1), default=3, help="steps of an epoch")
    parser.add_argument("--workers", type=at_least(0), default=0, help="loader processes")
    parser.add_argument("--augmentation", choices=STRENGTHS, default="mild", help="of the clips")
    parser.add_argument("--sbi", type=between(0, 1), default=0.0, help="share of self-blends")
    parser.add_argument(
        "--repeats", type=at_least(1), default=3, help="epochs, of which the median is printed"
    )
    flags = parser.parse_args()
    device = devices.choose(flags.device)
    torch.backends.cudnn.benchmark = True  # as in train.py
    if flags.gpu_memory and device.type == "cuda":
        whole = torch.cuda.mem_get_info(device)[1]
        torch.cuda.set_per_process_memory_fraction(min(1.0, flags.gpu_memory * 1e9 / whole), device)
    precision = devices.precision(flags.precision, device)
    plan = replace(make_plan(precision), accumulate=flags.accumulate)
    with tempfile.TemporaryDirectory() as folder:
        clips = flags.batch_size * flags.steps
        config = ClipConfig(flags.clip_frames, flags.crop_size)
        dataset = make_dataset(Path(folder), clips, config, flags.augmentation, flags.sbi)
        print(
            f"{device}, {plan.precision}, batches of {flags.batch_size} clips of "
            f"{flags.clip_frames} frames of {flags.crop_size} px, {flags.augmentation}"
        )
        print(
            f"{'clips/s':<20}{'bare':>9}{'trainer':>9}{'share':>8}{'first':>8}{'stall':>8}{'images/s':>10}"
            f"{'scoring':>10}{'images/s':>10}"
        )
        temporal = "none" if flags.clip_frames == 1 else "lstm"
        for encoder in flags.encoders:
            training = make_training(encoder, device, temporal=temporal, ema=flags.ema)
            loader, reader = make_loader(
                dataset, flags.batch_size, flags.workers, flags.repeats + 1, device
            )
            print_encoder(encoder, training, loader, reader, plan, flags.repeats)
    return 0


class TimedReader(Reader):
    """A reader that measures the seconds for which its batches are waited for."""

    def __init__(self, workers: int, pin_memory: bool, epochs: int) -> None:
        super().__init__(workers, pin_memory, epochs)
        self.first: list[float] = []  # for the first batch of each epoch
        self.others: list[float] = []  # for all other batches of each epoch

    def read(self, part: Part) -> Iterator[Batch | LoadingError]:
        waited = []
        started = time.perf_counter()
        for batch in super().read(part):
            waited.append(time.perf_counter() - started)
            yield batch
            started = time.perf_counter()
        self.first.append(waited[0])
        self.others.append(sum(waited[1:]))


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


def make_training(
    name: str,
    device: torch.device,
    freeze: bool = False,
    temporal: str = "lstm",
    ema: float = 0.0,
) -> Training:
    """Return a model with random weights, its optimizer and, with `ema` above 0, its moving
    average; `freeze` freezes the whole encoder."""
    torch.manual_seed(0)
    model = models.build(models.ModelConfig(name=name, temporal=temporal)).to(device)
    if freeze:
        model.freeze(len(encoders.stages(model.encoder)))
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = make_optimizer("adamw", [(trainable, 1e-4)], weight_decay=0.01)
    loss = make_loss(smoothing=0.0, weights=None, gamma=0.0)
    average = MovingAverage(model, ema) if ema else None
    return Training(model, model, optimizer, Schedule(optimizer, "constant", 1), loss, average)


def make_dataset(
    folder: Path, clips: int, config: ClipConfig, augmentation: str, sbi: float
) -> VideoDataset:
    """Return a dataset of `clips` clips of generated crops, of which at most TRACKS differ."""
    data = make_crops(folder, min(clips, TRACKS))
    dataset = VideoDataset(data, "train", config, train=True, augmentation=augmentation, sbi=sbi)
    dataset.items = (dataset.items * -(-clips // TRACKS))[:clips]
    return dataset


def make_loader(
    dataset: VideoDataset, batch_size: int, workers: int, epochs: int, device: torch.device
) -> tuple[TrainingLoader, TimedReader]:
    """Return a training loader of a dataset, and its reader."""
    sampler = samplers.EpochSampler(dataset.labels, dataset.sources, "none", seed=0)
    reader = TimedReader(workers, device.type == "cuda", epochs)
    return TrainingLoader(dataset, samplers.Batches(sampler, batch_size), reader, device), reader


def print_encoder(
    name: str,
    training: Training,
    loader: TrainingLoader,
    reader: TimedReader,
    plan: Plan,
    repeats: int,
) -> None:
    """Measure an encoder and print a row, and on a GPU a line with shares of its rate."""
    device, count = training.device, loader.batches.clips
    epochs = iter(range(2, repeats + 2))
    batch = next(iter(loader))
    clips, labels = batch["clips"], batch["labels"]
    frames, steps = clips.shape[1], count // len(labels)
    train_bare(training, clips, labels, plan, steps=1)  # creates the optimizer's state
    train_one_epoch(training, loader, plan, HOOKS, Position())  # starts the workers
    reader.first.clear()
    reader.others.clear()
    works: dict[str, Callable[[], object]] = {
        "bare": partial(train_bare, training, clips, labels, plan, steps),
        "trainer": lambda: train_one_epoch(
            training, loader, plan, HOOKS, Position(epoch=next(epochs))
        ),
        "scoring": partial(score, training.model, clips, plan, steps),
    }
    runs = {work: partial(synchronised_seconds, works[work], device) for work in works}
    seconds = repeat_in_turns(runs, repeats)
    bare, trainer, scoring = (count / statistics.median(times) for times in seconds.values())
    stall = sum(reader.others) / sum(seconds["trainer"])
    print(
        f"{name:<20}{bare:>9.3f}{trainer:>9.3f}{trainer / bare:>8.1%}"
        f"{statistics.median(reader.first):>8.3f}{stall:>8.2%}"
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
        print(f"{'':<20}memory: {torch.cuda.max_memory_reserved(device) / 1e9:.1f} GB at most")


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
