"""Runs of train.py in this process, and their output."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import train
from common import checkpointing
from tests.helpers.commands import run_here

FLAGS = [
    # The smallest encoder with batch norm: most of these runs' time is writing checkpoints.
    *("--model_name", "shufflenet_v2_x0_5", "--pretrained", "False", "--embed_dim", "16"),
    *("--csv_file", "data/videos_df.csv", "--crop_size", "32", "--clip_frames", "2"),
    *("--batch_size", "4", "--epochs", "3", "--workers", "0", "--device", "cpu"),
]
SHOWN = ("epoch", "train_loss", "train_acc", "val_loss", "val_acc", "val_auc", "lr")


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Call train.py in this process; return its exit code."""
    return run_here(monkeypatch, train.main, *words)


def result(folder: Path) -> tuple[list[list[str]], dict[str, torch.Tensor]]:
    """Return the rows of history.csv, and the weights of the last epoch."""
    with (folder / "history.csv").open(newline="") as file:
        rows = [[row[name] for name in SHOWN] for row in csv.DictReader(file)]
    return rows, checkpointing.load(folder / "epoch_003.pt").weights


def assert_same(one: Path, other: Path) -> None:
    (rows, weights), (same_rows, same_weights) = result(one), result(other)
    assert rows == same_rows
    assert weights.keys() == same_weights.keys()
    assert all(torch.equal(weights[name], same_weights[name]) for name in weights)
    best, same_best = (checkpointing.load(folder / "best.pt") for folder in (one, other))
    assert best.epoch == same_best.epoch == 1 + min(range(3), key=lambda i: float(rows[i][3]))
    assert all(torch.equal(best.weights[name], same_best.weights[name]) for name in weights)


def stop_at(call: int):
    """Return a replacement of stop_request whose answer is yes at the `call`-th call: after a step
    or in validation."""

    @contextmanager
    def request() -> Iterator[object]:
        calls = 0

        class Request:
            exit_code = 143

            def __call__(self) -> bool:
                nonlocal calls
                calls += 1
                return calls == call

        yield Request()

    return request
