"""A verdict is on the bytes of the file whose hash stands beside it."""

import os
from pathlib import Path

import numpy as np
import pytest

from common.files import sha256
from faces.detect import FaceDetector
from faces.sampling import Span
from inference import extractor_process
from inference.answers import End, Window
from tests.helpers.video_files import write_video

WINDOWS = Span(window=0.28)  # seven frames, 25 a second


@pytest.fixture
def video(tmp_path: Path, heads: list[list[np.ndarray]], detector: FaceDetector) -> Path:
    extractor_process._detector = detector
    return write_video(tmp_path / "video.mp4", [*heads[0]] * 2)


@pytest.fixture
def smaller(tmp_path: Path, heads: list[list[np.ndarray]]) -> Path:
    return write_video(tmp_path / "smaller.mp4", [image[:200, :300] for image in heads[1]])


def test_a_file_that_is_replaced_while_it_is_read_is_not_judged(video: Path, smaller: Path) -> None:
    assert run(video)[-1].sha256 == sha256(video)
    kept = video.with_name("kept.mp4")
    os.link(video, kept)
    answers = extractor_process.extract(video, WINDOWS)
    next(answers)
    os.replace(smaller, video)
    os.replace(kept, video)  # the file that was opened is there again
    assert yield_all(answers)[-1].status == "unreadable"


def test_a_file_that_is_gone_at_the_end_is_not_judged(video: Path) -> None:
    answers = extractor_process.extract(video, WINDOWS)
    next(answers)
    video.unlink()
    assert yield_all(answers)[-1].status == "unreadable"


def test_a_file_that_changes_while_it_is_read_is_not_judged(video: Path) -> None:
    answers = extractor_process.extract(video, WINDOWS)
    assert next(answers).extraction.status == "ok"
    with video.open("ab") as file:
        file.write(b"more")
    end = yield_all(answers)[-1]
    assert (end.status, end.sha256) == ("unreadable", "")
    assert "changed while it was read" in end.detail


@pytest.mark.parametrize(
    ("name", "reason"), [("gone.mp4", "not a file"), ("folder", "not a file"), ("text", "no video")]
)
def test_what_is_not_read_has_no_hash(
    name: str, reason: str, tmp_path: Path, detector: FaceDetector
) -> None:
    extractor_process._detector = detector
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no video\n" * 50)
    window, end = run(tmp_path / name)
    assert window.extraction.status == "unreadable" and reason in window.extraction.detail
    assert (end.status, end.sha256) == ("", "")


def run(video: Path) -> list:
    return yield_all(extractor_process.extract(video, WINDOWS))


def yield_all(answers: object) -> list:
    """Return what is yielded, and then what is returned."""
    result: list[Window | End] = []

    def keep() -> object:
        result.append((yield from answers))

    return [*keep(), *result]
