"""A run that was interrupted, however, and resumed gives what an uninterrupted one gives."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import train
from common import checkpointing, errors
from tests.fixtures import Share
from tests.helpers.commands import ROOT
from tests.helpers.crop_sets import write_training_data
from tests.helpers.train_runs import FLAGS, assert_same, result, run, stop_at
from training import history, optimizer

PATIENCE = 120  # seconds after which a run that makes no progress is a failure

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(share: Share) -> Path:
    """A run with FLAGS that was never interrupted, on the data of `work_dir`."""

    def train_run(folder: Path) -> None:
        write_training_data(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            assert run(patch, *FLAGS, "--run_name", "whole") == 0

    return share("whole_run", train_run) / "checkpoints/whole"


def test_stopped_anywhere_and_resumed_is_as_never_stopped(
    work_dir: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three steps and three batches of validation an epoch: after its first and last step, in
    validation, and in the second epoch."""
    for call in (1, 3, 4, 7):
        shutil.rmtree(work_dir / "checkpoints/cut", ignore_errors=True)
        with monkeypatch.context() as patch:
            patch.setattr(train, "stop_request", stop_at(call))
            assert run(patch, *FLAGS, "--run_name", "cut") == 143
        assert "--resume checkpoints/cut" in capsys.readouterr().out
        torch.manual_seed(99)  # what another process would have drawn
        assert run(monkeypatch, "--resume", "last") == 0
        assert_same(whole, work_dir / "checkpoints/cut")


