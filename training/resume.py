"""Resumes an interrupted run from its last.pt, to the bit where nothing has changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common import checkpointing, distributed
from common.checkpointing import Checkpoint
from common.errors import CheckpointError, UsageError
from training.history import EpochRow
from training.run_folder import Run
from training.state import Position


@dataclass(frozen=True)
class SavedRun:
    """An interrupted run."""

    folder: Path
    checkpoint: Checkpoint
    state: dict[str, Any]  # as Run has written it

    def load_weights(self, model: nn.Module) -> None:
        """Load the weights that training continues with. Raise CheckpointError if they do not
        fit."""
        try:
            model.load_state_dict(self.state["weights"] or self.checkpoint.weights)
        except RuntimeError as error:
            raise CheckpointError(f"{self.folder}: its weights are of another model") from error

    def check_unchanged(self, changes: list[str], data: dict[str, Any]) -> None:
        """Raise UsageError if there are `changes` of flags, or if the manifest's fingerprint `data`
        is not that of the beginning of the run."""
        if data != self.checkpoint.data:
            changes = [*changes, "another manifest: other videos, splits or settings of the crops"]
        if changes:
            raise UsageError(
                f"{self.folder} was begun with other settings ({'; '.join(changes)}): restore "
                "them, or add --force"
            )


def load(folder: Path) -> SavedRun:
    """Read an interrupted run. Raise CheckpointError if last.pt cannot be used."""
    return SavedRun(folder, *checkpointing.load_with_training(folder / "last.pt"))


def restore(run: Run, saved: SavedRun) -> Position:
    """Put `run` into the state of `saved` and return its position. Raise CheckpointError if the two
    do not fit."""
    training, state = run.training, saved.state
    if not {"steps", "randoms"} <= state.keys():
        raise CheckpointError(f"{saved.folder} is of another version and cannot be resumed")
    _restore_weights(run, saved)
    groups = training.optimizer.param_groups
    # The flags of this call hold, in case --force has changed them.
    options = [{k: v for k, v in group.items() if k != "params"} for group in groups]
    if options[0].keys() | {"params"} != state["optimizer"]["param_groups"][0].keys():
        raise CheckpointError(f"{saved.folder} was begun with another --optimizer")
    try:
        training.optimizer.load_state_dict(state["optimizer"])
    except ValueError as error:
        raise CheckpointError(f"{saved.folder} was begun with another --freeze") from error
    for group, values in zip(training.optimizer.param_groups, options, strict=True):
        group.update(values)
    run.rows = [EpochRow(**row) for row in state["rows"]]
    run.update_schedule()
    training.schedule.go_to(state["steps"])
    _restore_random_state(training.device, state["randoms"])
    if run.rows:
        run.publish(new_best=True)  # --monitor may have changed
    return Position(**state["position"])


def _restore_weights(run: Run, saved: SavedRun) -> None:
    training = run.training
    saved.load_weights(training.model)
    try:
        if training.average is not None:
            training.average.module.load_state_dict(saved.checkpoint.weights)
            training.average.n_averaged.fill_(saved.state["averaged"])
    except RuntimeError as error:
        raise CheckpointError(f"{saved.folder}: its weights are of another model") from error


def _restore_random_state(device: torch.device, states: list[dict[str, Any]]) -> None:
    if len(states) != distributed.world_size():
        print("warning: the run had another number of processes: it continues, but not to the bit")
        return
    state = states[distributed.rank()]
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "cuda" or state["cuda"] is not None:
        print("warning: the run was on another kind of device: it continues, but not to the bit")
