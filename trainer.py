"""The training loop. Knows no dataset and no model by name.

Shapes: B clips, T frames, C channels, H, W, K classes.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import chain, islice, repeat

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader
from tqdm import tqdm

import distributed
import guards
import metrics
from attacks import Attack
from datasets.video_dataset import Batch
from history import EpochRow
from mixing import Mix
from optimization import Loss, Schedule, statistics_begin
from scoring.aggregate import ClipScore, video_scores
from scoring.predict import predict


@dataclass
class Training:
    """Everything that a step changes, and the loss that says how."""

    model: nn.Module
    forward: nn.Module  # the model as it is called: itself, or what spreads it over processes
    optimizer: torch.optim.Optimizer
    schedule: Schedule  # stepped after every batch
    loss: Loss
    average: AveragedModel | None  # of the model over time

    @property
    def judged(self) -> nn.Module:
        """What is validated, and what a checkpoint is for."""
        return self.model if self.average is None else self.average.module


@dataclass
class Position:
    """Where a run is. With Training and torch's random state, all that its continuation needs:
    what an item looks like follows from seed, epoch and source alone."""

    epoch: int = 1
    step: int = 0  # finished ones of this epoch
    loss_sum: float = 0.0  # over this epoch's clips so far, as the next ones
    right: float = 0.0
    gradient_sum: float = 0.0  # of its norm, over this epoch's steps
    seen: int = 0  # by all processes together
    seconds: float = 0.0  # spent in this epoch
    problems: list[str] = field(default_factory=list)  # of its clips that could not be read


@dataclass(frozen=True)
class Plan:
    epochs: int
    threshold: float  # p_fake from which validation calls a video fake
    log_interval: int  # steps
    save_every_steps: int  # 0: after epochs only
    chance_loss: float  # of guessing: ln K for a plain cross-entropy
    max_gradient: float  # gradients are scaled down to this norm: an LSTM's can explode; 0: never
    accumulate: int  # parts of a batch that go through the model one after the other
    precision: torch.dtype  # of the model's arithmetic in training
    attack: Attack | None  # what training clips go through
    mix: Mix | None  # and then through this, with their labels


@dataclass(frozen=True)
class Hooks:
    """What the loop does not do itself."""

    save: Callable[[Position], None]  # within an epoch
    # Takes the next position and validation's scores; says whether to go on.
    after_epoch: Callable[[EpochRow, Position, list[ClipScore]], bool]
    stop_asked: Callable[[], bool]


class Stopped(Exception):
    """The run was asked to end; everything is saved."""


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
        guessing = guessing + 1 if guards.is_guessing(row.train_loss, plan.chance_loss) else 0
        if guessing == 2:
            guards.warn_of_guessing(plan.chance_loss)


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
    recent: list[guards.Step] = []
    before, started = position.seconds, time.monotonic()

    def settle() -> None:
        guards.check_finite(recent, position.epoch)
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
            recent.append(guards.Step(position.step, lr, batch["video_ids"], loss / size, norm))
            bar.update(size)
            stops, problems = zip(
                *distributed.gather((hooks.stop_asked(), batch["problems"])), strict=True
            )
            position.problems += chain.from_iterable(problems)
            guards.check_damaged(position.problems, batches.clips)
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
    guards.warn_of_damaged(position.problems)


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
    guards.check_scores(scores.values())
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
