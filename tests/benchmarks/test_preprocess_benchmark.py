"""Face extraction beside plain decoding and plain MTCNN, in this process."""

import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import preprocess, preprocess_contenders
from common.preprocessing import SAMPLINGS
from tests.benchmarks.commands import error_line, run


class InThisProcess:
    """A ProcessPoolExecutor that starts no process, which would take seconds each."""

    def __init__(self, _: int, __: object, start: Callable, arguments: tuple[str | None]) -> None:
        start(*arguments)

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, work: Callable, values: Iterable[Any]) -> Iterable[Any]:
        return map(pickle.loads(pickle.dumps(work)), values)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "ProcessPoolExecutor", InThisProcess)
    monkeypatch.setattr(preprocess_contenders, "WAIT", 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.slow
def test_every_contender_gets_a_row_and_ours_finds_the_faces_of_plain(
    talking_heads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, preprocess, talking_heads / "new", "--processes", "1") == 0
    *rows, speed, comparison = capsys.readouterr().out.splitlines()
    names = ["floor, opencv", "floor, pyav", *(f"ours, {name}" for name in SAMPLINGS), "plain"]
    assert [row[:16].strip() for row in rows] == names
    assert all(" s " in row and " MB" in row for row in rows)
    assert rows[0].split()[-2:] == rows[1].split()[-2:], "both readers see the same frames"
    assert all("× floor" in row for row in rows[2:])
    assert speed.startswith("ours is ") and speed.endswith(" times as fast as plain")
    assert "(100.00%) faces of plain" in comparison


def test_a_comparison_counts_faces_found_missed_and_added() -> None:
    box, elsewhere = np.array([0.0, 0, 10, 10]), np.array([50.0, 50, 60, 60])
    plain = {0: [box, elsewhere], 1: [box]}
    ours = {0: [box + 1], 2: [box]}
    assert preprocess.compare(plain, ours) == (3, 1, 1)


def test_a_folder_without_videos_and_a_damaged_video_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert "no .mp4 file in" in error_line(monkeypatch, capsys, preprocess, tmp_path)
    (tmp_path / "text.mp4").write_text("no video")
    line = error_line(monkeypatch, capsys, preprocess, tmp_path, "--processes", "1")
    assert "text.mp4 cannot be decoded" in line
