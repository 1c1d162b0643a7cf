"""Resumes an interrupted run from its last.pt, bit for bit if nothing has changed."""

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
    return SavedRun(folder, *checkpointing.load_with_training(folder / "last.pt"))


def restore(run: Run, saved: SavedRun) -> Position:
    """Restore `run` to the state of `saved` and return its position. Raise CheckpointError if the
    state does not fit the run, for example because --optimizer has changed."""
    training, state = run.training, saved.state
    if not {"steps", "randoms"} <= state.keys():
        raise CheckpointError(f"{saved.folder} is from another version and cannot be resumed")
    _restore_weights(run, saved)
    groups = training.optimizer.param_groups
    # The current flags apply, not the stored values: --force may have changed them.
    options = [{k: v for k, v in group.items() if k != "params"} for group in groups]
    if options[0].keys() | {"params"} != state["optimizer"]["param_groups"][0].keys():
        raise CheckpointError(f"{saved.folder} was started with another --optimizer")
    try:
        training.optimizer.load_state_dict(state["optimizer"])
    except ValueError as error:
        raise CheckpointError(f"{saved.folder} was started with another --freeze") from error
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
