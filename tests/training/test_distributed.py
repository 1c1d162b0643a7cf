"""Two processes that torchrun starts (gloo, on the CPU) train as one does."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from common import checkpointing
from tests.helpers.crop_sets import write_crop_set
from tests.helpers.train_runs import run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
# Batches of 5, 5 and 2 clips, 14 clips of validation: neither falls into equal halves. No batch
# norm and no dropout, which every process has of its own.
FLAGS = [
    *("--csv_file", "data/videos_df.csv", "--model_name", "test_convnext", "--pretrained", "False"),
    *("--embed_dim", "16", "--crop_size", "32", "--clip_frames", "2", "--batch_size", "5"),
    *("--dropout", "0", "--epochs", "3", "--workers", "0", "--device", "cpu", "--ema", "0.9"),
    *("--optimizer", "sgd", "--lr", "0.05"),
]


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed")
    write_crop_set(folder / "data", {"train": 6, "val": 2}, fakes_each=2, frames=3)
    (folder / "data/videos_df.csv").write_text(
        "".join(
            line
            for line in (folder / "data/videos_df.csv").read_text().splitlines(keepends=True)
            if "val1_fake2" not in line
        )
    )
    return folder


def start(work_dir: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=work_dir,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What it printed; it must have ended well."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def two(work_dir: Path) -> Path:
    command = (*TORCHRUN, str(ROOT / "train.py"), *FLAGS, "--run_name", "two")
    out = finish(start(work_dir, *command, "--accumulate", "2"))
    assert [line[:7] for line in out.splitlines()].count("epoch 1") == 1, "one of them prints"
    return work_dir / "checkpoints/two"


def curve(run: Path) -> list[float]:
    """Every loss, accuracy, AUC, rate and gradient of a run."""
    with (run / "history.csv").open(newline="") as file:
        names = ("train_loss", "train_acc", "val_loss", "val_acc", "val_auc", "lr", "gradient")
        return [float(row[name]) for row in csv.DictReader(file) for name in names]


def test_two_processes_give_the_losses_of_one_at_the_same_batch(
    work_dir: Path, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work_dir)
    assert run(monkeypatch, *FLAGS, "--run_name", "one") == 0
    one = work_dir / "checkpoints/one"
    assert len(curve(one)) == 21
    assert curve(two) == pytest.approx(curve(one), abs=1e-5)
    weights, same = (checkpointing.load(run / "best.pt").weights for run in (one, two))
    assert weights.keys() == same.keys()
    assert all(torch.allclose(weights[name], same[name], atol=1e-5) for name in weights)


def test_two_processes_of_which_one_is_told_to_stop_go_on_together(work_dir: Path) -> None:
    """With batch norm, whose statistics are every process's own, with dropout, and attacked."""
    extra = ("--dropout", "0.3", "--adversarial", "fgsm", "--epochs", "6")
    flags = [*FLAGS, "--model_name", "shufflenet_v2_x0_5", *extra]
    command = (*TORCHRUN, str(ROOT / "train.py"), *flags)
    out = finish(start(work_dir, *command, "--seeds", "0,1", "--run_name", "whole"))
    assert out.count("\n  mean") == 1, "the table over seeds, once"
    process = start(work_dir, *command, "--run_name", "cut")
    assert process.stdout is not None
    process.stdout.readline()  # the line about the data
    assert process.stdout.readline().startswith("epoch 1/6")
    workers = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(workers) == 2
    os.kill(int(workers[1]), signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert "stopped; to continue" in out
    _, state = checkpointing.load_with_training(work_dir / "checkpoints/cut/last.pt")
    assert 1 < state["position"]["epoch"] <= 6
    out = finish(start(work_dir, *TORCHRUN, str(ROOT / "train.py"), "--resume", "checkpoints/cut"))
    assert "resuming" in out and "warning" not in out
    assert curve(work_dir / "checkpoints/cut") == curve(work_dir / "checkpoints/whole_seed_0")


def test_one_process_goes_on_with_a_run_of_two_and_says_what_is_lost(
    work_dir: Path, two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(work_dir)
    assert run(monkeypatch, "--resume", str(two), "--epochs", "4", "--force") == 0
    out = capsys.readouterr().out
    assert "the number of processes has changed" in out
    assert "epoch 4/4" in out
