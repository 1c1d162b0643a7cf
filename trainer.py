"""The training loop and validation. Knows no dataset and no model by name.

Shapes: B clips, T frames, C channels, H, W, K classes; b clips of one part of a batch. A mask is
True for real frames and False for padding.
"""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import chain, islice, repeat
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from common import distributed
from datasets.loaders import ClipLoader, TrainingLoader
from datasets.video_dataset import Batch
from training import health_checks
from training.batch_norm import init_batch_norm_stats
from training.history import EpochRow
from training.state import Hooks, Plan, Position, Stopped, Training
from training.tasks import Task
from training.validation import Row


def fit(
    training: Training,
    train_loader: TrainingLoader,
    val_loader: ClipLoader,
    task: Task,
    plan: Plan,
    hooks: Hooks,
    position: Position,
) -> None:
    """Train from `position` to the plan's last epoch, or until `hooks.after_epoch` returns False.

    With several processes, each must call this; its loaders give its part of every batch and of the
    validation clips. Raise PipelineError for a non-finite loss, gradient or validation score,
    DataError if too many training clips or any validation clip cannot be read, and Stopped after
    `hooks.stop_asked` has returned True in any process.
    """
    guessing_epochs = 0
    while position.epoch <= plan.epochs:
        train_one_epoch(training, train_loader, plan, hooks, position)
        started = time.monotonic()
        clips = validate(training, val_loader, task, hooks, position)
        values = task.measure(clips, val_loader.dataset)
        row = _epoch_row(training, position, *values, time.monotonic() - started)
        position = Position(epoch=position.epoch + 1)
        if not hooks.after_epoch(row, position, clips):
            break
        guessing = health_checks.is_guessing(row.train_loss, plan.chance_loss)
        guessing_epochs = guessing_epochs + 1 if guessing else 0
        if guessing_epochs == 2:
            health_checks.warn_of_guessing(plan.chance_loss)


def train_one_epoch(
    training: Training, loader: TrainingLoader, plan: Plan, hooks: Hooks, position: Position
) -> None:
    """Run the remaining steps of the epoch at `position`, and update `position`. Raise Stopped,
    after saving, if a process was asked to stop."""
    device = training.device
    training.model.train()
    clips = loader.batches.clips
    batches = loader.epoch(position.epoch - 1, skip=position.seen)
    sizes = loader.batches.sizes(skip=position.seen)
    # Sums stay on the device: reading them at every step would wait for it. Those of a resumed
    # epoch start on rank 0 only, because read_sums adds up all processes.
    start = [position.loss_sum, position.right]
    sums = torch.tensor(start, dtype=torch.float64, device=device) * distributed.is_first()
    norms = torch.tensor(position.gradient_sum, dtype=torch.float64, device=device)
    unchecked: list[health_checks.Step] = []
    seconds_before, started = position.seconds, time.monotonic()

    def read_sums() -> None:
        health_checks.check_finite(unchecked, position.epoch)
        unchecked.clear()
        position.loss_sum, position.right = distributed.total(sums).tolist()
        position.gradient_sum = norms.item()
        position.seconds = seconds_before + time.monotonic() - started

    with _progress_bar(position, plan, clips) as bar:
        for batch, size in zip(batches, sizes, strict=True):
            lr = training.schedule.lr
            first = position.epoch == 1 and position.step == 0
            with init_batch_norm_stats(training.model) if first else nullcontext():
                loss, right, norm = take_step(training, batch, size, plan)
            position.step += 1
            position.seen += size
            sums += torch.stack([loss, right])
            norms += norm
            step = health_checks.Step(position.step, lr, batch["video_ids"], loss / size, norm)
            unchecked.append(step)
            bar.update(size)
            stop = _exchange(hooks, batch, position, clips)
            if position.step % plan.log_interval == 0:
                read_sums()
                bar.set_postfix(loss=f"{position.loss_sum / position.seen:.4f}")
            if stop or (plan.save_every_steps and position.step % plan.save_every_steps == 0):
                read_sums()
                hooks.save(position)
            if stop:
                raise Stopped
    read_sums()
    health_checks.warn_of_unreadable(position.problems)


def _progress_bar(position: Position, plan: Plan, clips: int) -> tqdm:
    return tqdm(
        desc=f"epoch {position.epoch}/{plan.epochs}",
        total=clips,
        initial=position.seen,
        unit="clip",
        leave=False,
        disable=None if distributed.is_first() else True,
    )


def _exchange(hooks: Hooks, batch: Batch, position: Position, clips: int) -> bool:
    """Exchange unreadable clips and stop requests between processes; return whether any process was
    asked to stop. Raise DataError if too many of the epoch's `clips` clips are unreadable."""
    told = distributed.gather((hooks.stop_asked(), batch["problems"]))
    stops, problems = zip(*told, strict=True)
    position.problems += chain.from_iterable(problems)
    health_checks.check_unreadable(position.problems, clips)
    return any(stops)


