"""The run folder checkpoints/<run>/: what is written when, and how an interrupted run goes on.

args.json        the flags; given back, they repeat the run
epoch_001.pt …   a checkpoint after every epoch; best.pt a copy of the best one
last.pt          the newest state with all that an exact continuation needs, also within an epoch
history.csv      a row per epoch; curves.png draws them
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common import checkpointing, distributed
from common.checkpointing import Checkpoint
from common.errors import CheckpointError, UsageError
from common.files import replacing
from training import history
from training.history import EpochRow
from training.state import Position, Training


class Run:
    """One run and its folder. Of processes that train together the first alone writes."""

    def __init__(
        self,
        folder: Path,
        training: Training,
        checkpoint: Callable[..., Checkpoint],
        *,
        keep: int,
        monitor: str,
        patience: int,
    ) -> None:
        """`checkpoint` makes one of weights, epoch and metrics. `monitor` names the column of
        history.csv that says which epoch is best. `patience`: epochs without a better one after
        which the run ends; 0: never."""
        self.folder, self.training, self.keep = folder, training, keep
        self.checkpoint, self.monitor, self.patience = checkpoint, monitor, patience
        self.rows: list[EpochRow] = []

    @property
    def best(self) -> EpochRow:
        """The first of the best epochs."""
        return history.best(self.rows, self.monitor)

    @property
    def device(self) -> torch.device:
        return next(self.training.model.parameters()).device

    @property
    def goes_on(self) -> bool:
        """Whether there is still patience."""
        if not self.patience or not self.rows:
            return True
        return self.rows[-1].epoch - self.best.epoch < self.patience

    def save(self, position: Position) -> None:
        """last.pt: where the run is now."""
        self._save_last(self._checkpoint(position.epoch, {}), position)

    def finish_epoch(
        self, row: EpochRow, position: Position, judgement: dict[str, Any] | None
    ) -> None:
        """The epoch's checkpoint and row; `position` is the beginning of the next one, `judgement`
        what validation says of the epoch's scores."""
        self.rows.append(row)
        self._tell_schedule()
        checkpoint = self._checkpoint(row.epoch, asdict(row), judgement)
        if distributed.is_first():
            checkpointing.save(self._epoch(row), checkpoint)
        self._save_last(checkpoint, position)
        self._publish(new_best=row is self.best)

    def _tell_schedule(self) -> None:
        self.training.schedule.after_epoch([row.val_loss for row in self.rows])

    def _publish(self, new_best: bool) -> None:
        """What follows from `rows` and the epochs' checkpoints: a run that was killed in here does
        it again when it is resumed."""
        if not distributed.is_first():
            return
        best = self._epoch(self.best)
        if new_best and best.exists():  # not deleted by hand, or by --keep_checkpoints
            with replacing(self.folder / "best.pt") as partial:
                shutil.copyfile(best, partial)
        history.write(self.folder, self.rows)
        history.draw_curves(self.folder, self.rows)
        checkpointing.keep_newest(self.folder, self.keep)

    def _epoch(self, row: EpochRow) -> Path:
        return self.folder / f"epoch_{row.epoch:03d}.pt"

    def _checkpoint(
        self, epoch: int, metrics: dict[str, Any], judgement: dict[str, Any] | None = None
    ) -> Checkpoint:
        weights = self.training.judged.state_dict()
        return self.checkpoint(weights=weights, epoch=epoch, metrics=metrics, judgement=judgement)

    def _save_last(self, checkpoint: Checkpoint, position: Position) -> None:
        state = self._state(position)  # all processes together
        if distributed.is_first():
            checkpointing.save(self.folder / "last.pt", checkpoint, state)

    def _state(self, position: Position) -> dict[str, Any]:
        device, training = self.device, self.training
        average = training.average
        return {
            # The checkpoint's own weights are then the average's.
            "weights": None if average is None else training.model.state_dict(),
            "averaged": 0 if average is None else int(average.n_averaged),
            "optimizer": training.optimizer.state_dict(),
            "steps": training.schedule.step_number,
            # Of every process. Nothing that training draws comes from Python's or NumPy's.
            "randoms": distributed.gather(
                {
                    "cpu": torch.get_rng_state(),
                    "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
                }
            ),
            "position": asdict(position),
            "rows": [asdict(row) for row in self.rows],
        }

    def restore(self, saved: "Saved") -> Position:
        """Go on from where `saved` was. Raise CheckpointError when its weights do not fit."""
        training, state = self.training, saved.state
        if not {"steps", "randoms"} <= state.keys():
            raise CheckpointError(f"{saved.folder} was begun with another version and cannot go on")
        self._restore_weights(saved)
        groups = training.optimizer.param_groups
        # What the flags say now holds, should it have been changed with --force.
        asked = [{k: v for k, v in group.items() if k != "params"} for group in groups]
        if asked[0].keys() | {"params"} != state["optimizer"]["param_groups"][0].keys():
            raise CheckpointError(f"{saved.folder} was begun with another kind of --optimizer")
        try:
            training.optimizer.load_state_dict(state["optimizer"])
        except ValueError as error:
            raise CheckpointError(f"{saved.folder} was begun with another --freeze") from error
        for group, options in zip(training.optimizer.param_groups, asked, strict=True):
            group.update(options)
        self.rows = [EpochRow(**row) for row in state["rows"]]
        self._tell_schedule()
        training.schedule.go_to(state["steps"])
        self._restore_random(state["randoms"])
        if self.rows:
            self._publish(new_best=True)  # by another --monitor, perhaps
        return Position(**state["position"])

    def _restore_weights(self, saved: "Saved") -> None:
        training, judged = self.training, saved.checkpoint.weights
        saved.give_weights(training.model)
        try:
            if training.average is not None:
                training.average.module.load_state_dict(judged)
                training.average.n_averaged.fill_(saved.state["averaged"])
        except RuntimeError as error:
            raise CheckpointError(f"{saved.folder}: its weights are of another model") from error

    def _restore_random(self, randoms: list[dict[str, Any]]) -> None:
        if len(randoms) != distributed.world_size():
            print(
                "warning: the run had another number of processes: it goes on, but not to the bit"
            )
            return
        random = randoms[distributed.rank()]
        torch.set_rng_state(random["cpu"])
        device = self.device
        if device.type == "cuda" and random["cuda"] is not None:
            torch.cuda.set_rng_state(random["cuda"], device)
        elif device.type == "cuda" or random["cuda"] is not None:
            print("warning: the run was on another kind of device: it goes on, but not to the bit")


