"""No file may end a run, get a made-up score, or have its code run."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import score
from common import checkpointing, errors
from common.errors import CheckpointError
from faces.detect import FaceDetector
from faces.extract import Extraction, extract_faces
from tests.helpers.hostile import EXPECTED, write_hostile
from tests.helpers.video_files import cut


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, heads: list[list[np.ndarray]]) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_hostile(folder, heads)
    return folder


@pytest.fixture(scope="module")
def extractions(files: Path, detector: FaceDetector) -> dict[str, Extraction]:
    return {name: extract_faces(files / name, detector) for name in EXPECTED}


@pytest.fixture(scope="module")
def scored(
    tmp_path_factory: pytest.TempPathFactory, files: Path, checkpoint: Path, repository: Path
) -> tuple[subprocess.CompletedProcess[str], dict[str, dict[str, str]]]:
    """score.py once over the whole folder: what it said, and its rows by file name."""
    output = tmp_path_factory.mktemp("scores")
    flags = ["--checkpoint", str(checkpoint), "--output", str(output), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "score.py", str(files), *flags],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    with (output / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["video"] for row in rows})
    return done, {Path(row["video"]).name: row for row in rows}


def test_the_expectations_name_every_file(files: Path) -> None:
    assert sorted(path.name for path in files.iterdir()) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_extraction_gives_every_file_its_status(
    extractions: dict[str, Extraction], name: str
) -> None:
    extraction = extractions[name]
    assert (extraction.status, len(extraction.tracks)) == EXPECTED[name]
    assert extraction.detail or extraction.status == "ok", "what has no face says why"


def test_a_lost_tail_is_said_in_the_detail(extractions: dict[str, Extraction]) -> None:
    extraction = extractions["tail_lost.mp4"]
    assert extraction.detail.startswith("damaged: ")
    assert 3 <= extraction.sampled_frames < 6
    assert extraction.total_frames == 24


def test_a_whole_file_is_not_called_damaged(extractions: dict[str, Extraction]) -> None:
    assert extractions["whole.mp4"].detail == ""


def test_scoring_ends_with_1_when_a_file_has_no_verdict(scored: tuple) -> None:
    done, _ = scored
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_every_file_has_a_row_and_a_line(scored: tuple) -> None:
    done, rows = scored
    assert sorted(rows) == sorted(EXPECTED)
    assert all(name in done.stdout for name in EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_score_is_given_where_there_is_a_face_and_nowhere_else(scored: tuple, name: str) -> None:
    row = scored[1][name]
    status, people = EXPECTED[name]
    assert int(row["faces"]) == people
    if status == "ok":
        assert row["verdict"] in ("real", "fake")
        assert 0 < float(row["p_fake"]) < 1
        assert row["verdict"] == ("fake" if float(row["p_fake"]) >= 0.5 else "real")
    else:
        assert row["verdict"] == status
        assert row["p_fake"] == ""
        assert row["detail"]


def test_the_row_of_a_damaged_file_says_so(scored: tuple) -> None:
    assert "damaged" in scored[1]["tail_lost.mp4"]["detail"]


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    """score.py in this process, which spares a start; its exit code."""
    monkeypatch.setattr(sys, "argv", ["score.py", *map(str, words), "--device", "cpu"])
    with pytest.raises(SystemExit) as caught:
        errors.run(score.main)
    return int(caught.value.code or 0)


def test_scoring_ends_with_0_when_every_file_has_a_verdict(
    files: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scored: tuple
) -> None:
    names = ("one_frame.mp4", "tail_lost.mp4")
    flags = ("--checkpoint", checkpoint, "--output", tmp_path)
    assert run(monkeypatch, *(files / name for name in names), *flags) == 0
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["video"]).name for row in rows] == list(names)
    for row, name in zip(rows, names, strict=True):
        before = float(scored[1][name]["p_fake"])
        assert float(row["p_fake"]) == pytest.approx(before, abs=1e-4), "alone or among others"


@pytest.mark.parametrize("path", ["absent.mp4", "*.nothing", "empty_folder"])
def test_a_path_that_gives_nothing_ends_with_2_and_one_line(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    path: str,
) -> None:
    (tmp_path / "empty_folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, path, "--checkpoint", checkpoint) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert path in line
    assert not (tmp_path / "scores.csv").exists()


class Touch:
    """Unpickled without care, it makes the file that it names."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.system, (f"touch '{self.marker}'",)


def write_bad_checkpoint(path: Path, kind: str, checkpoint: Path) -> None:
    if kind == "text":
        path.write_text("not a checkpoint\n")
    elif kind == "empty":
        path.touch()
    elif kind == "cut":
        cut(checkpoint, path, 0.5)
    elif kind == "code":
        torch.save({"format": checkpointing.FORMAT, "weights": Touch(path.with_name("ran"))}, path)
    else:
        assert kind == "missing"


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "cut", "code"])
def test_an_unusable_checkpoint_ends_with_2_and_one_line(
    files: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    kind: str,
) -> None:
    path = tmp_path / "bad.pt"
    write_bad_checkpoint(path, kind, checkpoint)
    flags = ("--checkpoint", path, "--output", tmp_path)
    assert run(monkeypatch, files / "black.mp4", *flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert str(path) in line
    assert not (tmp_path / "ran").exists()


def test_loading_never_runs_code(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"format": checkpointing.FORMAT, "weights": Touch(tmp_path / "ran")}, path)
    with pytest.raises(CheckpointError, match=r"evil\.pt"):
        checkpointing.load(path)
    assert not (tmp_path / "ran").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "ran").exists(), "the file is harmless, so this test shows nothing"


def test_a_file_name_that_is_not_utf8_has_a_row(
    files: Path, checkpoint: Path, tmp_path: Path, repository: Path
) -> None:
    """In a process of its own, whose output is encoded as a terminal's is."""
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(files / "empty.mp4", os.fsencode(folder) + b"/caf\xe9.mp4")
    flags = ["--checkpoint", str(checkpoint), "--output", str(tmp_path), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "score.py", str(folder), *flags],
        cwd=repository,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == ["unreadable"]
