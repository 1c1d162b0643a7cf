"""Writes the run folder checkpoints/<run>/.

args.json        the flags; --config repeats the run with them; and where the run was trained
epoch_001.pt …   a checkpoint after every epoch; best.pt is a copy of the best one
last.pt          the newest state, with everything that resuming needs; also written within an epoch
history.csv      a row per epoch; curves.png draws them
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from common import checkpointing, distributed
from common.checkpointing import Checkpoint
from common.errors import UsageError
from common.files import replacing, write_text
from common.lock import only_writer
from training import history
from training.background_writer import BackgroundWriter, snapshot
from training.environment import Environment
from training.history import EpochRow
from training.options import RunOptions
from training.state import Position, Training


def keep_augmentation(folder: Path, augmentation: str, force: bool) -> None:
    """Keep a copy of the file of --augmentation in the run folder, whose lock is held. Raise
    UsageError if the run was started with another content, unless `force`."""
    source = Path(augmentation)
    if not source.suffix or not distributed.is_first():  # the name of a strength
        return
    text, copy = source.read_text(encoding="utf-8"), folder / "augmentation.yaml"
    if copy.is_file() and copy.read_text(encoding="utf-8") != text and not force:
        raise UsageError(
            f"{source} has changed since the run was started: restore it from {copy}, or add "
            "--force"
        )
    write_text(copy, text)


class Run:
    """A run and its folder. Every process has a Run and must make the same calls; only rank 0
    writes files. It writes copies in a thread, so that training continues meanwhile; `wait` before
    the files are needed."""

    def __init__(
        self,
        folder: Path,
        training: Training,
        make_checkpoint: Callable[..., Checkpoint],
        options: RunOptions,
    ) -> None:
        """`make_checkpoint` returns a Checkpoint; its keyword arguments are weights, epoch, metrics
        and judgement."""
        self.folder, self.training, self.options = folder, training, options
        self.make_checkpoint = make_checkpoint
        self.rows: list[EpochRow] = []
        self._writer = BackgroundWriter()

    @property
    def best(self) -> EpochRow:
        """The row of the best epoch by --monitor, the first of equal ones."""
        return history.best(self.rows, self.options.monitor)

    @property
    def has_patience(self) -> bool:
        """Whether early stopping (--patience) allows another epoch."""
        if not self.options.patience or not self.rows:
            return True
        return self.rows[-1].epoch - self.best.epoch < self.options.patience

    def save(self, position: Position) -> None:
        """Write last.pt, from which the run can be resumed at `position`."""
        checkpoint, state = self._checkpoint(position.epoch, {}), self._state(position)
        if distributed.is_first():
            checkpoint = replace(checkpoint, weights=snapshot(checkpoint.weights))
            state = snapshot(state)
            self._writer.submit(lambda: self._write_last(checkpoint, state))

    def finish_epoch(self, row: EpochRow, position: Position, rule: dict[str, Any] | None) -> None:
        """Write the files of a finished epoch: its checkpoint, last.pt, best.pt, history.
        `row` has its results, `position` is the start of the next epoch, and `rule` is the decision
        rule fitted to the validation scores."""
        self.rows.append(row)
        self.update_schedule()
        checkpoint = self._checkpoint(row.epoch, row.values(), rule)
        state = self._state(position)  # gathers, so every process must call it
        if distributed.is_first():
            checkpoint = replace(checkpoint, weights=snapshot(checkpoint.weights))
            state = snapshot(state)
            rows, new_best = list(self.rows), row is self.best

            def write() -> None:
                checkpointing.save(self._epoch_path(row), checkpoint)
                self._write_last(checkpoint, state)
                self._publish(rows, new_best)

            self._writer.submit(write)

    def wait(self) -> None:
        """Wait until all files are written. Raise the error of a file that could not be written."""
        self._writer.wait()

    def update_schedule(self) -> None:
        self.training.schedule.after_epoch([row.val_loss for row in self.rows])

    def publish_again(self) -> None:
        """Write the files that follow a finished epoch's checkpoint, which a run that was killed
        may lack. Its --monitor may have changed."""
        if self.rows and distributed.is_first():
            self._publish(self.rows, new_best=True)

    def _publish(self, rows: list[EpochRow], new_best: bool) -> None:
        """Write best.pt (if `new_best`), history.csv and curves.png for the finished epochs `rows`,
        and delete old checkpoints (--keep_checkpoints)."""
        best = self._epoch_path(history.best(rows, self.options.monitor))
        if new_best and best.exists():  # it may have been deleted, as by --keep_checkpoints
            with replacing(self.folder / "best.pt") as partial:
                shutil.copyfile(best, partial)
        history.write(self.folder, rows)
        history.draw_curves(self.folder, rows)
        checkpointing.delete_old_epochs(self.folder, self.options.keep_checkpoints)

    def _epoch_path(self, row: EpochRow) -> Path:
        return self.folder / f"epoch_{row.epoch:03d}.pt"

    def _checkpoint(
        self, epoch: int, metrics: dict[str, Any], rule: dict[str, Any] | None = None
    ) -> Checkpoint:
        weights = self.training.evaluated.state_dict()
        return self.make_checkpoint(weights=weights, epoch=epoch, metrics=metrics, judgement=rule)

    def _write_last(self, checkpoint: Checkpoint, state: dict[str, Any]) -> None:
        checkpointing.save(self.folder / "last.pt", checkpoint, state)

    def _state(self, position: Position) -> dict[str, Any]:
        """Return the training state that training/resume.py restores."""
        training = self.training
        average, device = training.average, training.device
        return {
            # None without an average: the checkpoint then has these weights, else the average's.
            "weights": None if average is None else training.model.state_dict(),
            "averaged": 0 if average is None else average.updates,
            "optimizer": training.optimizer.state_dict(),
            "steps": training.schedule.step_number,
            # One for every process. Training draws nothing from Python's or NumPy's generators.
            "randoms": distributed.gather(
                {
                    "cpu": torch.get_rng_state(),
                    "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
                }
            ),
            "position": asdict(position),
            "rows": [asdict(row) for row in self.rows],
        }


def new_path(checkpoints: Path, run_name: str | None, model_name: str) -> Path:
    """Return the path of a new run, which is not made yet. Without a name, it is named after its
    model and the time."""
    return checkpoints / (run_name or f"{model_name}_{time.strftime('%Y%m%d-%H%M%S')}")


def check_is_free(folder: Path) -> None:
    """Raise UsageError if a folder already holds a run, or the detector of one."""
    if (folder / "last.pt").exists():
        raise UsageError(
            f"{folder} already holds a run: choose another --run_name, delete it, or continue it "
            f"with --resume {folder}"
        )
    if (folder / "best.pt").exists():
        raise UsageError(
            f"{folder} already holds a detector: choose another --run_name, or delete it"
        )


@contextmanager
def locked(folder: Path, new: bool) -> Iterator[None]:
    """Hold the lock of a run folder on rank 0 in the block, after creating the folder if `new`;
    other ranks do nothing and do not wait. Raise UsageError on rank 0 if another process holds the
    lock, or if a `new` folder already holds a run."""
    if not distributed.is_first():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder):
        if new:
            check_is_free(folder)
        yield


def write_flags(folder: Path, flags: dict[str, Any], environments: list[Environment]) -> None:
    """Write `flags` and the `environments` of the run to args.json in a run folder, on rank 0
    only."""
    if not distributed.is_first():
        return
    values = {**flags, "environments": environments}
    text = json.dumps(values, indent=2, default=str, ensure_ascii=False)
    write_text(flags_file(folder), text + "\n")


def flags_file(folder: Path) -> Path:
    return folder / "args.json"


def find(name: str, checkpoints: Path) -> Path:
    """Return the run folder that `name`, the value of --resume, refers to: a run folder, its
    last.pt, or `last` for the run in `checkpoints` that was saved last. Raise UsageError if the
    folder lacks last.pt or args.json."""
    folder = Path(name).parent if name.endswith("last.pt") else Path(name)
    if name == "last":
        saved = sorted(checkpoints.glob("*/last.pt"), key=lambda path: path.stat().st_mtime)
        if not saved:
            raise UsageError(f"--resume last: no run in {checkpoints} has a last.pt")
        folder = saved[-1].parent
    for file in (folder / "last.pt", flags_file(folder)):
        if not file.is_file():
            raise UsageError(f"--resume {name}: there is no {file} to resume from")
    return folder
