"""Resumes an interrupted run from its last.pt, bit for bit if nothing has changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common import checkpointing, distributed
from common.checkpointing import Checkpoint
from common.errors import CheckpointError, UsageError, one_line
from training import saved_state
from training.run_folder import Run
from training.state import Position


@dataclass(frozen=True)
class SavedRun:
    """An interrupted run, read from its last.pt."""

    folder: Path  # the run folder
    checkpoint: Checkpoint
    state: dict[str, Any]  # as run_folder.Run stores it

    def load_weights(self, model: nn.Module) -> None:
        """Load into `model` the weights that training continues with. Raise CheckpointError if
        they do not fit."""
        try:
            model.load_state_dict(self.state["weights"] or self.checkpoint.weights)
        except RuntimeError as error:
            raise CheckpointError(f"{self.folder}: its weights do not fit this model") from error

    def damaged(self, error: Exception) -> CheckpointError:
        return CheckpointError(f"{self.folder / 'last.pt'} is damaged: {one_line(error)}")

    def check_unchanged(self, changes: list[str], data: dict[str, Any]) -> None:
        """Raise UsageError if the list `changes` of changed flags is not empty, or if `data`, the
        manifest's fingerprint, differs from that at the start of the run."""
        if data != self.checkpoint.data:
            changes = [*changes, "another manifest: other videos, splits or crop settings"]
        if changes:
            raise UsageError(
                f"{self.folder} was started with other settings ({'; '.join(changes)}): restore "
                "them, or add --force to continue with the new ones"
            )


def load(folder: Path) -> SavedRun:
    """Return the run in a run folder. Raise CheckpointError if its last.pt cannot be used."""
    saved = SavedRun(folder, *checkpointing.load_with_training(folder / "last.pt"))
    if not {"steps", "randoms"} <= saved.state.keys():
        raise CheckpointError(f"{folder} is from another version and cannot be resumed")
    try:
        saved_state.check(saved.state)
    except ValueError as error:
        raise saved.damaged(error) from error
    return saved


def restore(run: Run, saved: SavedRun) -> Position:
    """Restore `run` to the state of `saved` and return its position. Raise CheckpointError if the
    state does not fit the run, for example because --optimizer has changed."""
    training, state = run.training, saved.state
    _restore_weights(run, saved)
    _restore_optimizer(training.optimizer, saved)
    run.rows = saved_state.epoch_rows(state)
    run.update_schedule()
    training.schedule.go_to(state["steps"])
    try:
        _restore_random_state(training.device, state["randoms"])
    except (RuntimeError, TypeError) as error:
        raise saved.damaged(error) from error
    run.publish_again()
    return saved_state.start(state)


def _restore_optimizer(optimizer: torch.optim.Optimizer, saved: SavedRun) -> None:
    # The current flags apply, not the stored values: --force may have changed them.
    groups, stored = optimizer.param_groups, saved.state["optimizer"]
    options = [{k: v for k, v in group.items() if k != "params"} for group in groups]
    if [group.keys() for group in stored["param_groups"]] != [group.keys() for group in groups]:
        raise CheckpointError(f"{saved.folder} was started with another --optimizer")
    try:
        optimizer.load_state_dict(stored)
    except ValueError as error:
        raise CheckpointError(f"{saved.folder} was started with another --freeze") from error
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise saved.damaged(error) from error
    for group, values in zip(optimizer.param_groups, options, strict=True):
        group.update(values)
    try:
        saved_state.check_shapes(optimizer)
    except ValueError as error:
        raise saved.damaged(error) from error


def _restore_weights(run: Run, saved: SavedRun) -> None:
    training = run.training
    saved.load_weights(training.model)
    try:
        if training.average is not None:
            training.average.module.load_state_dict(saved.checkpoint.weights)
            training.average.updates = saved.state["averaged"]
    except RuntimeError as error:
        raise CheckpointError(f"{saved.folder}: its weights do not fit this model") from error


def _restore_random_state(device: torch.device, states: list[dict[str, Any]]) -> None:
    if len(states) != distributed.world_size():
        print("warning: the number of processes has changed: the result will not be bit-identical")
        return
    state = states[distributed.rank()]
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "cuda" or state["cuda"] is not None:
        print("warning: the type of device has changed: the result will not be bit-identical")
