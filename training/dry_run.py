"""What a run will take, judged by its first batches (train.py --dry_run)."""

import resource
import time
from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch.utils.data import DataLoader

from common import distributed
from datasets.video_dataset import Batch
from scoring.predict import predict
from training.state import Plan, Training

MEGA, GIGA = 1e6, 1e9

# trainer.take_step: training, batch, size of the whole batch, plan, device → loss, hits, norm
TakeStep = Callable[
    [Training, Batch, int, Plan, torch.device], tuple[torch.Tensor, torch.Tensor, torch.Tensor]
]


def rehearse(
    training: Training,
    train_loader: DataLoader,
    val_loader: DataLoader,
    plan: Plan,
    take_step: TakeStep,
) -> Iterator[str]:
    """Lines about size, memory and time, from two training steps, the second of which is timed,
    and a batch of validation. Changes the weights."""
    sizes = [(p.numel(), p.requires_grad) for p in training.model.parameters()]
    trainable = sum(size for size, learns in sizes if learns)
    frozen = sum(size for size, learns in sizes if not learns)
    yield (
        f"model: {(trainable + frozen) / MEGA:.1f} M parameters, {trainable / MEGA:.1f} M "
        f"trainable, {frozen / MEGA:.1f} M frozen"
    )
    device = next(training.model.train().parameters()).device
    train_loader.batch_sampler.set_epoch(0)
    train_loader.dataset.set_epoch(0)
    sizes = train_loader.batch_sampler.sizes()
    for batch, size in islice(zip(train_loader, sizes, strict=True), 2):  # an epoch may be one step
        started = time.monotonic()
        loss, _, _ = take_step(training, batch, size, plan, device)
        mean = distributed.total(loss).item() / size  # waits for the device
        step = time.monotonic() - started
    yield f"step: {size} clips in {step:.2f} s, loss {mean:.3f}"
    started = time.monotonic()
    predict(training.judged, islice(val_loader, 1))
    val_step = time.monotonic() - started
    yield f"memory: {_memory(device)}"
    training_minutes = step * len(train_loader) / 60
    val_minutes = val_step * len(val_loader) / 60
    minutes = training_minutes + val_minutes
    yield (
        f"time: {minutes:.1f} min an epoch ({len(train_loader)} steps {training_minutes:.1f} min, "
        f"validation {val_minutes:.1f} min), {minutes * plan.epochs / 60:.1f} h for {plan.epochs}"
    )


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        used, whole = torch.cuda.max_memory_allocated(device), torch.cuda.mem_get_info(device)[1]
        return f"{used / GIGA:.1f} of the GPU's {whole / GIGA:.1f} GB at most"
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return f"{used / GIGA:.1f} GB at most, loader processes apart"
