"""What a run leaves to look at after every epoch: history.csv and curves.png."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from files import replacing


@dataclass(frozen=True)
class EpochRow:
    """One epoch. train_* are over augmented clips, val_* over whole videos; val_auc is None when
    validation holds one class only."""

    epoch: int
    train_loss: float
    train_acc: float
    val_loss: float
    val_acc: float
    val_auc: float | None
    lr: float  # at the epoch's end
    seconds: float
    clips_per_second: float  # of training

    def line(self, epochs: int) -> str:
        auc = "n/a" if self.val_auc is None else f"{self.val_auc:.3f}"
        return (
            f"epoch {self.epoch}/{epochs}: "
            f"train loss {self.train_loss:.4f} acc {self.train_acc:.3f}"
            f" · val loss {self.val_loss:.4f} acc {self.val_acc:.3f} auc {auc}"
            f" · {self.seconds:.0f} s, {self.clips_per_second:.1f} clips/s"
        )


def write(folder: Path, rows: list[EpochRow]) -> None:
    """history.csv"""
    with (
        replacing(folder / "history.csv") as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, [field.name for field in fields(EpochRow)])
        writer.writeheader()
        writer.writerows(map(asdict, rows))


def draw_curves(folder: Path, rows: list[EpochRow]) -> None:
    """Loss and accuracy over epochs, training and validation, as curves.png."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
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
    figure.savefig(folder / "curves.png", dpi=100)
