"""What training checks by itself: a non-finite loss, unreadable clips, a model that only
guesses."""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from common.errors import DataError, PipelineError

MAX_UNREADABLE = 0.01  # share of an epoch's clips
NAMED = 5  # unreadable clips in a message
# A training loss within this relative distance of guessing has learned nothing: 0.005 for ln 2.
GUESSING = 0.0072


@dataclass(frozen=True)
class Step:
    """A finished training step; losses and norms are still on the device."""

    number: int
    lr: float
    video_ids: list[str]
    loss: torch.Tensor
    gradient: torch.Tensor  # norm


def check_finite(steps: Iterable[Step], epoch: int) -> None:
    """Raise PipelineError about the first step whose loss or gradient is not finite."""
    for step in steps:
        for name, value in (("loss", step.loss.item()), ("gradient", step.gradient.item())):
            if not math.isfinite(value):
                raise PipelineError(
                    f"non-finite {name} ({value}) in epoch {epoch}, step {step.number}, at a "
                    f"learning rate of {step.lr:.2g}, with the videos {', '.join(step.video_ids)}: "
                    "lower --lr; the last checkpoint is intact"
                )


def check_scores(scores: Iterable[float]) -> None:
    """Raise PipelineError if a score of validation is not finite."""
    if not all(map(math.isfinite, scores)):
        raise PipelineError(
            "non-finite scores in validation: the weights have diverged. Lower --lr, or set "
            "--max_gradient; the last checkpoint is intact"
        )


def check_unreadable(problems: list[str], clips: int) -> None:
    """Raise DataError if more than MAX_UNREADABLE of an epoch's `clips` could not be read."""
    if len(problems) > MAX_UNREADABLE * clips:
        raise DataError(
            f"{len(problems)} of the epoch's {clips} clips could not be read, more than "
            f"{MAX_UNREADABLE:.0%}: {_first(problems)}"
        )


def warn_of_unreadable(problems: list[str]) -> None:
    """Warn about clips that could not be read and were replaced."""
    if problems:
        _warn(
            f"{len(problems)} of the epoch's clips could not be read and were replaced: "
            f"{_first(problems)}"
        )


def is_guessing(loss: float, chance_loss: float) -> bool:
    """Return whether a training loss is that of guessing."""
    return abs(loss / chance_loss - 1) < GUESSING


def warn_of_guessing(chance_loss: float) -> None:
    """Warn that training has not learned anything yet."""
    _warn(
        f"for two epochs the loss has been that of guessing ({chance_loss:.3f}). Likely causes: "
        "--lr too high or too low, wrong labels, crops without a face (see thumbnails.png), or too "
        "few steps so far"
    )


def _first(problems: list[str]) -> str:
    return "; ".join(problems[:NAMED])


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
