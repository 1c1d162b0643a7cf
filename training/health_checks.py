"""Checks during training: non-finite losses and scores, unreadable clips, a model that guesses."""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from common.errors import DataError, PipelineError

MAX_UNREADABLE = 0.01  # share of an epoch's clips
NAMED = 5  # unreadable clips that a message names
# A model has learned nothing if its training loss differs from that of guessing by a smaller share
# than this: by 0.005 for a loss of ln 2.
GUESSING = 0.0072


@dataclass(frozen=True)
class Step:
    """A finished training step. Its loss and gradient are scalars that are still on the device."""

    number: int  # from 1 in every epoch
    lr: float
    video_ids: list[str]  # of this process's clips
    loss: torch.Tensor  # sum over these clips, divided by the clips of all processes
    gradient: torch.Tensor  # norm


def check_finite(steps: Iterable[Step], epoch: int) -> None:
    """Raise PipelineError for the first step with a non-finite loss or gradient."""
    for step in steps:
        for name, value in (("loss", step.loss.item()), ("gradient", step.gradient.item())):
            if not math.isfinite(value):
                raise PipelineError(
                    f"non-finite {name} ({value}) in epoch {epoch}, step {step.number}, at a "
                    f"learning rate of {step.lr:.2g}, with the videos {', '.join(step.video_ids)}: "
                    "lower --lr; the last checkpoint is intact"
                )


def check_scores(scores: Iterable[float]) -> None:
    """Raise PipelineError if a validation score is not finite."""
    if not all(map(math.isfinite, scores)):
        raise PipelineError(
            "non-finite scores in validation: training has diverged. Lower --lr, or set "
            "--max_gradient; the last checkpoint is intact"
        )


def check_unreadable(problems: list[str], clips: int) -> None:
    """Raise DataError if a larger share than MAX_UNREADABLE of an epoch could not be read.
    `problems` has one message per unreadable clip, `clips` is the number of clips in the epoch."""
    if len(problems) > MAX_UNREADABLE * clips:
        raise DataError(
            f"{len(problems)} of the epoch's {clips} clips could not be read, more than "
            f"{MAX_UNREADABLE:.0%}: {_first(problems)}"
        )


def warn_of_unreadable(problems: list[str]) -> None:
    """Warn if clips could not be read and were replaced; `problems` has one message for each."""
    if problems:
        _warn(
            f"{len(problems)} of the epoch's clips could not be read and were replaced: "
            f"{_first(problems)}"
        )


def is_guessing(loss: float, chance_loss: float) -> bool:
    """Return whether a training loss is about equal to `chance_loss`, that of guessing."""
    return abs(loss / chance_loss - 1) < GUESSING


def warn_of_guessing(chance_loss: float) -> None:
    """Warn that the model has learned nothing in two epochs."""
    _warn(
        f"the loss has been that of guessing ({chance_loss:.3f}) for two epochs. Likely causes: "
        "--lr too high or too low, wrong labels, crops without a face (see thumbnails.png), or too "
        "few steps so far"
    )


def _first(problems: list[str]) -> str:
    return "; ".join(problems[:NAMED])


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
