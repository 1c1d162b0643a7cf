"""Files become verdicts, long ones in windows."""

import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import logit

from common.files import sha256
from faces import extract
from faces.detect import FaceDetector
from faces.extract import extract_faces
from faces.frames import Frames
from faces.sampling import WHOLE, Span
from inference.judge import JudgedVideo, VideoJudge
from scoring.decision_rule import DecisionRule
from scoring.detector import Detector
from scoring.load import load_detector
from tests.helpers.extract_here import ExtractorHere
from tests.helpers.video_files import cut, write_video

WINDOWS = Span(window=0.28)  # seven frames, 25 a second


@pytest.fixture(scope="module")
def loaded(checkpoint: Path) -> Detector:
    return load_detector(checkpoint, torch.device("cpu"))


def judge(
    loaded: Detector, video: Path, span: Span = WHOLE, rule: DecisionRule | None = None
) -> JudgedVideo:
    rule = rule or DecisionRule()
    (judged,) = VideoJudge(loaded, rule, span, batch_size=2).judge([video], ExtractorHere())
    return judged


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory, heads: list[list[np.ndarray]]) -> Path:
    """Somebody, then nobody, then somebody else: 12 frames each."""
    blank = [np.full_like(heads[0][0], 90)] * 12
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return write_video(path, [*heads[0], *blank, *heads[1]])


def test_a_long_video_is_judged_in_windows_and_the_worst_one_decides(
    long_video: Path, loaded: Detector
) -> None:
    score, worst = judge(loaded, long_video, Span(window=0.48))
    assert "judged in 3 windows, 1 without a face" in score.detail
    assert [person.person for person in score.people] == [1, 2]
    first, second = ([frame.index for frame in p.frames] for p in score.people)
    assert max(first) < 12 and min(second) >= 24, "each window has its own people"
    assert score.p_fake == max(person.p_fake for person in score.people)
    suspect = max(score.people, key=lambda person: person.p_fake)
    assert worst is not None and worst.frames == [frame.index for frame in suspect.frames]
    start = suspect.frames[0].seconds
    assert f"person {suspect.person} of 2 (from {start:.1f} s) is the most" in score.detail


def test_a_mean_over_people_says_what_the_worst_one_would_get_alone(
    long_video: Path, loaded: Detector
) -> None:
    span = Span(window=0.48)
    score, _ = judge(loaded, long_video, span)
    between = float(np.mean([person.p_fake for person in score.people])) + 1e-9
    offset = -float(logit(between))  # p_fake is 0.5 at the score `between`
    judgement = DecisionRule("mean", 1.0, offset, real_below=between, fake_from=between)
    score, _ = judge(loaded, long_video, span, judgement)
    assert {person.verdict for person in score.people} == {"real", "fake"}
    assert score.verdict == "real"
    assert score.detail.endswith("is the most suspicious (judged alone: fake)")


def test_a_window_is_judged_as_a_video_of_its_frames_would_be(
    tmp_path: Path, heads: list[list[np.ndarray]], loaded: Detector
) -> None:
    double = write_video(tmp_path / "double.mp4", [*heads[0], *heads[0]])
    score, _ = judge(loaded, double, Span(window=0.48))
    assert len(extract_faces(double, FaceDetector(loaded.faces)).tracks) == 1
    assert len(score.people) == 2
    assert score.frames == 2 * loaded.faces.frames_per_video


def test_what_comes_after_max_seconds_is_not_looked_at(long_video: Path, loaded: Detector) -> None:
    score, _ = judge(loaded, long_video, Span(limit=0.48))
    assert len(score.people) == 1
    assert max(frame.index for frame in score.people[0].frames) < 12
    assert "only the first 0.48 s of 1.4 s were judged" in score.detail


def test_a_video_that_breaks_off_in_its_first_half_has_no_verdict_from_the_windows_before(
    tmp_path: Path, heads: list[list[np.ndarray]], loaded: Detector
) -> None:
    whole = write_video(tmp_path / "whole.mp4", [*heads[0]] * 4)
    broken = cut(whole, tmp_path / "broken.mp4", 0.3)
    score, worst = judge(loaded, broken, WINDOWS)
    assert (score.verdict, score.p_fake, score.people, worst) == ("unreadable", None, [], None)
    assert score.sha256 == ""
    assert "frames could be decoded" in score.detail


def test_a_verdict_names_the_content_that_was_read(long_video: Path, loaded: Detector) -> None:
    assert judge(loaded, long_video).score.sha256 == sha256(long_video)


def test_no_more_than_one_window_of_frames_is_in_memory(
    tmp_path: Path,
    heads: list[list[np.ndarray]],
    loaded: Detector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    video = write_video(tmp_path / "long.mp4", [*heads[0]] * 6)
    read, windows, most = extract.read_windows, [], 0

    def watched(*given: object) -> Iterator[Frames]:
        for frames in read(*given):
            windows.append([weakref.ref(image) for image in frames.images])
            nonlocal most
            most = max(most, sum(any(image() is not None for image in w) for w in windows))
            yield frames
            del frames

    monkeypatch.setattr(extract, "read_windows", watched)
    score, _ = judge(loaded, video, Span(window=0.48))
    assert len(windows) == len(score.people) == 6
    assert most == 1
