"""Writes and reads the history of a run: history.csv, a row per epoch, and curves.png."""

import csv
import math
from dataclasses import asdict, dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from common.files import replacing

COMPARED = ("val_loss", "val_acc", "val_auc")


@dataclass(frozen=True)
class EpochRow:
    """A row of history.csv: the results of one epoch.

    train_* are means over augmented clips, val_* metrics of whole videos. val_loss is their
    balanced log loss; val_auc is None if validation has only one class.
    """

    epoch: int  # from 1
    train_loss: float
    train_acc: float
    val_loss: float
    val_acc: float
    val_auc: float | None
    lr: float  # at the epoch's end
    seconds: float  # of training and validation
    clips_per_second: float  # of training
    gradient: float  # its norm before clipping, mean over steps
    # F1 of each class, as "val_f1 NAME". With several collections, val_* are means over them, and
    # theirs are here, as "val_auc NAME".
    further: dict[str, float | None] = field(default_factory=dict)

    def values(self) -> dict[str, float | None]:
        """Return all values by the name of their column in history.csv."""
        values = asdict(self)
        return values | values.pop("further")

    def line(self, epochs: int) -> str:
        """Return the row as a line of text; `epochs` is the number of epochs in the run."""
        auc = "n/a" if self.val_auc is None else f"{self.val_auc:.3f}"
        return (
            f"epoch {self.epoch}/{epochs}: "
            f"train loss {self.train_loss:.4f} acc {self.train_acc:.3f}"
            f" · val loss {self.val_loss:.4f} acc {self.val_acc:.3f} auc {auc}"
            f" · {self.seconds:.0f} s, {self.clips_per_second:.1f} clips/s"
        )


COLUMNS = [field.name for field in fields(EpochRow) if field.name != "further"]


def write(folder: Path, rows: list[EpochRow]) -> None:
    """Write `rows` to history.csv in a run folder, atomically."""
    with (
        replacing(folder / "history.csv") as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        values = [row.values() for row in rows]
        # A run that was resumed may have measured other collections before.
        names = dict.fromkeys([*COLUMNS, *chain.from_iterable(values)])
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(values)


def read(folder: Path) -> list[EpochRow]:
    """Return the rows of history.csv in a run folder."""
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return [_parse(row) for row in csv.DictReader(file)]


def _parse(row: dict[str, str]) -> EpochRow:
    numbers: dict[str, Any] = {name: float(text) if text else None for name, text in row.items()}
    own = {name: numbers.pop(name) for name in COLUMNS}
    return EpochRow(**own | {"epoch": int(row["epoch"]), "further": numbers})


def best(rows: list[EpochRow], monitor: str) -> EpochRow:
    """Return the row with the lowest val_loss, or the highest value of another column `monitor`; of
    equal rows the first. A value of None is the worst."""
    sign = 1 if monitor == "val_loss" else -1

    def badness(row: EpochRow) -> float:
        value = getattr(row, monitor)
        return math.inf if value is None else sign * value

    return min(rows, key=badness)


def compare(folders: dict[str, Path], monitor: str, parameters: dict[str, int]) -> str:
    """Return a text table of the best epoch (by `monitor`) of each run in `folders`, name → run
    folder, with its number of `parameters`, and mean and standard deviation over runs."""
    rows = {name: best(read(folder), monitor) for name, folder in folders.items()}
    values = {name: row.values() for name, row in rows.items()}
    columns = [
        *COMPARED,
        *(name for name in next(iter(values.values())) if name.startswith("val_f1 ")),
    ]
    columns = [name for name in columns if all(v.get(name) is not None for v in values.values())]
    table = pd.DataFrame({name: [v[name] for v in values.values()] for name in columns}, [*rows])
    if len(rows) > 1:
        table.loc["mean"], table.loc["sd"] = table.mean(), table.std()
    table = table.map("{:.4f}".format)
    table.insert(0, "epoch", pd.Series({name: str(row.epoch) for name, row in rows.items()}))
    table["parameters"] = pd.Series({name: f"{count:,}" for name, count in parameters.items()})
    speed = {name: f"{row.clips_per_second:.1f}" for name, row in rows.items()}
    table["clips/s"] = pd.Series(speed)
    table.columns = table.columns.str.replace(" ", "_")
    return table.fillna("").rename_axis("run").reset_index().to_string(index=False)


def draw_curves(folder: Path, rows: list[EpochRow]) -> None:
    """Draw training and validation loss and accuracy over epochs into curves.png."""
    from common.figures import new_figure, save_png  # slow to import

    figure = new_figure(9, 3.5)
    epochs = [row.epoch for row in rows]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "acc"), strict=True):
        for split in ("train", "val"):
            axes.plot(
                epochs, [getattr(row, f"{split}_{name}") for row in rows], label=split, marker="."
            )
        axes.set(xlabel="epoch", title={"loss": "loss", "acc": "accuracy"}[name])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    save_png(figure, folder / "curves.png")
