"""The training loop. Knows no dataset and no model by name.

Shapes: B clips, T frames, C channels, H, W, K classes.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

import metrics
from errors import PipelineError
from history import EpochRow
from scoring.aggregate import video_scores
from scoring.predict import predict

MAX_GRADIENT = 1.0  # gradients are scaled down to this norm: an LSTM's can explode


@dataclass
class Training:
    """Everything that an epoch changes."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler  # stepped after every batch


def fit(
    training: Training,
    train_loader: DataLoader,
    val_loader: DataLoader,
    epochs: int,
    threshold: float,
    log_interval: int,
    after_epoch: Callable[[EpochRow], None],
) -> None:
    """Train for `epochs`; `after_epoch` sees the row of each, and may save the model.

    The loaders' datasets and the training sampler have set_epoch, so that every epoch draws
    anew. Raise PipelineError when the loss is no longer a number.
    """
    for epoch in range(1, epochs + 1):
        train_loader.sampler.set_epoch(epoch - 1)
        train_loader.dataset.set_epoch(epoch - 1)
        started = time.monotonic()
        loss, accuracy = train_one_epoch(training, train_loader, f"{epoch}/{epochs}", log_interval)
        seconds = time.monotonic() - started
        if not math.isfinite(loss):
            raise PipelineError(
                f"the training loss became {loss} in epoch {epoch}: lower --lr; "
                "the checkpoints of the epochs before are whole"
            )
        judged = validate(training.model, val_loader, threshold)
        after_epoch(
            EpochRow(
                epoch=epoch,
                train_loss=loss,
                train_acc=accuracy,
                val_loss=judged["log_loss"],
                val_acc=judged["accuracy"],
                val_auc=judged["auc"],
                lr=training.scheduler.get_last_lr()[0],
                seconds=time.monotonic() - started,
                clips_per_second=len(train_loader.sampler) / seconds,
            )
        )


def train_one_epoch(
    training: Training, loader: DataLoader, name: str, log_interval: int
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over the epoch's clips."""
    model = training.model
    model.train()
    device = next(model.parameters()).device
    # Sums stay on the device: reading one there at every step would make it wait.
    loss_sum = torch.zeros((), device=device)
    right = torch.zeros((), device=device)
    seen = 0
    bar = tqdm(loader, desc=f"epoch {name}", unit="batch", leave=False, disable=None)
    for step, batch in enumerate(bar, start=1):
        clips = batch["clips"].to(device, non_blocking=True)  # (B, T, C, H, W)
        mask = batch["mask"].to(device, non_blocking=True)  # (B, T)
        labels = batch["labels"].to(device, non_blocking=True)  # (B,)
        logits = model(clips, mask)  # (B, K)
        loss = nn.functional.cross_entropy(logits, labels)
        training.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT)
        training.optimizer.step()
        training.scheduler.step()
        loss_sum += loss.detach() * len(labels)
        right += (logits.argmax(dim=1) == labels).sum()
        seen += len(labels)
        if step % log_interval == 0:
            bar.set_postfix(loss=f"{loss_sum.item() / seen:.4f}")
    return loss_sum.item() / seen, right.item() / seen


def validate(model: nn.Module, loader: DataLoader, threshold: float) -> dict[str, float | None]:
    """metrics.video_metrics over the loader's videos."""
    scores = video_scores(predict(model, loader))
    labels = loader.dataset.video_labels()
    assert set(scores) == set(labels), "every video with an item has a score"
    names = sorted(scores)
    return metrics.video_metrics(
        np.array([labels[name] for name in names]),
        np.array([scores[name] for name in names]),
        threshold,
    )
