"""Training on several manifests."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from common import checkpointing
from datasets import manifest
from tests.helpers.crop_sets import FACES, write_crop_set
from tests.helpers.train_runs import FLAGS, assert_same, run, stop_at

MANIFESTS = ["--csv_file", "data/one/videos_df", "data/two/videos_df"]


@pytest.fixture
def two(work_dir: Path) -> Path:
    """Two manifests: fakes and reals, and reals alone with crops of another size."""
    write_crop_set(work_dir / "data/one", {"train": 3, "val": 2}, fakes_each=1, frames=2)
    path = write_crop_set(work_dir / "data/two", {"train": 3, "val": 2}, fakes_each=0, frames=2)
    table = manifest.read(path).table
    table["group"] = "two " + table["group"]
    manifest.write(path, table)
    manifest.write_record(path, {"faces": replace(FACES, margin=0.1).to_dict()})
    return work_dir


@pytest.mark.slow
def test_a_run_on_two_manifests_measures_both_and_resumes(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [
        *FLAGS,
        *MANIFESTS,
        "--shares",
        "1",
        "1",
        "--judge_faces",
        "data/two/videos_df",
        "--sbi",
        "0.5",
    ]
    assert run(monkeypatch, *flags, "--run_name", "whole") == 0
    with Path("checkpoints/whole/history.csv").open(newline="") as file:
        (first, *_) = csv.DictReader(file)
    assert first["val_auc one"] and not first["val_auc two"]
    assert float(first["val_loss"]) == pytest.approx(
        (float(first["val_loss one"]) + float(first["val_loss two"])) / 2
    )
    assert checkpointing.load(Path("checkpoints/whole/best.pt")).faces.margin == 0.1
    with monkeypatch.context() as patch:
        patch.setattr("train.stop_request", stop_at(5))
        assert run(monkeypatch, *flags, "--run_name", "stopped") == 143
    assert run(monkeypatch, "--resume", "checkpoints/stopped") == 0
    assert_same(Path("checkpoints/whole"), Path("checkpoints/stopped"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "differ in how crops were made: name the one .* with --judge_faces"),
        (["--judge_faces", "data/three"], "no manifest 'data/three'"),
        (["--judge_faces", "data/one/videos_df", "--shares", "1"], "1 values for 2 manifests"),
        (["--judge_faces", "data/one/videos_df", "--freeze", "all"], "a single manifest"),
    ],
)
def test_what_does_not_fit_the_manifests_is_one_line(
    two: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    assert run(monkeypatch, *FLAGS, *MANIFESTS, *flags) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.search(message, line)


@pytest.mark.parametrize("flags", [["--shares", "1"], ["--judge_faces", "data/one/videos_df"]])
def test_flags_of_several_manifests_are_refused_for_one(
    two: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
) -> None:
    assert run(monkeypatch, *FLAGS, "--csv_file", "data/one/videos_df", *flags) == 2
    assert f"{flags[0]} needs several manifests" in capsys.readouterr().err
