"""Pictures sorted by what they show, from the folders to the detector that does not judge cars."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import detectors
import evaluate
import score
import train
from common import checkpointing
from common.errors import CheckpointError, UsageError
from datasets import manifest
from detectors import __main__ as registry
from faces.sampling import WHOLE
from inference import content_gate
from scoring.load import load_content
from tests.helpers import evaluate_runs, preprocess_runs
from tests.helpers.commands import run_here
from tests.helpers.extract_here import ExtractorHere

COLOURS = {"cars": (200, 30, 30), "faces": (30, 200, 30), "trees": (30, 30, 200)}
MODEL = ("--model_name", "small_cnn", "--pretrained", "False", "--temporal", "none")
SIZES = ("--crop_size", "32", "--batch_size", "6", "--clip_frames", "1", "--workers", "0")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, the manifest of their crops, and a classifier trained on them."""
    home = tmp_path_factory.mktemp("content")
    random = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        for split, count in {"train": 8, "val": 3, "test": 3}.items():
            folder = home / "pictures" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.array(colour) + random.integers(-30, 31, (48, 48, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        flags = ("--layout", "classes", "--faces", "whole", "--face_size", "32")
        folders = ("--input", home / "pictures", "--output", home / "data")
        assert preprocess_runs.run(patch, *folders, *flags, "--workers", "1") == 0
        assert run_train(patch, home, "--epochs", "12", "--lr", "0.01") == 0
    return home


def run_train(patch: pytest.MonkeyPatch, home: Path, *words: str | Path) -> int:
    runs = ("--checkpoints", home / "runs", "--run_name", "content", "--task", "content")
    data = ("--csv_file", home / "data" / "videos_df.csv", "--device", "cpu")
    return run_here(patch, train.main, *runs, *data, *MODEL, *SIZES, *words)


def run_score(patch: pytest.MonkeyPatch, *words: str | Path) -> int:
    patch.setattr(score, "Extractor", ExtractorHere)
    return run_here(patch, score.main, *words, "--device", "cpu")


def test_the_manifest_names_the_classes_and_its_report_counts_them(work: Path) -> None:
    table = manifest.read(work / "data" / "videos_df.csv").table
    assert table.groupby("class").size().to_dict() == dict.fromkeys(COLOURS, 14)
    report = (work / "data" / "report.html").read_text(encoding="utf-8")
    assert all(f"<td>{name}</td><td>8</td><td>3</td><td>3</td>" in report for name in COLOURS)
    assert "reals from fakes" not in report


def test_three_colours_are_told_apart_and_measured(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    history = pd.read_csv(work / "runs" / "content" / "history.csv")
    assert {f"val_f1 {name}" for name in COLOURS} <= set(history)
    assert history["val_auc"].isna().all()
    words = ("--task", "content", "--checkpoint", work / "runs" / "content" / "best.pt")
    data = ("--csv_file", work / "data" / "videos_df.csv", "--output", work / "measured")
    assert evaluate_runs.run(monkeypatch, *words, *data) == 0
    assert "f1 cars" in capsys.readouterr().out
    result = json.loads((work / "measured" / "content.json").read_text(encoding="utf-8"))
    assert result["pictures"] == 9
    assert result["metrics"]["accuracy"]["value"] == 1
    assert result["confusion"]["cars"] == {"cars": 3, "faces": 0, "trees": 0}
    table = pd.read_csv(work / "measured" / "content.csv")
    assert (table["class"] == table["called"]).all()


def test_only_what_looks_like_a_face_is_judged(
    work: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = work / "pictures" / "test"
    pictures = [test / "cars" / "0.png", test / "faces" / "0.png", tmp_path / "broken.png"]
    pictures[-1].write_bytes(b"no picture")
    gate = ("--content_checkpoint", work / "runs" / "content" / "best.pt")
    flags = ("--checkpoint", checkpoint, "--faces", "cropped", "--output", tmp_path / "out")
    assert run_score(monkeypatch, *pictures, *gate, *flags) == 1
    rows = pd.read_csv(tmp_path / "out" / "scores.csv", keep_default_na=False)
    assert rows["verdict"].tolist() == ["no_face", "uncertain", "unreadable"]
    details = rows["detail"].tolist()
    assert details[0].startswith("content: cars (probability ")
    assert details[0].endswith("not a human face, and not judged")
    assert details[1].startswith("content: faces (probability ")
    assert rows["sha256"][0], "a file that is not judged is still named by its content"


def test_a_frozen_encoder_is_trained_on_its_stored_features(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--freeze", "all", "--run_name", "frozen", "--epochs", "2")
    assert run_train(monkeypatch, work, *words) == 0
    stored = load_content(work / "runs" / "frozen" / "best.pt", torch.device("cpu"))
    assert stored.classes == sorted(COLOURS)


@pytest.mark.parametrize("command", ["evaluate", "score"])
def test_a_classifier_is_not_taken_for_a_detector(
    command: str,
    work: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    classifier = work / "runs" / "content" / "best.pt"
    picture = work / "pictures" / "test" / "cars" / "0.png"
    if command == "evaluate":
        data = ("--csv_file", work / "data" / "videos_df.csv", "--output", tmp_path)
        code = run_here(monkeypatch, evaluate.main, "--checkpoint", classifier, *data)
    else:
        code = run_score(monkeypatch, picture, "--checkpoint", classifier, "--output", tmp_path)
    assert code == 2
    assert "is a content classifier (cars, faces, trees), not a" in capsys.readouterr().err


def test_the_list_of_models_says_what_it_is_and_it_is_not_promoted(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(detectors, "CHECKPOINTS", work / "runs")
    assert run_here(monkeypatch, registry.main) == 0
    shown = capsys.readouterr().out
    assert "content: small_cnn, none, 32 px · content classifier\n" in shown
    assert "validation accuracy 1.000" in shown
    classifier = work / "runs" / "content" / "best.pt"
    assert run_here(monkeypatch, registry.main, "promote", classifier) == 2
    assert "it gives no verdicts" in capsys.readouterr().err


def test_classes_that_do_not_fit_the_model_are_one_line(work: Path, tmp_path: Path) -> None:
    stored = checkpointing.load(work / "runs" / "content" / "best.pt")
    for classes in (["a", "b"], ["a", "b", "b", "c"], ["a", "b", 3]):
        stored.classes = classes
        checkpointing.save(tmp_path / "odd.pt", stored)
        with pytest.raises(CheckpointError, match="its classes are not the outputs"):
            load_content(tmp_path / "odd.pt", torch.device("cpu"))


def test_a_detector_is_not_taken_for_a_classifier(
    work: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture = work / "pictures" / "test" / "cars" / "0.png"
    words = ("--checkpoint", checkpoint, "--content_checkpoint", checkpoint, "--output", tmp_path)
    assert run_score(monkeypatch, picture, *words) == 2
    assert "is a detector, not a content classifier" in capsys.readouterr().err


def test_a_gate_needs_a_class_of_faces(
    work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = work / "runs" / "content" / "best.pt"
    classifier = load_content(path, torch.device("cpu"))
    other = replace(classifier, classes=["cars", "dogs", "trees"])
    monkeypatch.setattr(content_gate, "load_content", lambda *_: other)
    with pytest.raises(UsageError, match="cars, dogs, trees; exactly one must be"):
        content_gate.load(tmp_path, "cpu", WHOLE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--balance", "pairs"), "leave out --balance"),
        (("--sbi", "0.5"), "leave out --sbi"),
        (("--tensorboard", "True"), "leave out --tensorboard"),
        (("--monitor", "val_auc"), "leave out --monitor val_auc"),
        (("--task", "detector"), "train with --task content"),
    ],
)
def test_flags_of_detectors_are_refused(
    words: tuple[str, ...],
    said: str,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_train(monkeypatch, work, "--run_name", "other", *words) == 2
    assert said in capsys.readouterr().err


def test_a_class_that_cannot_be_validated_is_named(
    work: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = manifest.read(work / "data" / "videos_df.csv")
    table = data.table[(data.table["class"] != "trees") | (data.table["split"] == "train")]
    manifest.write(work / "data" / "fewer.csv", table)
    manifest.write_record(work / "data" / "fewer.csv", {"faces": data.faces.to_dict()})
    words = ("--csv_file", work / "data" / "fewer.csv", "--run_name", "fewer")
    assert run_train(monkeypatch, work, *words) == 2
    assert "the val split has no picture of the class 'trees'" in capsys.readouterr().err
