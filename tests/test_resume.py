"""A run that was interrupted, however, and resumed gives what an uninterrupted one gives."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import checkpointing
import errors
import history
import optimization
import train
from optimization import one_cycle
from tests.crop_sets import write_crop_set

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120  # seconds after which a run that makes no progress is a failure
FLAGS = [
    *("--csv_file", "data/videos_df.csv", "--model_name", "resnet18", "--pretrained", "False"),
    *("--embed_dim", "16", "--crop_size", "32", "--clip_frames", "2", "--batch_size", "4"),
    *("--epochs", "3", "--workers", "0", "--device", "cpu"),
]
SHOWN = ("epoch", "train_loss", "train_acc", "val_loss", "val_acc", "val_auc", "lr")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with data: 12 clips an epoch, so three steps, and two of validation."""
    write_crop_set(tmp_path / "data", {"train": 6, "val": 2}, fakes_each=2, frames=3)
    monkeypatch.chdir(tmp_path)
    # Steps this small are faster on one thread, and another number gives other last digits.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    with pytest.raises(SystemExit) as caught:
        errors.run(train.main)
    return int(caught.value.code or 0)


def result(folder: Path) -> tuple[list[list[str]], dict[str, torch.Tensor]]:
    """The loss curve, and the weights at the end."""
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
    """A stop request that comes when it is asked for the `call`-th time: after a step, or in
    validation."""

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


def test_stopped_anywhere_and_resumed_is_as_never_stopped(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three steps and three batches of validation an epoch: after its first and last step, in
    validation, and in the second epoch."""
    assert run(monkeypatch, *FLAGS, "--run_name", "whole") == 0
    for call in (1, 3, 4, 7):
        shutil.rmtree(place / "checkpoints/cut", ignore_errors=True)
        with monkeypatch.context() as patch:
            patch.setattr(train, "stop_request", stop_at(call))
            assert run(patch, *FLAGS, "--run_name", "cut") == 143
        assert "--resume checkpoints/cut" in capsys.readouterr().out
        torch.manual_seed(99)  # what another process would have drawn
        assert run(monkeypatch, "--resume", "last") == 0
        assert_same(place / "checkpoints/whole", place / "checkpoints/cut")


@pytest.mark.parametrize(
    "more",
    [
        "--ema 0.9 --accumulate 2 --encoder_lr 0.0001",
        "--schedule plateau --optimizer sgd --monitor val_auc --class_weights balanced",
    ],
)
def test_whatever_changes_a_step_is_resumed_exactly(
    place: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.setattr(optimization, "PLATEAU_EPOCHS", 1)
    flags = [*FLAGS, *more.split()]
    assert run(monkeypatch, *flags, "--run_name", "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(train, "stop_request", stop_at(8))  # in the second epoch
        assert run(patch, *flags, "--run_name", "cut") == 143
    assert run(monkeypatch, "--resume", "last") == 0
    (rows, weights), (same_rows, same_weights) = (
        result(place / "checkpoints" / name) for name in ("whole", "cut")
    )
    assert rows == same_rows
    assert all(torch.equal(weights[name], same_weights[name]) for name in weights)


def test_a_run_without_patience_left_ends_and_stays_ended(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The learning rate is too low to change the accuracy for long."""
    words = ("--epochs", "30", "--lr", "1e-8", "--patience", "2", "--monitor", "val_acc")
    assert run(monkeypatch, *FLAGS, *words, "--run_name", "cut") == 0
    assert "ended early: 2 epochs brought no better val_acc" in capsys.readouterr().out
    before = (place / "checkpoints/cut/last.pt").read_bytes()
    assert run(monkeypatch, "--resume", "last") == 0
    assert "ended early" in capsys.readouterr().out
    assert (place / "checkpoints/cut/last.pt").read_bytes() == before
    with (place / "checkpoints/cut/history.csv").open(newline="") as file:
        accuracies = [float(row["val_acc"]) for row in csv.DictReader(file)]
    assert len(accuracies) == accuracies.index(max(accuracies)) + 1 + 2 < 30


def test_several_seeds_make_a_run_each_and_a_table_and_go_on_when_stopped(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*FLAGS, "--run_name", "r", "--seeds", "3,4"]
    with monkeypatch.context() as patch:
        patch.setattr(train, "stop_request", stop_at(2))
        assert run(patch, *words) == 143
    assert "the same command goes on" in capsys.readouterr().out
    assert run(monkeypatch, *words) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()[-5:]]
    assert run(monkeypatch, *FLAGS, "--run_name", "alone", "--seed", "3") == 0
    assert_same(place / "checkpoints/alone", place / "checkpoints/r_seed_3")
    best = [
        history.best(history.read(place / f"checkpoints/r_seed_{n}"), "val_loss") for n in (3, 4)
    ]
    assert table[0] == ["seed", "epoch", "val_loss", "val_acc", "val_auc"]
    for line, seed, row in zip(table[1:3], "34", best, strict=True):
        assert line[:3] == [seed, str(row.epoch), f"{row.val_loss:.4f}"]
    losses = [row.val_loss for row in best]
    assert table[3][:2] == ["mean", f"{sum(losses) / 2:.4f}"]
    assert table[4][:2] == ["sd", f"{abs(losses[0] - losses[1]) / 2**0.5:.4f}"]


