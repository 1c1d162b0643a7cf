"""evaluate.py: agrees with score.py on the same videos, counts all, and refuses other crops."""

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
import torch

import checkpointing
import errors
import evaluate
import models
from checkpointing import Checkpoint
from datasets import manifest, splits
from models import ModelConfig
from preprocessing import ClipConfig, FaceConfig
from tests.crop_sets import FACES, write_crop_set

ROOT = Path(__file__).resolve().parents[1]


def write_checkpoint(path: Path, faces: FaceConfig, trained_on: Sequence[int] = ()) -> Path:
    """A random model that reacts strongly, so that a different pixel would show."""
    torch.manual_seed(0)
    config = ModelConfig("resnet18", embed_dim=16)
    model = models.build(config)
    with torch.no_grad():
        model.classify.weight.mul_(4)
    clip = ClipConfig(clip_frames=3, crop_size=32)
    classes = list(manifest.CLASSES)
    checkpointing.save(
        path,
        Checkpoint(
            config.to_dict(), model.state_dict(), faces, clip, classes, list(trained_on), {}, 1, {}
        ),
    )
    return path


def run(script: str, *flags: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, flags)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def read_scores(path: Path) -> dict[str, dict[str, str]]:
    key = "path" if "path" in pd.read_csv(path).columns else "video"
    with path.open(newline="", encoding="utf-8") as file:
        return {Path(row[key]).name: row for row in csv.DictReader(file)}


def test_evaluate_and_score_give_the_same_p_fake(talking_heads: Path, tmp_path: Path) -> None:
    faces = FaceConfig(frames_per_video=5, face_size=48)
    flags = "--val_share 0 --test_share 0 --balance none --frames_per_video 5 --face_size 48"
    made = run("preprocess_dfdc.py", "--input", talking_heads, "--output", tmp_path, *flags.split())
    assert made.returncode == 0, made.stderr
    checkpoint = write_checkpoint(tmp_path / "a.pt", faces)
    csv_file = tmp_path / "videos_df.csv"
    evaluated = run(
        "evaluate.py", "--checkpoint", checkpoint, "--csv_file", csv_file, "--split", "train"
    )
    assert evaluated.returncode == 0, evaluated.stderr
    part = talking_heads / "dfdc_train_part_0"
    output = tmp_path / "scores.csv"
    scored = run("score.py", part, "--checkpoint", checkpoint, "--output", output)
    assert scored.returncode == 0, scored.stderr
    from_crops = read_scores(tmp_path / "evaluation_train/scores.csv")
    from_videos = read_scores(output)
    assert len(from_videos) == 5
    for name, row in from_videos.items():
        assert float(row["p_fake"]) == pytest.approx(float(from_crops[name]["p_fake"]), abs=1e-4)
        assert row["verdict"] == from_crops[name]["verdict"]
    # The numbers must differ between videos, or agreement would prove nothing.
    assert len({round(float(row["p_fake"]), 4) for row in from_videos.values()}) > 3


def test_videos_that_cannot_be_judged_are_counted_and_never_scored(tmp_path: Path) -> None:
    path = write_crop_set(tmp_path, {"test": 3}, fakes_each=2, frames=3)
    table = pd.read_csv(path, keep_default_na=False)
    table.loc[0, ["status", "track", "crops", "frames"]] = ["no_face", -1, "", 0]
    table.to_csv(path, index=False)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    result = run("evaluate.py", "--checkpoint", checkpoint, "--csv_file", path, "--workers", "0")
    assert result.returncode == 0, result.stderr
    metrics = json.loads((tmp_path / "evaluation_test/metrics.json").read_text())
    assert (metrics["videos"], metrics["videos_judged"]) == (9, 8)
    assert metrics["counts"] == {"REAL": {"ok": 2, "no_face": 1}, "FAKE": {"ok": 6}}
    assert set(metrics["auc_by_method"]) == {"method1", "method2"}
    row = next(
        row
        for row in read_scores(tmp_path / "evaluation_test/scores.csv").values()
        if row["status"] == "no_face"
    )
    assert (row["verdict"], row["p_fake"]) == ("no_face", "")


def test_crops_made_otherwise_are_refused(tmp_path: Path) -> None:
    path = write_crop_set(tmp_path, {"test": 1}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FaceConfig(face_size=40, margin=0.1))
    result = run("evaluate.py", "--checkpoint", checkpoint, "--csv_file", path)
    assert result.returncode == 2
    assert "margin 0.1 in training, 0.3 here" in result.stderr
    assert "Traceback" not in result.stderr


def test_auc_by_method_compares_each_method_with_all_reals() -> None:
    videos = pd.DataFrame(
        {
            "status": "ok",
            "label": [0, 0, 1, 1],
            "p_fake": [0.2, 0.6, 0.9, 0.4],
            "source": list("abab"),
            "method": ["", "", "easy", "hard"],
        }
    )
    measured = evaluate.measure(videos, threshold=0.5, seed=0)
    assert measured["auc_by_method"] == {"easy": 1.0, "hard": 0.5}
    assert measured["auc"] == 0.75


def test_sources_that_were_trained_on_are_refused_except_for_the_training_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a second preprocessing with another --seed."""
    path = write_crop_set(tmp_path, {"train": 1, "test": 2}, fakes_each=1, frames=2)
    groups = manifest.read(path).table["group"]
    faces = FaceConfig(face_size=40)
    for seen, split, code in (("test1", "test", 2), ("train0", "test", 0), ("train0", "train", 0)):
        known = splits.fingerprints(groups[groups == seen])
        checkpoint = write_checkpoint(tmp_path / "a.pt", faces, known)
        flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path), "--split", split]
        monkeypatch.setattr(sys, "argv", ["evaluate.py", *flags, "--workers", "0"])
        with pytest.raises(SystemExit) as caught:
            errors.run(evaluate.main)
        assert caught.value.code == code
    assert "1 of 2 sources here were in this checkpoint's training split" in capsys.readouterr().err


def test_an_error_in_a_loader_process_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"test": 1}, fakes_each=1, frames=2)
    next(tmp_path.rglob("*.jpg")).unlink()
    checkpoint = write_checkpoint(tmp_path / "a.pt", FaceConfig(face_size=40))
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path), "--workers", "1"]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *flags])
    with pytest.raises(SystemExit) as caught:
        errors.run(evaluate.main)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    assert "holds 1 crops, the manifest says 2" in line
