"""What training notices by itself: a loss that is no number, clips that cannot be read, a model
that does nothing but guess."""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from common.errors import DataError, PipelineError

DAMAGED = 0.01  # share of an epoch's clips that may be unreadable
NAMED = 5  # of them in a message
# A training loss this near to that of guessing, relative, has learned nothing: 0.005 of ln 2.
GUESSING = 0.0072


@dataclass(frozen=True)
class Step:
    number: int
    lr: float
    video_ids: list[str]
    loss: torch.Tensor
    gradient: torch.Tensor  # its norm


def check_finite(steps: Iterable[Step], epoch: int) -> None:
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


def check_scores(scores: Iterable[float]) -> None:
    """Raise PipelineError when a p_fake of validation is not a number."""
    if not all(map(math.isfinite, scores)):
        raise PipelineError(
            "p_fake of validation is no number: the weights have grown beyond measure. Lower --lr, "
            "or set --max_gradient; the last checkpoint is whole"
        )


def check_damaged(problems: list[str], clips: int) -> None:
    """Raise DataError when more than DAMAGED of an epoch's `clips` could not be read."""
    if len(problems) > DAMAGED * clips:
        raise DataError(
            f"{len(problems)} of the epoch's {clips} clips could not be read, more than "
            f"{DAMAGED:.0%}: {_first(problems)}"
        )


def warn_of_damaged(problems: list[str]) -> None:
    if problems:
        _warn(
            f"{len(problems)} of the epoch's clips could not be read, others took their place: "
            f"{_first(problems)}"
        )


def is_guessing(loss: float, chance_loss: float) -> bool:
    return abs(loss / chance_loss - 1) < GUESSING


def warn_of_guessing(chance_loss: float) -> None:
    _warn(
        f"for two epochs the loss is that of guessing ({chance_loss:.3f}). Likely causes: --lr too "
        "high or too low, wrong labels, crops without a face (see thumbnails.png), or too few "
        "steps yet"
    )


def _first(problems: list[str]) -> str:
    return "; ".join(problems[:NAMED])


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
