"""Estimates a run's memory and time from its first batches (train.py --dry_run)."""

import time
from collections.abc import Callable, Iterator
from itertools import islice

import torch

from common import distributed, memory, threads
from datasets.loaders import ClipLoader, TrainingLoader
from datasets.video_dataset import Batch
from scoring.predict import predict
from training.state import Plan, Training

MEGA, GIGA = 1e6, 1e9

# trainer.take_step: training, batch, size of the whole batch, plan → sum of the clips' losses,
# number of clips classified correctly, gradient norm
TakeStep = Callable[[Training, Batch, int, Plan], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


def estimate(
    training: Training,
    train_loader: TrainingLoader,
    val_loader: ClipLoader,
    plan: Plan,
    take_step: TakeStep,
) -> Iterator[str]:
    """Yield lines of text about the model's size, the memory and the time of a run. They come from
    two training steps, of which the second is timed, and one validation batch. Changes the
    weights."""
    sizes = [(p.numel(), p.requires_grad) for p in training.model.parameters()]
    trainable = sum(size for size, learns in sizes if learns)
    frozen = sum(size for size, learns in sizes if not learns)
    yield (
        f"model: {(trainable + frozen) / MEGA:.1f} M parameters, {trainable / MEGA:.1f} M "
        f"trainable, {frozen / MEGA:.1f} M frozen"
    )
    yield f"threads: {torch.get_num_threads()}, {threads.describe()}"
    training.model.train()
    steps = zip(train_loader, train_loader.batches.sizes(), strict=True)
    for batch, size in islice(steps, 2):  # an epoch may have only one step
        started = time.monotonic()
        loss, _, _ = take_step(training, batch, size, plan)
        mean = distributed.total(loss).item() / size  # waits for the device
        seconds = time.monotonic() - started
    yield f"step: {size} clips in {seconds:.2f} s, loss {mean:.3f}"
    started = time.monotonic()
    predict(training.evaluated, islice(val_loader, 1))
    val_seconds = time.monotonic() - started
    yield f"memory: {_memory(training.device)}"
    train_minutes = seconds * len(train_loader) / 60
    val_minutes = val_seconds * len(val_loader) / 60
    minutes = train_minutes + val_minutes
    yield (
        f"time: {minutes:.1f} min an epoch ({len(train_loader)} steps {train_minutes:.1f} min, "
        f"validation {val_minutes:.1f} min), {minutes * plan.epochs / 60:.1f} h for "
        f"{plan.epochs} epochs"
    )


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        used, whole = torch.cuda.max_memory_allocated(device), torch.cuda.mem_get_info(device)[1]
        return f"{used / GIGA:.1f} of the GPU's {whole / GIGA:.1f} GB at most"
    peak = memory.peak_bytes()
    if peak is None:
        return "not known on this system"
    return f"{peak / GIGA:.1f} GB at most, without loader processes"
