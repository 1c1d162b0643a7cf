"""train.py: the full command, what an epoch leaves behind, and what it never touches."""

import csv
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch._dynamo.exc import TorchDynamoException
from torchvision import models as torchvision_models

import args
import trainer
from common import checkpointing
from common.errors import UsageError
from common.preprocessing import ClipConfig
from datasets import manifest
from models import weights
from scoring.decision_rule import DecisionRule
from tests.fixtures import Share
from tests.helpers.commands import run_process
from tests.helpers.crop_sets import write_crop_set
from tests.helpers.train_flags import options, parse
from tests.helpers.train_runs import FLAGS, run
from training import build
from training.options import DataOptions, ModelOptions

FULL_COMMAND = (
    "--batch_size 16 --crop_size 224 --csv_file videos_df --dataset video --dropout 0.3 "
    "--embed_dim 512 --epochs 50 --log_interval 10 --lr 0.001 --model_name resnet152 "
    "--num_classes 2 --pretrained True --workers 4"
)
SMALLER = (
    "--batch_size 4 --crop_size 32 --csv_file videos_df --dataset video --dropout 0.3 "
    "--embed_dim 512 --epochs 2 --log_interval 10 --lr 0.001 --model_name resnet18 "
    "--num_classes 2 --pretrained True --workers 1"
)
HISTORY = (
    "epoch,train_loss,train_acc,val_loss,val_acc,val_auc,lr,seconds,clips_per_second,gradient,"
    "val_f1 REAL,val_f1 FAKE"
)


def put_in_cache(home: Path, name: str) -> None:
    """Random weights under the name that torchvision looks for."""
    file = (
        home / "hub/checkpoints" / Path(torchvision_models.get_model_weights(name).DEFAULT.url).name
    )
    file.parent.mkdir(parents=True)
    torch.save(torchvision_models.get_model(name, weights=None).state_dict(), file)


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of torch."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "torch"


@pytest.mark.slow
def test_the_full_command_parses_and_builds_word_for_word(
    tmp_path: Path, torch_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_crop_set(tmp_path / "data", {"train": 3, "val": 1}, fakes_each=2, frames=2)
    put_in_cache(torch_home, "resnet152")
    monkeypatch.chdir(tmp_path)
    flags = parse(*FULL_COMMAND.split())
    model, _ = build.build_model(args.build_options(ModelOptions, flags))
    (name,) = flags.csv_file
    data = manifest.read(manifest.find(name))
    clip = ClipConfig(flags.clip_frames, flags.crop_size)
    drawn = args.build_options(DataOptions, flags)
    loaders = build.build_loaders(drawn, data, clip, torch.device("cpu"))
    assert len(list(model.encoder.layer3)) == 36  # what makes it a ResNet152
    assert model.classify.out_features == 2
    assert (loaders[0].batches.size, loaders[1].batches.size) == (16, 16)
    assert loaders[0].dataset[0]["clip"].shape == (2, 3, 224, 224)


@pytest.fixture(scope="module")
def finished_run(share: Share) -> Path:
    """A run of two epochs with the full command, only with smaller sizes, in a process of its own.
    The test crops are missing, so that reading the test split would fail."""

    def train(folder: Path) -> None:
        path = write_crop_set(folder / "data", {"train": 4, "val": 9, "test": 2})
        for crops in (path.parent / "crops/part").glob("test*"):
            shutil.rmtree(crops)
        put_in_cache(folder / "torch", "resnet18")
        words = f"{SMALLER} --run_name run".split()
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
        environment["TORCH_HOME"] = str(folder / "torch")
        result = run_process("train.py", *words, cwd=folder, env=environment)
        assert result.returncode == 0, result.stderr
        assert sum(line.startswith("epoch ") for line in result.stdout.splitlines()) == 2

    return share("finished_run", train) / "checkpoints/run"


@pytest.mark.parametrize(
    ("words", "error", "parts"),
    [
        (
            ("--accumulate", "2"),
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
            ("--accumulate 4", "--precision bfloat16", "--grad_checkpoint True", "--resume"),
        ),
        (
            ("--compile", "True"),
            TorchDynamoException("no C++ compiler"),
            ("no C++ compiler", "leave the flag out"),
        ),
    ],
    ids=["out of memory", "not compiled"],
)
def test_a_step_that_this_machine_cannot_do_is_answered_with_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    error: RuntimeError,
    parts: tuple[str, ...],
) -> None:
    write_crop_set(tmp_path / "data", {"train": 2, "val": 1}, fakes_each=1, frames=2)
    monkeypatch.chdir(tmp_path)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(trainer, "take_step", fail)
    command = f"{SMALLER} --pretrained False --workers 0 --run_name run"
    assert run(monkeypatch, *command.split(), *words) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert all(part in line for part in parts)


@pytest.mark.slow
def test_a_dry_run_says_what_a_run_takes_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_crop_set(tmp_path / "data", {"train": 4, "val": 3})
    monkeypatch.chdir(tmp_path)
    command = f"{SMALLER} --pretrained False --run_name dry --dry_run"
    assert run(monkeypatch, *command.split()) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"model: 1\d\.\d M parameters, 1\d\.\d M trainable, 0\.0 M frozen", lines[1])
    assert re.match(r"threads: \d+, OMP_WAIT_POLICY=", lines[2])
    assert re.match(r"step: 4 clips in \d+\.\d\d s, loss \d\.\d{3}$", lines[3])
    assert re.match(r"memory: [\d.]+ GB at most", lines[4])
    assert re.match(r"time: [\d.]+ min an epoch \(2 steps .*\), [\d.]+ h for 2 epochs$", lines[5])


