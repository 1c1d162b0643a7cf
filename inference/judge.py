"""Judges video files: extracts faces, scores them and returns a verdict per video."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.files import file_size
from faces.detect import FaceDetector
from faces.extract import Extraction, FaceTrack, bits_per_pixel, extract_windows, face_side
from faces.sampling import Span, frames_in_span
from inference.prefetch import prefetch
from inference.video_score import FaceScore, FrameScore, VideoScore, most_suspicious
from scoring.aggregate import AGGREGATIONS
from scoring.decision_rule import DecisionRule
from scoring.detector import Detector
from scoring.predict import PersonScores, predict_track


class JudgedVideo(NamedTuple):
    """The result for one video, and the crops of its most suspicious person."""

    score: VideoScore
    crops: FaceTrack | None  # None if nobody was judged


class _Window(NamedTuple):
    video: Path
    extraction: Extraction
    seconds: float  # duration of the extraction


@dataclass
class _People:
    """The people found so far in a video, in all its windows, and the scores of their clips."""

    faces: list[FaceScore] = field(default_factory=list)
    clip_scores: list[list[float]] = field(default_factory=list)  # one list per person
    worst: FaceTrack | None = None  # crops of the most suspicious person


class VideoJudge:
    """Judges video files with a detector and a decision rule."""

    def __init__(self, detector: Detector, rule: DecisionRule, span: Span, batch_size: int) -> None:
        """`rule` replaces the detector's own rule. `span` says how much of a video is judged, in
        windows of what length. `batch_size` is the number of clips per forward pass."""
        self.detector, self.rule = detector, rule
        self.span, self.batch_size = span, batch_size
        # On the CPU, as in preprocessing: a GPU's rounding could move a crop by a pixel.
        self.face_detector = FaceDetector(detector.faces)

    def judge(self, videos: Iterable[Path]) -> Iterator[JudgedVideo]:
        """Yield the result of every video, in order. While the model scores one window, a thread
        extracts the faces of the next window or video. A video that cannot be read raises no error:
        its verdict is `unreadable`."""
        windows = prefetch(self._windows(videos))
        for video, windows_of_video in groupby(windows, key=lambda window: window.video):
            yield self._judge_windows(video, windows_of_video)

    def _windows(self, videos: Iterable[Path]) -> Iterator[_Window]:
        for video in videos:
            started = time.monotonic()
            for extraction in extract_windows(video, self.face_detector, self.span):
                yield _Window(video, extraction, time.monotonic() - started)
                started = time.monotonic()

    def _judge_windows(self, video: Path, windows: Iterable[_Window]) -> JudgedVideo:
        seconds = 0.0
        extractions: list[Extraction] = []
        people = _People()
        for window in windows:
            started = time.monotonic()
            self._add_people(people, window.extraction)
            seconds += window.seconds + time.monotonic() - started
            extractions.append(replace(window.extraction, tracks=[]))
        status = _video_status(extractions)
        if status != "ok":
            people = _People()
        combine = AGGREGATIONS[self.rule.aggregation]
        score = combine(people.clip_scores) if people.clip_scores else None
        verdict = self.rule.verdict(status, score)
        detail = _details(extractions, people.faces, self.span, verdict)
        result = VideoScore(
            video=str(video),
            verdict=verdict,
            p_fake=None if score is None else _p_fake(self.rule, score),
            frames=sum(extraction.sampled_frames for extraction in extractions),
            seconds=round(seconds, 2),
            detail="; ".join(filter(None, detail)),
            warnings=list(self._warnings(video, extractions[0], people.faces)),
            people=people.faces,
        )
        return JudgedVideo(result, people.worst)

    def _add_people(self, people: _People, extraction: Extraction) -> None:
        for track in extraction.tracks:
            model, clip = self.detector.model, self.detector.clip
            scores = predict_track(model, track.jpegs, clip, self.batch_size)
            person = _person(len(people.faces) + 1, track, scores, self.rule)
            people.faces.append(person)
            people.clip_scores.append(scores.clips)
            if most_suspicious(people.faces) is person:
                people.worst = track

    def _warnings(self, video: Path, first: Extraction, people: list[FaceScore]) -> Iterator[str]:
        """Yield a warning for each property of the video outside the detector's training range.
        Without people there is none."""
        if people:
            sides = [face_side([frame.box for frame in person.frames]) for person in people]
            bits = bits_per_pixel(file_size(video), first.width, first.height, first.total_frames)
            yield from self.detector.training_range.warnings(first.codec, bits, sides)


def _video_status(extractions: list[Extraction]) -> str:
    """Return the status of a video: `unreadable` if a window is unreadable, else `ok` if a window
    has a face, else `no_face`."""
    statuses = {extraction.status for extraction in extractions}
    return next(status for status in ("unreadable", "ok", "no_face") if status in statuses)


def _details(
    extractions: list[Extraction], people: list[FaceScore], span: Span, verdict: str
) -> Iterator[str]:
    """Yield notes for the user: the reason if there is no verdict, damage, number of windows, an
    ignored end, and the most suspicious of several people."""
    first, last = extractions[0], extractions[-1]
    if last.status == "unreadable" or len(extractions) == 1:
        yield last.detail
    else:
        without = sum(extraction.status != "ok" for extraction in extractions)
        suffix = f", {without} without a face" if without else ""
        yield f"judged in {len(extractions)} windows{suffix}"
        if last.status == "ok":  # its detail may report damage
            yield last.detail
    frames = first.total_frames
    if first.fps and frames_in_span(frames, first.fps, span) < frames:
        yield f"only the first {span.limit:g} s of {frames / first.fps:.1f} s were judged"
    worst = most_suspicious(people)
    if worst is not None and len(people) > 1:
        start = worst.frames[0].seconds
        since = "" if len(extractions) == 1 or start is None else f" (from {start:.1f} s)"
        alone = "" if worst.verdict == verdict else f" (judged alone: {worst.verdict})"
        yield f"person {worst.person} of {len(people)}{since} is the most suspicious{alone}"


def _person(number: int, track: FaceTrack, scores: PersonScores, rule: DecisionRule) -> FaceScore:
    score = AGGREGATIONS[rule.aggregation]([scores.clips])
    columns = (track.frames, track.seconds, track.boxes, track.confidences, scores.frames)
    frames = [
        FrameScore(index, seconds, box, confidence, _p_fake(rule, frame_score))
        for index, seconds, box, confidence, frame_score in zip(*columns, strict=True)
    ]
    return FaceScore(number, rule.verdict("ok", score), _p_fake(rule, score), frames)


def _p_fake(rule: DecisionRule, score: float) -> float:
    return float(rule.p_fake(np.array(score)))
