"""The training loop. Knows no dataset and no model by name.

Shapes: B clips, T frames, C channels, H, W, K classes.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

import metrics
from datasets.video_dataset import Batch
from errors import PipelineError
from history import EpochRow
from scoring.aggregate import video_scores
from scoring.predict import predict

MAX_GRADIENT = 1.0  # gradients are scaled down to this norm: an LSTM's can explode
GUESSING = 0.005  # a training loss this near to that of guessing has learned nothing


@dataclass
class Training:
    """Everything that a step changes."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler  # stepped after every batch


@dataclass
class Position:
    """Where a run is. With Training and torch's random state, all that its continuation needs:
    what an item looks like follows from seed, epoch and source alone."""

    epoch: int = 1
    step: int = 0  # finished ones of this epoch
    loss_sum: float = 0.0  # over this epoch's clips so far, as the next ones
    right: float = 0.0
    seen: int = 0
    seconds: float = 0.0  # spent in this epoch


@dataclass(frozen=True)
class Plan:
    epochs: int
    threshold: float  # p_fake from which validation calls a video fake
    log_interval: int  # steps
    save_every_steps: int  # 0: after epochs only
    chance_loss: float  # of guessing: ln K


@dataclass(frozen=True)
class Hooks:
    """What the loop does not do itself."""

    save: Callable[[Position], None]  # within an epoch
    after_epoch: Callable[[EpochRow, Position], None]  # the next position; may save the model
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
    """Train from `position` to the end of the plan's epochs.

    The loaders' datasets and the training sampler have set_epoch, so that every epoch draws
    anew. Raise PipelineError when the loss is no longer a number, Stopped when `hooks` say so.
    """
    guessing = 0
    while position.epoch <= plan.epochs:
        train_one_epoch(training, train_loader, plan, hooks, position)
        train_seconds, started = position.seconds, time.monotonic()
        watched = _until_stopped(val_loader, hooks, position)
        labels = val_loader.dataset.video_labels()
        judged = validate(training.model, watched, labels, plan.threshold)
        row = EpochRow(
            epoch=position.epoch,
            train_loss=position.loss_sum / position.seen,
            train_acc=position.right / position.seen,
            val_loss=judged["balanced_log_loss"],
            val_acc=judged["accuracy"],
            val_auc=judged["auc"],
            lr=training.scheduler.get_last_lr()[0],
            seconds=train_seconds + time.monotonic() - started,
            clips_per_second=position.seen / train_seconds,
        )
        position = Position(epoch=position.epoch + 1)
        hooks.after_epoch(row, position)
        guessing = guessing + 1 if abs(row.train_loss - plan.chance_loss) < GUESSING else 0
        if guessing == 2:
            print(
                f"warning: for two epochs the loss is that of guessing ({plan.chance_loss:.3f}). "
                "Likely causes: --lr too high or too low, wrong labels, crops without a face "
                "(see thumbnails.png), or too few steps yet",
                file=sys.stderr,
            )


def train_one_epoch(
    training: Training, loader: DataLoader, plan: Plan, hooks: Hooks, position: Position
) -> None:
    """The steps of an epoch that are not done yet; `position` goes with them."""
    model, device = training.model.train(), next(training.model.parameters()).device
    loader.sampler.set_epoch(position.epoch - 1, skip=position.seen)
    loader.dataset.set_epoch(position.epoch - 1)
    # Sums stay on the device: reading one there at every step would make it wait.
    sums = torch.tensor([position.loss_sum, position.right], dtype=torch.float64, device=device)
    recent: list[_Step] = []
    before, started = position.seconds, time.monotonic()

    def settle() -> None:
        _check_finite(recent, position.epoch)
        recent.clear()
        position.loss_sum, position.right = sums.tolist()
        position.seconds = before + time.monotonic() - started

    bar = tqdm(
        loader,
        desc=f"epoch {position.epoch}/{plan.epochs}",
        total=len(loader),
        initial=position.step,
        unit="batch",
        leave=False,
        disable=None,
    )
    for batch in bar:
        clips = batch["clips"].to(device, non_blocking=True)  # (B, T, C, H, W)
        mask = batch["mask"].to(device, non_blocking=True)  # (B, T)
        labels = batch["labels"].to(device, non_blocking=True)  # (B,)
        lr = training.scheduler.get_last_lr()[0]
        logits = model(clips, mask)  # (B, K)
        loss = nn.functional.cross_entropy(logits, labels)
        training.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT)
        training.optimizer.step()
        training.scheduler.step()
        position.step += 1
        position.seen += len(labels)
        sums[0] += loss.detach() * len(labels)
        sums[1] += (logits.argmax(dim=1) == labels).sum()
        recent.append(_Step(position.step, lr, batch["video_ids"], loss.detach(), norm))
        if position.step % plan.log_interval == 0:
            settle()
            bar.set_postfix(loss=f"{position.loss_sum / position.seen:.4f}")
        stop = hooks.stop_asked()
        if stop or (plan.save_every_steps and position.step % plan.save_every_steps == 0):
            settle()
            hooks.save(position)
        if stop:
            raise Stopped
    settle()


@dataclass(frozen=True)
class _Step:
    number: int
    lr: float
    video_ids: list[str]
    loss: torch.Tensor
    gradient: torch.Tensor  # its norm


def _check_finite(steps: list[_Step], epoch: int) -> None:
    """Raise PipelineError with what is known of the first step whose loss or gradient is not a
    number."""
    for step in steps:
        loss, gradient = step.loss.item(), step.gradient.item()
        if not math.isfinite(loss) or not math.isfinite(gradient):
            raise PipelineError(
                f"the loss became {loss}, its gradient {gradient}, in epoch {epoch}, step "
                f"{step.number}, at a learning rate of {step.lr:.2g}, with the videos "
                f"{', '.join(step.video_ids)}: "
                "lower --lr; the last checkpoint is whole"
            )


def validate(
    model: nn.Module, batches: Iterable[Batch], labels: dict[str, int], threshold: float
) -> dict[str, float | None]:
    """metrics.video_metrics over the videos of `labels`, from all their `batches`."""
    scores = video_scores(predict(model, batches))
    assert set(scores) == set(labels), "every video with an item has a score"
    names = sorted(scores)
    return metrics.video_metrics(
        np.array([labels[name] for name in names]),
        np.array([scores[name] for name in names]),
        threshold,
    )


def _until_stopped(batches: Iterable[Batch], hooks: Hooks, position: Position) -> Iterator[Batch]:
    """Validation changes nothing: a run that is stopped in it goes on at its beginning."""
    for batch in batches:
        if hooks.stop_asked():
            hooks.save(position)
            raise Stopped
        yield batch
