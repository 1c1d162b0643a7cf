"""Videos are judged on a cluster as they are here."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import score
from common import errors
from common.errors import VideoError
from faces.sampling import WHOLE
from inference import scoring_job
from inference.scoring_job import ScoringJob
from tests.helpers.extract_here import ExtractorHere


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        found = sorted(csv.DictReader(file), key=lambda row: row["video"])
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


@pytest.mark.slow
def test_a_cluster_gives_the_same_rows_pages_and_videos_as_this_process(
    talking_heads: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    monkeypatch.chdir(talking_heads)
    for engine in ("local", "ray"):
        out = tmp_path / engine
        out.mkdir()
        words = ["new", str(tmp_path / "broken.mp4"), "--checkpoint", str(checkpoint)]
        words += ["--output", str(out), "--device", "cpu", "--engine", engine]
        words += ["--report", str(out / "seen"), "--save_video", str(out / "seen")]
        monkeypatch.setattr(sys, "argv", ["score.py", *words])
        with pytest.raises(SystemExit) as ended:
            errors.run(score.main)
        assert ended.value.code == 1
    here, there = rows(tmp_path / "local/scores.csv"), rows(tmp_path / "ray/scores.csv")
    assert [row["verdict"] for row in here] == ["unreadable", *[here[1]["verdict"]] * 2]
    for one, other in zip(here, there, strict=True):
        assert float(one.pop("p_fake") or -1) == pytest.approx(
            float(other.pop("p_fake") or -1), abs=1e-5
        ), "one thread there, perhaps more here"
        assert one == other
    seen = [sorted(p.name for p in (tmp_path / e / "seen").iterdir()) for e in ("local", "ray")]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 5, "a page for each, a video for the two with a face"


@pytest.mark.parametrize(
    "change",
    [
        {"prior": 0.1},
        {"span": replace(WHOLE, window=5.0)},
        {"faces": "cropped"},
        {"precision": "bfloat16"},
        {"content_checkpoint": Path(__file__)},
    ],
)
def test_a_result_is_not_used_again_after_a_change(
    change: dict[str, Any], checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ScoringJob(checkpoint, "torch", "cpu", "auto", 0.5, None, WHOLE, 60)
    assert replace(job).influences == job.influences
    assert replace(job, **change).influences != job.influences
    before = job.influences
    monkeypatch.setattr(scoring_job, "SCHEMA", 0)
    assert job.influences != before


@pytest.mark.parametrize("name", ["new_real.mp4", "text.mp4"])
def test_a_page_says_what_is_known_of_a_file_that_crashes_its_reader(
    name: str, talking_heads: Path, checkpoint: Path, tmp_path: Path
) -> None:
    def crash(task: object) -> Iterator[object]:
        yield {}
        raise VideoError("the process that read it died (signal 11)")

    (tmp_path / "text.mp4").write_text("no video")
    folder = talking_heads / "new" if name == "new_real.mp4" else tmp_path
    pages, marked = tmp_path / "pages", tmp_path / "marked"
    for output in (pages, marked):
        output.mkdir()
    job = ScoringJob(
        checkpoint,
        "torch",
        "cpu",
        "float32",
        0.5,
        None,
        WHOLE,
        2,
        60,
        pages,
        save_video=marked,
    )
    extractor = ExtractorHere()
    extractor.rereader.run = crash
    (result,) = job.run([folder / name], extractor)
    (page,) = pages.iterdir()
    assert f"{(folder / name).stat().st_size:,} bytes" in page.read_text(encoding="utf-8")
    warned = [warning for warning in result.warnings if "page or marked video" in warning]
    assert (result.verdict == "unreadable") == (name == "text.mp4") == (warned == [])
