"""The training loop. Knows no dataset and no model by name.

Shapes: B clips, T frames, C channels, H, W, K classes.
"""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import chain, islice, repeat

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from common import distributed
from datasets.video_dataset import Batch
from scoring import metrics
from scoring.aggregate import ClipScore, video_scores
from scoring.predict import predict
from training import health_checks
from training.history import EpochRow
from training.optimization import statistics_begin
from training.state import Hooks, Plan, Position, Stopped, Training


def fit(
    training: Training,
    train_loader: DataLoader,
    val_loader: DataLoader,
    plan: Plan,
    hooks: Hooks,
    position: Position,
) -> None:
    """Train from `position` to the end of the plan's epochs, or until `hooks` end it earlier.

    The loaders' datasets and the training loader's batches have set_epoch, so that every epoch
    draws anew. Processes that train together each call this with their part of every batch and of
    validation. Raise PipelineError when the loss is no longer a number, DataError when many clips
    cannot be read, Stopped when `hooks` say so.
    """
    guessing = 0
    while position.epoch <= plan.epochs:
        train_one_epoch(training, train_loader, plan, hooks, position)
        train_seconds, started = position.seconds, time.monotonic()
        distributed.align_buffers(training.judged)
        watched = _until_stopped(val_loader, hooks, position)
        everywhere = distributed.gather(predict(training.judged, watched))
        clips = list(chain.from_iterable(everywhere))
        labels = val_loader.dataset.video_labels()
        judged = validation_metrics(clips, labels, plan.threshold)
        row = EpochRow(
            epoch=position.epoch,
            train_loss=position.loss_sum / position.seen,
            train_acc=position.right / position.seen,
            val_loss=judged["balanced_log_loss"],
            val_acc=judged["accuracy"],
            val_auc=judged["auc"],
            lr=training.schedule.lr,
            seconds=train_seconds + time.monotonic() - started,
            clips_per_second=position.seen / train_seconds,
            gradient=position.gradient_sum / position.step,
        )
        position = Position(epoch=position.epoch + 1)
        if not hooks.after_epoch(row, position, clips):
            break
        guessing = (
            guessing + 1 if health_checks.is_guessing(row.train_loss, plan.chance_loss) else 0
        )
        if guessing == 2:
            health_checks.warn_of_guessing(plan.chance_loss)


def train_one_epoch(
    training: Training, loader: DataLoader, plan: Plan, hooks: Hooks, position: Position
) -> None:
    """The steps of an epoch that are not done yet; `position` goes with them."""
    device = next(training.model.train().parameters()).device
    batches = loader.batch_sampler
    batches.set_epoch(position.epoch - 1, skip=position.seen)
    loader.dataset.set_epoch(position.epoch - 1)
    # Sums stay on the device: reading one there at every step would make it wait.
    known = [position.loss_sum, position.right]
    sums = torch.tensor(known, dtype=torch.float64, device=device) * distributed.is_first()
    norms = torch.tensor(position.gradient_sum, dtype=torch.float64, device=device)
    recent: list[health_checks.Step] = []
    before, started = position.seconds, time.monotonic()

    def settle() -> None:
        health_checks.check_finite(recent, position.epoch)
        recent.clear()
        position.loss_sum, position.right = distributed.total(sums).tolist()
        position.gradient_sum = norms.item()
        position.seconds = before + time.monotonic() - started

    bar = tqdm(
        desc=f"epoch {position.epoch}/{plan.epochs}",
        total=batches.clips,
        initial=position.seen,
        unit="clip",
        leave=False,
        disable=None if distributed.is_first() else True,
    )
    with bar:
        for batch, size in zip(loader, batches.sizes(), strict=True):
            lr = training.schedule.lr
            first = position.epoch == 1 and position.step == 0
            with statistics_begin(training.model) if first else nullcontext():
                loss, right, norm = take_step(training, batch, size, plan, device)
            position.step += 1
            position.seen += size
            sums += torch.stack([loss, right])
            norms += norm
            recent.append(
                health_checks.Step(position.step, lr, batch["video_ids"], loss / size, norm)
            )
            bar.update(size)
            stops, problems = zip(
                *distributed.gather((hooks.stop_asked(), batch["problems"])), strict=True
            )
            position.problems += chain.from_iterable(problems)
            health_checks.check_damaged(position.problems, batches.clips)
            if position.step % plan.log_interval == 0:
                settle()
                bar.set_postfix(loss=f"{position.loss_sum / position.seen:.4f}")
            stop = any(stops)
            if stop or (plan.save_every_steps and position.step % plan.save_every_steps == 0):
                settle()
                hooks.save(position)
            if stop:
                raise Stopped
    settle()
    health_checks.warn_of_damaged(position.problems)


def take_step(
    training: Training, batch: Batch, size: int, plan: Plan, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Change the weights by one batch, part by part. `batch` is what this process has of its `size`
    clips. Return the loss summed over those, how many were judged right, and the norm of the whole
    batch's gradient, all still on the device."""
    forward, optimizer = training.forward, training.optimizer
    loss_sum, right = torch.zeros((), device=device), torch.zeros((), device=device)
    optimizer.zero_grad()
    # As many in every process: they meet in each, where batch norm sees the whole batch.
    count = min(plan.accumulate, size // distributed.world_size())
    if plan.attack is not None:
        distributed.align_buffers(training.model)  # which is not in training mode then
    parts = (batch[name].tensor_split(count) for name in ("clips", "mask", "labels"))
    for number, part in enumerate(zip(*parts, strict=True), start=1):
        # (b, T, C, H, W), (b, T), (b,)
        clips, mask, labels = (tensor.to(device, non_blocking=True) for tensor in part)
        with nullcontext() if number == count else distributed.apart(forward):
            with torch.autocast(device.type, plan.precision, plan.precision != torch.float32):
                if plan.attack is not None:
                    clips = plan.attack(training.model, clips, mask, labels)
                if plan.mix is not None:
                    clips, others, share = plan.mix(clips, mask, labels)
                logits = forward(clips, mask)  # (b, K)
            loss = training.loss(logits.float(), labels).sum()
            if plan.mix is not None:
                loss = share * loss + (1 - share) * training.loss(logits.float(), others).sum()
            # Gradients become the mean over processes; together they are to be the batch's.
            (loss * (distributed.world_size() / size)).backward()
        loss_sum += loss.detach()
        right += (logits.argmax(dim=1) == labels).sum()
    norm = nn.utils.clip_grad_norm_(training.model.parameters(), plan.max_gradient or math.inf)
    optimizer.step()
    training.schedule.step()
    if training.average is not None:
        training.average.update_parameters(training.model)
    return loss_sum, right, norm


def validation_metrics(
    clips: Iterable[ClipScore], labels: dict[str, int], threshold: float
) -> dict[str, float | None]:
    """metrics.video_metrics over the videos of `labels`, by their clips' scores."""
    scores = video_scores(clips)
    assert set(scores) == set(labels), "every video with an item has a score"
    health_checks.check_scores(scores.values())
    names = sorted(scores)
    return metrics.video_metrics(
        np.array([labels[name] for name in names]),
        np.array([scores[name] for name in names]),
        threshold,
    )


def _until_stopped(loader: DataLoader, hooks: Hooks, position: Position) -> Iterator[Batch]:
    """Validation changes nothing: a run that is stopped in it goes on at its beginning."""
    steps = max(distributed.gather(len(loader)))  # processes ask each other as often
    for batch in islice(chain(loader, repeat(None)), steps):
        if any(distributed.gather(hooks.stop_asked())):
            hooks.save(position)
            raise Stopped
        if batch is not None:
            yield batch
