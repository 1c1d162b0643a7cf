"""scores.csv and scores.json are whole after every video."""

import csv
import json
import resource
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.version import VERSION
from inference.score_output import COLUMNS, ScoreFiles
from inference.video_score import FaceScore, FrameScore, VideoScore
from scoring.decision_rule import DecisionRule

FRAME = FrameScore(3, 0.12, [1.0, 2.0, 3.0, 4.0], 0.99, 0.8)
FAKE = VideoScore("a/b.mp4", "fake", 0.8, 8, 1.5, "", people=[FaceScore(1, "fake", 0.8, [FRAME])])
NO_FACE = VideoScore("ü \udc80.mp4", "no_face", None, 8, 0.5, 'a "quoted" reason')


def test_both_files_are_whole_after_every_video(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"

    def read() -> tuple[list[dict[str, str]], dict]:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return rows, json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))

    with closing(ScoreFiles(tmp_path, {"checkpoint": "best.pt"}, DecisionRule())) as files:
        assert read() == (
            [],
            {
                "schema": 3,
                "version": VERSION,
                "checkpoint": "best.pt",
                "videos": [],
            },
        )
        for count, score in enumerate((FAKE, NO_FACE, FAKE), start=1):
            files.add(score)
            rows, document = read()
            assert len(rows) == len(document["videos"]) == count
    assert list(rows[0]) == list(COLUMNS)
    assert (rows[0]["faces"], rows[0]["p_fake"]) == ("1", "0.8")
    assert (rows[1]["p_fake"], rows[1]["faces"]) == ("", "0")
    first, second, _ = document["videos"]
    assert first["people"][0]["frames"][0]["box"] == [1.0, 2.0, 3.0, 4.0]
    assert (second["p_fake"], second["p_fake_even"], second["people"]) == (None, None, [])


def test_p_fake_is_stated_at_even_odds_too(tmp_path: Path) -> None:
    rare = replace(FAKE, p_fake=0.01)
    with closing(ScoreFiles(tmp_path, {}, DecisionRule().at_prior(0.01))) as files:
        files.add(rare)
    (video,) = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["videos"]
    assert (video["p_fake"], video["p_fake_even"]) == (0.01, pytest.approx(0.5))


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_name_and_detail_can_be_written(tmp_path_factory, name: str, detail: str) -> None:
    folder = tmp_path_factory.mktemp("scores")
    with closing(ScoreFiles(folder, {}, DecisionRule())) as files:
        files.add(VideoScore(name, "unreadable", None, 0, 0.0, detail))
    (video,) = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["videos"]
    assert (video["video"], video["detail"]) == (name, detail)


def test_no_cell_is_a_formula_to_a_spreadsheet(tmp_path: Path) -> None:
    with closing(ScoreFiles(tmp_path, {}, DecisionRule())) as files:
        files.add(VideoScore("=1+1.mp4", "unreadable", None, 0, 0.0, "@x", warnings=["-y"]))
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["video"], row["detail"], row["warnings"]) == ("'=1+1.mp4", "'@x", "'-y")
    (video,) = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["videos"]
    assert video["video"] == "=1+1.mp4", "JSON is for programs"


def test_on_a_full_disk_both_files_are_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(ScoreFiles(tmp_path, {}, DecisionRule())) as files:
        files.add(FAKE)
        before = path.read_bytes(), path.with_suffix(".json").read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before[1]) + 20, hard))
        try:
            with pytest.raises(OSError):
                files.add(FAKE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (path.read_bytes(), path.with_suffix(".json").read_bytes()) == before
        files.add(NO_FACE)
    document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert [video["verdict"] for video in document["videos"]] == ["fake", "no_face"]
