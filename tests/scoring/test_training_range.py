"""Clips unlike all that a detector was trained on get a warning, and others none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from common import checkpointing
from common.errors import CheckpointError, DataError
from faces.sampling import WHOLE
from inference.judge import VideoJudge
from inference.scoring_job import ScoringJob
from scoring.decision_rule import DecisionRule
from scoring.load import load_detector
from scoring.training_range import TrainingRange, fit_training_range
from tests.helpers.extract_here import ExtractorHere
from tests.helpers.video_files import write_as, write_video

KNOWN = TrainingRange(("h264", "hevc"), (0.1, 0.5), (60.0, 200.0))


@pytest.mark.parametrize(
    ("clip", "said"),
    [
        (("h264", 0.2, [60.0, 200.0]), []),
        (("", 0.0, [100.0]), []),  # a decoder that does not tell, a size that is not known
        (("vp9", 0.2, [100.0]), ["codec vp9, trained on h264, hevc"]),
        (("h264", 0.05, [100.0]), ["0.05 bits per pixel, trained on 0.1 to 0.5"]),
        (("h264", 0.7, [100.0]), ["0.7 bits per pixel, trained on 0.1 to 0.5"]),
        (("hevc", 0.2, [100.0, 30.0, 40.0, 900.0]), ["faces of 30 and 900 pixels, trained on 60"]),
    ],
)
def test_what_lies_outside_is_said(clip: tuple, said: list[str]) -> None:
    found = list(KNOWN.warnings(*clip))
    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))


def test_a_training_set_that_tells_nothing_makes_everything_familiar() -> None:
    assert list(TrainingRange().warnings("vp9", 0.001, [3.0])) == []


def test_a_few_training_videos_are_familiar_themselves() -> None:
    table = pd.DataFrame(
        {
            "video_id": ["a", "b"],
            "frames": 5,
            "codec": "h264",
            "bits_per_pixel": [0.045, 0.0501],
            "face_px": [223.4, 236.6],
        }
    )
    found = fit_training_range(table)
    for row in table.itertuples():
        assert list(found.warnings("h264", row.bits_per_pixel, [row.face_px])) == []


def test_ranges_hold_nearly_all_of_training_and_no_unknown_value() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "video_id": [f"v{i // 2}" for i in range(2000)],
            "frames": 5,
            "codec": ["h264", "h264", "", ""] * 500,
            "bits_per_pixel": np.repeat(random.uniform(0.1, 0.3, 1000), 2),
            "face_px": random.uniform(50, 150, 2000),
        }
    )
    table.loc[:9, "face_px"] = 0.0
    table.loc[10, "face_px"] = 5000.0
    found = fit_training_range(table)
    assert found.codec == ("h264",)
    assert 50 < found.face_px[0] < 53 and 147 < found.face_px[1] < 150
    assert 0.1 < found.bits_per_pixel[0] < 0.11
    assert TrainingRange.from_dict(found.to_dict()) == found


def test_single_pictures_say_nothing_about_codecs_of_videos() -> None:
    pictures = {"video_id": ["a", "b"], "frames": 1, "codec": "mjpeg", "bits_per_pixel": 2.0}
    found = fit_training_range(pd.DataFrame({**pictures, "face_px": [80.0, 90.0]}))
    assert found == TrainingRange(face_px=(80.0, 90.0))


def test_a_small_collection_is_as_familiar_as_a_large_one() -> None:
    table = pd.DataFrame(
        {
            "video_id": [f"v{i}" for i in range(1010)],
            "frames": 1,
            "codec": "mjpeg",
            "bits_per_pixel": 1.0,
            "face_px": [200.0] * 1000 + [40.0] * 10,
            "collection": ["large"] * 1000 + ["small"] * 10,
        }
    )
    assert fit_training_range(table).face_px == (40.0, 200.0)


@pytest.mark.parametrize("values", [{"face_px": (1.0,)}, {"face_px": (1.0, "x")}, {"codec": (1,)}])
def test_damaged_records_are_refused(values: dict) -> None:
    with pytest.raises(DataError):
        TrainingRange(**values)


def test_a_verdict_comes_with_its_warnings(
    checkpoint: Path, heads: list[list[np.ndarray]], tmp_path: Path
) -> None:
    stored = checkpointing.load(checkpoint)
    stored.familiar = TrainingRange(("h264",), (0.0001, 1000.0), (20.0, 300.0)).to_dict()
    checkpointing.save(tmp_path / "best.pt", stored)
    judge = VideoJudge(
        load_detector(tmp_path / "best.pt", torch.device("cpu")),
        DecisionRule(),
        WHOLE,
        batch_size=2,
    )
    usual = write_video(tmp_path / "usual.mp4", heads[0])
    odd = write_as(tmp_path / "odd.mkv", heads[0], "mpeg4", "yuv420p")
    found = [score for score, _ in judge.judge([usual, odd], ExtractorHere())]
    assert all(score.verdict in ("real", "fake", "uncertain") for score in found)
    assert not found[0].warnings
    assert "codec mpeg4, trained on h264" in found[1].warnings
    job = ScoringJob(
        tmp_path / "best.pt", "torch", "cpu", "float32", 0.5, None, WHOLE, 2, 60, tmp_path, None
    )
    assert [score.warnings for score in job.run([odd], ExtractorHere())] == [found[1].warnings]
    (page,) = tmp_path.glob("odd*.html")
    text = page.read_text(encoding="utf-8")
    assert "differs from those that the detector was trained on (codec mpeg4, trained on" in text
    assert "warning:" not in text
    stored.familiar = {"codec": ["h264"]}
    checkpointing.save(tmp_path / "other.pt", stored)
    with pytest.raises(CheckpointError, match="another version"):
        load_detector(tmp_path / "other.pt", torch.device("cpu"))