def make_folder(flags: argparse.Namespace) -> Path:
    """checkpoints/<run>/, made by the first process. Raise UsageError when it holds a run."""
    name = flags.run_name or f"{flags.model_name}_{time.strftime('%Y%m%d-%H%M%S')}"
    folder = flags.checkpoints / name
    if not distributed.is_first():
        return folder
    if (folder / "last.pt").exists():
        raise UsageError(
            f"{folder} holds a run already: choose another --run_name, delete it, or go on with "
            f"--resume {folder}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def seed_folders(flags: argparse.Namespace) -> dict[int, Path]:
    """The run folder of each of --seeds."""
    return {seed: flags.checkpoints / f"{flags.run_name}_seed_{seed}" for seed in flags.seeds}


def write_flags(folder: Path, flags: argparse.Namespace) -> None:
    """args.json"""
    if not distributed.is_first():
        return
    text = json.dumps(vars(flags), indent=2, default=str, ensure_ascii=False)
    with replacing(flags_of(folder)) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Saved:
    """An interrupted run."""

    folder: Path
    checkpoint: Checkpoint
    state: dict[str, Any]  # as Run gave it

    def give_weights(self, model: nn.Module) -> None:
        """Those that training goes on with. Raise CheckpointError when they do not fit."""
        try:
            model.load_state_dict(self.state["weights"] or self.checkpoint.weights)
        except RuntimeError as error:
            raise CheckpointError(f"{self.folder}: its weights are of another model") from error

    def check(self, changes: list[str], data: dict[str, Any]) -> None:
        """Raise UsageError when `changes` name flags, or the fingerprint `data` is another one than
        when the run began."""
        if data != self.checkpoint.data:
            changes = [*changes, "another manifest: other videos, splits or settings of the crops"]
        if changes:
            raise UsageError(
                f"{self.folder} was begun with other settings ({'; '.join(changes)}): leave them "
                "as they were, or add --force"
            )


def find(name: str, checkpoints: Path) -> Path:
    """--resume → a run's folder: `last` is the one that was saved last, anything else the folder or
    its last.pt. Raise UsageError when there is nothing to go on from."""
    folder = Path(name).parent if name.endswith("last.pt") else Path(name)
    if name == "last":
        found = sorted(checkpoints.glob("*/last.pt"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise UsageError(f"--resume last: no run in {checkpoints} has a last.pt")
        folder = found[-1].parent
    for file in ("last.pt", "args.json"):
        if not (folder / file).is_file():
            raise UsageError(f"--resume {name}: there is no {folder / file} to go on from")
    return folder


def flags_of(folder: Path) -> Path:
    """The file with a run's flags."""
    return folder / "args.json"


def load(folder: Path) -> Saved:
    """Raise CheckpointError when last.pt is unusable."""
    return Saved(folder, *checkpointing.load_with_training(folder / "last.pt"))