@pytest.mark.parametrize(
    "more",
    [
        "--ema 0.9 --accumulate 2 --encoder_lr 0.0001 --mix cutmix",
        "--schedule plateau --optimizer sgd --monitor val_auc --class_weights balanced",
    ],
)
def test_whatever_changes_a_step_is_resumed_exactly(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.setattr(optimizer, "PLATEAU_EPOCHS", 1)
    flags = [*FLAGS, *more.split()]
    assert run(monkeypatch, *flags, "--run_name", "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(train, "stop_request", stop_at(8))  # in the second epoch
        assert run(patch, *flags, "--run_name", "cut") == 143
    assert run(monkeypatch, "--resume", "last") == 0
    (rows, weights), (same_rows, same_weights) = (
        result(work_dir / "checkpoints" / name) for name in ("whole", "cut")
    )
    assert rows == same_rows
    assert all(torch.equal(weights[name], same_weights[name]) for name in weights)


def test_a_run_without_patience_left_ends_and_stays_ended(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The learning rate is too low to change the accuracy for long."""
    words = ("--epochs", "30", "--lr", "1e-8", "--patience", "2", "--monitor", "val_acc")
    assert run(monkeypatch, *FLAGS, *words, "--run_name", "cut") == 0
    assert "stopped early: 2 epochs without an improvement in val_acc" in capsys.readouterr().out
    before = (work_dir / "checkpoints/cut/last.pt").read_bytes()
    assert run(monkeypatch, "--resume", "last") == 0
    assert "stopped early" in capsys.readouterr().out
    assert (work_dir / "checkpoints/cut/last.pt").read_bytes() == before
    with (work_dir / "checkpoints/cut/history.csv").open(newline="") as file:
        accuracies = [float(row["val_acc"]) for row in csv.DictReader(file)]
    assert len(accuracies) == accuracies.index(max(accuracies)) + 1 + 2 < 30


def test_several_seeds_make_a_run_each_and_a_table_and_go_on_when_stopped(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*FLAGS, "--run_name", "r", "--seeds", "3,4"]
    with monkeypatch.context() as patch:
        patch.setattr(train, "stop_request", stop_at(2))
        assert run(patch, *words) == 143
    assert "repeat the same command" in capsys.readouterr().out
    assert run(monkeypatch, *words) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()[-5:]]
    assert run(monkeypatch, *FLAGS, "--run_name", "alone", "--seed", "3") == 0
    assert_same(work_dir / "checkpoints/alone", work_dir / "checkpoints/r_seed_3")
    best = [
        history.best(history.read(work_dir / f"checkpoints/r_seed_{n}"), "val_loss") for n in (3, 4)
    ]
    names = ["val_loss", "val_acc", "val_auc", "val_f1_REAL", "val_f1_FAKE"]
    assert table[0] == ["run", "epoch", *names, "parameters", "clips/s"]
    assert int(table[1][7].replace(",", "")) > 300_000, "of a ShuffleNet"
    for line, seed, row in zip(table[1:3], "34", best, strict=True):
        assert line[:3] == [f"seed_{seed}", str(row.epoch), f"{row.val_loss:.4f}"]
    losses = [row.val_loss for row in best]
    assert table[3][:2] == ["mean", f"{sum(losses) / 2:.4f}"]
    assert table[4][:2] == ["sd", f"{abs(losses[0] - losses[1]) / 2**0.5:.4f}"]


def test_several_encoders_make_a_run_each_and_a_table(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "shufflenet_v2_x0_5,small_cnn"
    words = (*FLAGS, "--epochs", "1", "--run_name", "r", "--model_names", names)
    assert run(monkeypatch, *words) == 0
    table = [line.split()[0] for line in capsys.readouterr().out.splitlines()[-5:]]
    assert table == ["run", *names.split(","), "mean", "sd"]
    for name in names.split(","):
        saved = checkpointing.load(work_dir / f"checkpoints/r_{name}/best.pt")
        assert saved.model["name"] == name
    for more in (("--seeds", "0,1"), ("--dry_run",), ("--resume", "last")):
        assert run(monkeypatch, *words, *more) == 2
    assert run(monkeypatch, *FLAGS, "--model_names", "a,a") == 2


def test_a_dry_run_of_several_seeds_is_one_and_writes_nothing(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *FLAGS, "--run_name", "r", "--seeds", "3,4", "--dry_run") == 0
    assert capsys.readouterr().out.count("parameters") == 1
    assert not (work_dir / "checkpoints").exists()


@pytest.mark.parametrize("more", [(), ("--sbi", "0.5")], ids=["plain", "self-blends"])
def test_loader_processes_change_nothing(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    assert run(monkeypatch, *FLAGS, *more, "--run_name", "none") == 0
    with monkeypatch.context() as patch:
        patch.setattr(train, "stop_request", stop_at(2))
        assert run(patch, *FLAGS, *more, "--run_name", "two", "--workers", "2") == 143
    assert run(monkeypatch, "--resume", "checkpoints/two/last.pt") == 0
    assert_same(work_dir / "checkpoints/none", work_dir / "checkpoints/two")


def signalled(
    work_dir: Path, number: signal.Signals, saves: int
) -> subprocess.CompletedProcess[str]:
    """A run in processes of its own that gets a signal once last.pt was written `saves` times."""
    words = [*FLAGS, "--run_name", "cut", "--save_every_steps", "1", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *words],
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    last, seen = work_dir / "checkpoints/cut/last.pt", set()
    deadline = time.monotonic() + PATIENCE
    while len(seen) < saves and process.poll() is None:
        assert time.monotonic() < deadline
        if last.exists():
            seen.add(last.stat().st_mtime_ns)
        time.sleep(0.002)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def test_a_killed_run_loses_no_more_than_the_steps_since_it_was_saved(
    work_dir: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = 7
    assert signalled(work_dir, signal.SIGKILL, saves).returncode == -signal.SIGKILL
    position = checkpointing.load_with_training(work_dir / "checkpoints/cut/last.pt")[1]["position"]
    epochs = position["epoch"] - 1
    # Saved before the first step, after each, and after each epoch.
    assert 1 + 3 * epochs + position["step"] + epochs >= saves
    assert run(monkeypatch, "--resume", "checkpoints/cut") == 0
    assert_same(whole, work_dir / "checkpoints/cut")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_ends_cleanly(
    work_dir: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    stopped = signalled(work_dir, number, 2)
    assert stopped.returncode == code, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "--resume checkpoints/cut" in stopped.stdout
    assert run(monkeypatch, "--resume", "last") == 0
    assert_same(whole, work_dir / "checkpoints/cut")


def test_what_a_kill_kept_from_being_written_is_written_when_resumed(
    work_dir: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between last.pt and what follows from it, in the last epoch."""
    for broken in ("write", "draw_curves"):
        shutil.rmtree(work_dir / "checkpoints/cut", ignore_errors=True)
        real, calls = getattr(history, broken), []

        def killed(*given: object, real=real, calls=calls) -> None:
            calls.append(given)
            if len(calls) == 3:
                raise KeyboardInterrupt
            real(*given)

        with monkeypatch.context() as patch:
            patch.setattr(history, broken, killed)
            assert run(patch, *FLAGS, "--run_name", "cut") == 130
        assert run(monkeypatch, "--resume", "checkpoints/cut") == 0
        assert_same(whole, work_dir / "checkpoints/cut")


def test_a_run_that_ended_before_its_first_step_is_the_last_one_and_goes_on(
    work_dir: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(train, "fit", fail)
        patch.setattr(sys, "argv", ["train.py", *FLAGS, "--run_name", "cut"])
        with pytest.raises(MemoryError):
            errors.run(train.main)
    assert run(monkeypatch, "--resume", "last") == 0
    assert "resuming checkpoints/cut in epoch 1, after step 0" in capsys.readouterr().out
    assert_same(whole, work_dir / "checkpoints/cut")
