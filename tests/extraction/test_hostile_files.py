"""No file may end a run, get a made-up score, or have its code run."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import score
from common import checkpointing
from common.errors import CheckpointError
from faces.detect import FaceDetector
from faces.extract import Extraction, extract_faces
from scoring.decision_rule import DecisionRule
from tests.helpers.commands import run_here, run_process
from tests.helpers.extract_here import ExtractorHere
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


def score_here(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr(score, "Extractor", ExtractorHere)
    return run_here(monkeypatch, score.main, *words, "--device", "cpu")


def read_rows(output: Path) -> list[dict[str, str]]:
    with (output / "scores.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def scored(
    tmp_path_factory: pytest.TempPathFactory, files: Path, checkpoint: Path
) -> dict[str, dict[str, str]]:
    """The rows of score.py over the whole folder by file name."""
    output = tmp_path_factory.mktemp("scores")
    with pytest.MonkeyPatch.context() as patch:
        code = score_here(patch, files, "--checkpoint", checkpoint, "--output", output)
    assert code == 1, "some files have no verdict"
    rows = read_rows(output)
    assert len(rows) == len({row["video"] for row in rows})
    return {Path(row["video"]).name: row for row in rows}


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


def test_every_file_has_a_row(scored: dict[str, dict[str, str]]) -> None:
    assert sorted(scored) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_score_is_given_where_there_is_a_face_and_nowhere_else(
    scored: dict[str, dict[str, str]], name: str
) -> None:
    row = scored[name]
    status, people = EXPECTED[name]
    assert int(row["faces"]) == people
    if status == "ok":
        assert 0 < float(row["p_fake"]) < 1
        assert row["verdict"] == DecisionRule().verdict("ok", float(row["p_fake"]))
    else:
        assert row["verdict"] == status
        assert row["p_fake"] == ""
        assert row["detail"]


def test_the_row_of_a_damaged_file_says_so(scored: dict[str, dict[str, str]]) -> None:
    assert "damaged" in scored["tail_lost.mp4"]["detail"]


def test_scoring_ends_with_0_when_every_file_has_a_verdict(
    files: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scored: dict[str, dict[str, str]],
) -> None:
    names = ("one_frame.mp4", "tail_lost.mp4")
    flags = ("--checkpoint", checkpoint, "--output", tmp_path)
    assert score_here(monkeypatch, *(files / name for name in names), *flags) == 0
    rows = read_rows(tmp_path)
    assert [Path(row["video"]).name for row in rows] == list(names)
    for row, name in zip(rows, names, strict=True):
        before = float(scored[name]["p_fake"])
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
    assert score_here(monkeypatch, path, "--checkpoint", checkpoint) == 2
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
    assert score_here(monkeypatch, files / "black.mp4", *flags) == 2
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


@pytest.mark.slow
def test_scoring_in_a_process_of_its_own_gives_every_file_a_row_and_a_line(
    files: Path,
    checkpoint: Path,
    tmp_path: Path,
    scored: dict[str, dict[str, str]],
) -> None:
    """Also a file whose name is not UTF-8, with the strict encoding of a terminal."""
    folder = Path(shutil.copytree(files, tmp_path / "videos"))
    shutil.copy(files / "empty.mp4", os.fsencode(folder) + b"/caf\xe9.mp4")
    done = run_process(
        "score.py",
        *(folder, "--checkpoint", checkpoint, "--output", tmp_path, "--device", "cpu"),
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert all(name in done.stdout for name in EXPECTED)
    rows = {Path(row["video"]).name: row for row in read_rows(tmp_path)}
    assert len(rows) == len(EXPECTED) + 1
    for name, row in scored.items():
        assert rows.pop(name)["verdict"] == row["verdict"]
    assert [row["verdict"] for row in rows.values()] == ["unreadable"]