@pytest.mark.slow
def test_training_never_reads_the_test_split(finished_run: Path) -> None:
    # Its crops are not on disk: finished_run would have failed.
    assert (finished_run / "best.pt").is_file()
    assert not list((finished_run / "../../data/crops/part").glob("test*"))


@pytest.mark.slow
def test_every_epoch_leaves_a_checkpoint_a_row_and_curves(finished_run: Path) -> None:
    names = {path.name for path in finished_run.iterdir()}
    assert names >= {"epoch_001.pt", "epoch_002.pt", "last.pt", "best.pt", "curves.png"}
    assert not [name for name in names if name.startswith(".partial")]
    with (finished_run / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert ",".join(rows[0]) == HISTORY
    assert all(0 <= float(row["val_auc"]) <= 1 for row in rows)
    assert (finished_run / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((finished_run / "args.json").read_text())["lr"] == 0.001


@pytest.mark.slow
def test_a_checkpoint_holds_what_rebuilds_model_and_preprocessing(finished_run: Path) -> None:
    checkpoint = checkpointing.load(finished_run / "epoch_002.pt")
    assert checkpoint.model["name"] == "resnet18"
    assert checkpoint.clip.crop_size == 32
    assert checkpoint.faces.face_size == 40
    assert checkpoint.classes == ["REAL", "FAKE"]
    assert checkpoint.epoch == 2
    assert DecisionRule.from_dict(checkpoint.judgement).fitted, "validation says what scores mean"


@pytest.mark.slow
def test_a_run_is_never_overwritten(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished_run / "best.pt").read_bytes()
    monkeypatch.chdir(finished_run.parents[1])
    assert run(monkeypatch, *f"{SMALLER} --run_name run --pretrained False".split()) == 2
    assert (finished_run / "best.pt").read_bytes() == before


@pytest.mark.slow
def test_only_the_newest_checkpoints_are_kept_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_crop_set(tmp_path / "data", {"train": 2, "val": 1}, fakes_each=1, frames=2)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *FLAGS, "--keep_checkpoints", "1", "--run_name", "run") == 0
    folder = tmp_path / "checkpoints/run"
    assert [path.name for path in folder.glob("epoch_*.pt")] == ["epoch_003.pt"]
    assert (folder / "best.pt").is_file()


def test_without_network_and_cache_pretrained_is_one_error_before_any_work(
    tmp_path: Path,
    torch_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_crop_set(tmp_path / "data", {"train": 1, "val": 1}, fakes_each=1, frames=1)
    for proxy in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    assert run(monkeypatch, "--model_name", "resnet18") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ") and "--pretrained False" in line
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(
    "wrong", ["--pretrained yes", "--pretrained 1", "--epoch 3", "--batch_size 0", "--lr -1"]
)
def test_wrong_flags_are_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        args.train_parser().parse_args(wrong.split())
    assert stopped.value.code == 2
    assert wrong.split()[0] in capsys.readouterr().err


@pytest.mark.parametrize(("text", "value"), [("True", True), ("false", False)])
def test_booleans_are_strict_text(text: str, value: bool) -> None:
    assert args.train_parser().parse_args(["--pretrained", text]).pretrained is value


def test_an_unbalanced_manifest_is_balanced_every_epoch_by_default(tmp_path: Path) -> None:
    path = write_crop_set(tmp_path, {"train": 4, "val": 2}, fakes_each=4, frames=1)
    data = manifest.read(path)
    clip = ClipConfig(crop_size=32)
    counts = {}
    for balance in ("auto", "none"):
        drawn = options(DataOptions, "--balance", balance)
        loader, val_loader = build.build_loaders(drawn, data, clip, torch.device("cpu"))
        counts[balance] = loader.batches.clips
        assert len(val_loader.dataset) == 10  # validation is never balanced
    assert counts == {"auto": 8, "none": 20}


def test_a_split_of_one_label_is_refused_where_both_are_needed(tmp_path: Path) -> None:
    path = write_crop_set(tmp_path, {"train": 2, "val": 1}, fakes_each=0, frames=1)
    table = pd.read_csv(path)
    with pytest.raises(UsageError, match="nothing to learn"):
        build.check_data(options(DataOptions), manifest.read(path), "val_loss")
    table.loc[table["split"] == "train", "label"] = [0, 1]
    table.to_csv(path, index=False)
    build.check_data(options(DataOptions), manifest.read(path), "val_loss")
    with pytest.raises(UsageError, match="--monitor val_auc"):
        build.check_data(options(DataOptions), manifest.read(path), "val_auc")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--csv_file", "no_such"), "no manifest 'no_such'"),
        (("--dataset", "vidoe"), "--dataset"),
        (("--run_name", "taken"), "already holds a run"),
        (("--csv_file", "one_label/videos_df.csv"), "nothing to learn"),
        (("--csv_file", "no_val/videos_df.csv"), "the val split of the manifest has no video"),
    ],
)
def test_what_is_cheap_to_check_is_checked_before_weights_are_downloaded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    def download(name: str) -> None:
        raise AssertionError(f"weights of {name} are downloaded")

    monkeypatch.setattr(weights, "pretrained", download)
    monkeypatch.chdir(tmp_path)
    write_crop_set(tmp_path / "data", {"train": 2, "val": 1}, fakes_each=1, frames=1)
    write_crop_set(tmp_path / "one_label", {"train": 2, "val": 1}, fakes_each=0, frames=1)
    write_crop_set(tmp_path / "no_val", {"train": 2, "test": 1}, fakes_each=1, frames=1)
    taken = tmp_path / "checkpoints/taken/last.pt"
    taken.parent.mkdir(parents=True)
    taken.touch()
    assert run(monkeypatch, "--model_name", "resnet18", "--device", "cpu", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