def test_a_dry_run_of_several_seeds_is_one_and_writes_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *FLAGS, "--run_name", "r", "--seeds", "3,4", "--dry_run") == 0
    assert capsys.readouterr().out.count("parameters") == 1
    assert not (place / "checkpoints").exists()


@pytest.mark.parametrize("words", [("--resume", "last"), ()])
def test_seeds_without_a_name_or_with_one_run_to_resume_are_refused(
    cut: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    assert run(monkeypatch, "--seeds", "0,1", *words) == 2
    assert "--seeds" in capsys.readouterr().err


def test_another_kind_of_optimizer_cannot_go_on(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--resume", "last", "--optimizer", "sgd", "--force") == 2
    assert "another kind of --optimizer" in capsys.readouterr().err


@pytest.mark.parametrize("more", [(), ("--sbi", "0.5")], ids=["plain", "self-blends"])
def test_loader_processes_change_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    assert run(monkeypatch, *FLAGS, *more, "--run_name", "none") == 0
    with monkeypatch.context() as patch:
        patch.setattr(train, "stop_request", stop_at(2))
        assert run(patch, *FLAGS, *more, "--run_name", "two", "--workers", "2") == 143
    assert run(monkeypatch, "--resume", "checkpoints/two/last.pt") == 0
    assert_same(place / "checkpoints/none", place / "checkpoints/two")


def signalled(place: Path, number: signal.Signals, saves: int) -> subprocess.CompletedProcess[str]:
    """A run in processes of its own that gets a signal once last.pt was written `saves` times."""
    words = [*FLAGS, "--run_name", "cut", "--save_every_steps", "1", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *words],
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    last, seen = place / "checkpoints/cut/last.pt", set()
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
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = 7
    assert signalled(place, signal.SIGKILL, saves).returncode == -signal.SIGKILL
    position = checkpointing.load_with_training(place / "checkpoints/cut/last.pt")[1]["position"]
    epochs = position["epoch"] - 1
    # Saved before the first step, after each, and after each epoch.
    assert 1 + 3 * epochs + position["step"] + epochs >= saves
    assert run(monkeypatch, "--resume", "checkpoints/cut") == 0
    assert run(monkeypatch, *FLAGS, "--run_name", "whole") == 0
    assert_same(place / "checkpoints/whole", place / "checkpoints/cut")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_ends_cleanly(
    place: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    stopped = signalled(place, number, 2)
    assert stopped.returncode == code, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "--resume checkpoints/cut" in stopped.stdout
    assert run(monkeypatch, "--resume", "last") == 0
    assert run(monkeypatch, *FLAGS, "--run_name", "whole") == 0
    assert_same(place / "checkpoints/whole", place / "checkpoints/cut")


@pytest.fixture
def cut(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as patch:
        patch.setattr(train, "stop_request", stop_at(2))
        assert run(patch, *FLAGS, "--run_name", "cut") == 143
    return place / "checkpoints/cut"


def test_other_settings_are_listed_need_force_and_then_hold(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--resume", "last", "--lr", "0.002", "--weight_decay", "0.5", "--epochs", "4")
    assert run(monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert "--lr 0.001 → 0.002" in error
    assert "--epochs 3 → 4" in error
    assert "--force" in error
    assert run(monkeypatch, *words, "--force") == 0
    assert json.loads((cut / "args.json").read_text())["lr"] == 0.002
    state = checkpointing.load_with_training(cut / "last.pt")[1]
    assert {group["weight_decay"] for group in state["optimizer"]["param_groups"]} == {0.5}
    with (cut / "history.csv").open(newline="") as file:
        rates = [float(row["lr"]) for row in csv.DictReader(file)]
    expected = [0.002 * one_cycle(3 * epoch / 12) for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx(expected)


def test_another_measure_of_the_best_epoch_takes_its_checkpoint(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, *FLAGS, "--run_name", "cut") == 0
    folder = place / "checkpoints/cut"
    rows = history.read(folder)
    for other in ("val_acc", "val_auc", "val_loss"):
        assert run(monkeypatch, "--resume", "last", "--monitor", other, "--force") == 0
        assert checkpointing.load(folder / "best.pt").epoch == history.best(rows, other).epoch


def test_a_run_of_another_version_is_refused_in_one_line(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, state = checkpointing.load_with_training(cut / "last.pt")
    state.pop("steps")
    checkpointing.save(cut / "last.pt", checkpoint, state)
    assert run(monkeypatch, "--resume", "last") == 2
    assert "another version" in capsys.readouterr().err


def test_what_a_kill_kept_from_being_written_is_written_when_resumed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between last.pt and what follows from it, in the last epoch."""
    assert run(monkeypatch, *FLAGS, "--run_name", "whole") == 0
    for broken in ("write", "draw_curves"):
        shutil.rmtree(place / "checkpoints/cut", ignore_errors=True)
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
        assert_same(place / "checkpoints/whole", place / "checkpoints/cut")


def test_a_run_that_ended_before_its_first_step_is_the_last_one_and_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *FLAGS, "--run_name", "whole") == 0

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(train, "fit", fail)
        patch.setattr(sys, "argv", ["train.py", *FLAGS, "--run_name", "cut"])
        with pytest.raises(MemoryError):
            errors.run(train.main)
    assert run(monkeypatch, "--resume", "last") == 0
    assert "resuming checkpoints/cut in epoch 1, after step 0" in capsys.readouterr().out
    assert_same(place / "checkpoints/whole", place / "checkpoints/cut")


def test_sources_of_an_earlier_split_stay_known_as_trained_on(
    cut: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """evaluate.py must not take them for unseen."""
    table = place / "data/videos_df.csv"
    before = checkpointing.load(cut / "last.pt").trained_on
    table.write_text(table.read_text().replace('"train0","train"', '"train0","test"'))
    assert run(monkeypatch, "--resume", "last", "--force") == 0
    assert checkpointing.load(cut / "best.pt").trained_on == before
    assert len(before) == 6


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("videos_df.csv", "method1", "method9"),
        ("videos_df.json", '"margin": 0.3', '"margin": 0.6'),
    ],
    ids=["videos", "settings of the crops"],
)
def test_other_data_are_noticed(
    cut: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    before: str,
    after: str,
) -> None:
    path = place / "data" / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    assert run(monkeypatch, "--resume", "last") == 2
    error = capsys.readouterr().err
    assert "another manifest" in error
    assert "settings of the crops" in error


def test_what_changes_no_result_may_be_given_anew(
    cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--resume", "last", "--log_interval", "1", "--save_every_steps", "2")
    assert run(monkeypatch, *words) == 0


def test_a_finished_run_has_nothing_left_to_do(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--resume", "last") == 0
    before = (cut / "epoch_003.pt").read_bytes()
    assert run(monkeypatch, "--resume", "last") == 0
    assert "best epoch" in capsys.readouterr().out
    assert (cut / "epoch_003.pt").read_bytes() == before


def test_resume_with_another_file_of_flags_is_refused(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--resume", "last", "--config", str(cut / "args.json")) == 2
    assert "leave out --config" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["last", "nowhere", "checkpoints/cut/epoch_001.pt", ""])
def test_nothing_to_go_on_from_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(monkeypatch, "--resume", name) == 2
    assert capsys.readouterr().err.startswith("error: --resume")


def test_args_json_and_yaml_repeat_a_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, *FLAGS, "--run_name", "one 😀", "--seed", "7") == 0
    again = ("--config", "checkpoints/one 😀/args.json", "--run_name", "two")
    assert run(monkeypatch, *again) == 0
    assert_same(place / "checkpoints/one 😀", place / "checkpoints/two")
    (place / "run.yaml").write_text("epochs: 3\nlr: 0.002\npretrained: false\n")
    flags = train.args.train_flags(["--config", "run.yaml", "--lr", "0.003"])
    assert (flags.epochs, flags.lr, flags.pretrained) == (3, 0.003, False)


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", ""])
def test_a_config_that_is_none_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (place / "run.yaml").write_text(text)
    assert run(monkeypatch, "--config", "run.yaml") == 2
    assert "run.yaml" in capsys.readouterr().err