def take_step(
    training: Training, batch: Batch, size: int, plan: Plan
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Update the weights with one batch, which goes through the model in parts (`plan.accumulate`).

    `batch` is this process's share of a whole batch of `size` clips. Return three scalars on the
    device: the sum of the losses of its clips, the number of its clips that were classified
    correctly, and the gradient norm of the whole batch before clipping.
    """
    device, forward = training.device, training.forward
    loss_sum, right = torch.zeros((), device=device), torch.zeros((), device=device)
    training.optimizer.zero_grad()
    # The same number in every process, because processes synchronise in each part.
    count = min(plan.accumulate, size // distributed.world_size())
    if plan.attack is not None:
        distributed.align_buffers(training.model)  # attacks use them, in evaluation mode
    parts = (batch[name].tensor_split(count) for name in ("clips", "mask", "labels"))
    for number, part in enumerate(zip(*parts, strict=True), start=1):
        clips, mask, labels = part  # (b, T, C, H, W), (b, T), (b,)
        with nullcontext() if number == count else distributed.no_gradient_sync(forward):
            with torch.autocast(device.type, plan.precision, plan.precision != torch.float32):
                if plan.attack is not None:
                    clips = plan.attack(training.model, clips, mask, labels)
                if plan.mix is not None:
                    clips, other_labels, share = plan.mix(clips, mask, labels)
                logits = forward(clips, mask)  # (b, K)
            loss = training.loss(logits.float(), labels).sum()
            if plan.mix is not None:
                other_loss = training.loss(logits.float(), other_labels).sum()
                loss = share * loss + (1 - share) * other_loss
            # Gradients are averaged over processes; the result must be that of the mean loss.
            (loss * (distributed.world_size() / size)).backward()
        loss_sum += loss.detach()
        right += (logits.argmax(dim=1) == labels).sum()
    norm = nn.utils.clip_grad_norm_(training.model.parameters(), plan.max_gradient or math.inf)
    training.optimizer.step()
    training.schedule.step()
    if training.average is not None:
        training.average.update()
    return loss_sum, right, norm


def validate(
    training: Training, loader: ClipLoader, task: Task, hooks: Hooks, position: Position
) -> list[Any]:
    """Return the task's scores of all validation clips, gathered from all processes. Raise Stopped,
    after saving, if a process was asked to stop."""
    return _scores(training, loader, task, _until_stopped(loader, hooks, position))


def measure(training: Training, loader: ClipLoader, task: Task) -> Row:
    """Return the metrics of the validation videos with the weights as they are, overall and for
    each collection."""
    clips = _scores(training, loader, task, loader.epoch(0))
    values, further = task.measure(clips, loader.dataset)
    return values | further


def _scores(
    training: Training, loader: ClipLoader, task: Task, batches: Iterable[Batch]
) -> list[Any]:
    """Return the scores of the clips in `batches` of `loader`, gathered from all processes."""
    distributed.align_buffers(training.evaluated)
    # Stored features bypass the encoder, the only part that differs in the copy.
    reads_pixels = loader.dataset.pixels is loader.dataset
    model = training.judging_copy() if reads_pixels else training.evaluated
    return list(chain.from_iterable(distributed.gather(task.predict(model, batches))))


def _until_stopped(loader: ClipLoader, hooks: Hooks, position: Position) -> Iterator[Batch]:
    """Yield the validation batches. Raise Stopped, after saving, if a process was asked to stop:
    validation changes no state, so the resumed run starts it again."""
    steps = max(distributed.gather(len(loader)))  # every process must ask equally often
    batches = loader.epoch(position.epoch - 1)
    for batch in islice(chain(batches, repeat(None)), steps):
        if any(distributed.gather(hooks.stop_asked())):
            hooks.save(position)
            raise Stopped
        if batch is not None:
            yield batch


def _known(value: float | None) -> float:
    assert value is not None, "validation has at least one video"
    return value


def _epoch_row(
    training: Training,
    position: Position,
    values: Row,
    further: Row,
    val_seconds: float,
) -> EpochRow:
    return EpochRow(
        epoch=position.epoch,
        train_loss=position.loss_sum / position.seen,
        train_acc=position.right / position.seen,
        val_loss=_known(values["val_loss"]),
        val_acc=_known(values["val_acc"]),
        val_auc=values["val_auc"],
        lr=training.schedule.lr,
        seconds=position.seconds + val_seconds,
        clips_per_second=position.seen / position.seconds,
        gradient=position.gradient_sum / position.step,
        further=further,
    )
