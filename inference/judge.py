"""Video files → their verdicts."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.files import file_size
from faces.detect import FaceDetector
from faces.extract import Extraction, FaceTrack, bits_per_pixel, extract_windows, side
from faces.sampling import Span, looked_at
from inference.prefetch import ahead
from inference.video_score import WARNING, FaceScore, FrameScore, VideoScore, most_suspicious
from scoring.aggregate import AGGREGATIONS
from scoring.decision_rule import Judgement
from scoring.detector import Detector
from scoring.predict import TrackScores, predict_track


class Judged(NamedTuple):
    score: VideoScore
    worst: FaceTrack | None  # the crops of the most suspicious person


class _Window(NamedTuple):
    video: Path
    found: Extraction
    seconds: float  # that finding it took


class Judge:
    """A detector with what its verdicts depend on."""

    def __init__(
        self, detector: Detector, judgement: Judgement, span: Span, batch_size: int
    ) -> None:
        """`batch_size`: clips that go through the model together."""
        self.detector, self.judgement = detector, judgement
        self.span, self.batch_size = span, batch_size
        # On the CPU as in preprocessing: a GPU rounds otherwise, and crops could move by a pixel.
        self.faces = FaceDetector(detector.faces)

    def judge(self, videos: Iterable[Path]) -> Iterator[Judged]:
        """Every video, in that order; the faces of what comes next are looked for while the model
        is at work. Never raises for a bad video: that is a verdict."""
        windows = ahead(self._windows(videos))
        for video, of_video in groupby(windows, key=lambda window: window.video):
            yield self._judge(video, of_video)

    def _windows(self, videos: Iterable[Path]) -> Iterator[_Window]:
        for video in videos:
            started = time.monotonic()
            for found in extract_windows(video, self.faces, self.span):
                yield _Window(video, found, time.monotonic() - started)
                started = time.monotonic()

    def _judge(self, video: Path, windows: Iterable[_Window]) -> Judged:
        seconds = 0.0
        seen: list[Extraction] = []
        people: list[FaceScore] = []
        clips: list[list[float]] = []
        worst: FaceTrack | None = None
        for window in windows:
            started = time.monotonic()
            for track in window.found.tracks:
                scores = self._predict(track)
                person = _person(len(people) + 1, track, scores, self.judgement)
                people.append(person)
                if most_suspicious(people) is person:
                    worst = track
                clips.append(scores.clips)
            seconds += window.seconds + time.monotonic() - started
            seen.append(replace(window.found, tracks=[]))
        status = _status(seen)
        if status != "ok":
            people, clips, worst = [], [], None
        combine = AGGREGATIONS[self.judgement.aggregation]
        score = combine(clips) if clips else None
        verdict = self.judgement.verdict(status, score)
        detail = [
            *_details(seen, people, self.span, verdict),
            *self._warnings(video, seen[0], people),
        ]
        result = VideoScore(
            video=str(video),
            verdict=verdict,
            p_fake=None if score is None else _p_fake(self.judgement, score),
            frames=sum(found.sampled_frames for found in seen),
            seconds=round(seconds, 2),
            detail="; ".join(filter(None, detail)),
            people=people,
        )
        return Judged(result, worst)

    def _predict(self, track: FaceTrack) -> TrackScores:
        return predict_track(self.detector.model, track.jpegs, self.detector.clip, self.batch_size)

    def _warnings(self, video: Path, found: Extraction, people: list[FaceScore]) -> Iterator[str]:
        """Where the clip is unlike all training."""
        if people:
            sides = [side([frame.box for frame in person.frames]) for person in people]
            size = (file_size(video), found.width, found.height, found.total_frames)
            for text in self.detector.familiar.warnings(found.codec, bits_per_pixel(*size), sides):
                yield WARNING + text


def _status(seen: list[Extraction]) -> str:
    """Of a video, from those of its windows; what is unreadable speaks for all of it."""
    found = {window.status for window in seen}
    return next(status for status in ("unreadable", "ok", "no_face") if status in found)


def _details(
    seen: list[Extraction], people: list[FaceScore], span: Span, verdict: str
) -> Iterator[str]:
    """What the user should know."""
    first, last = seen[0], seen[-1]
    if last.status == "unreadable" or len(seen) == 1:
        yield last.detail
    else:
        without = sum(window.status != "ok" for window in seen)
        yield f"judged in {len(seen)} windows" + (f", {without} without a face" if without else "")
        if last.status == "ok":  # where it may say that the file is damaged
            yield last.detail
    if first.fps and looked_at(first.total_frames, first.fps, span) < first.total_frames:
        yield f"only the first {span.most:g} of {first.total_frames / first.fps:.1f} s"
    worst = most_suspicious(people)
    if worst is not None and len(people) > 1:
        start = worst.frames[0].seconds
        since = "" if len(seen) == 1 or start is None else f" (from {start:.1f} s)"
        alone = "" if worst.verdict == verdict else f", and alone {worst.verdict}"
        yield f"person {worst.person} of {len(people)}{since} is the most suspicious{alone}"


def _person(number: int, track: FaceTrack, scores: TrackScores, judgement: Judgement) -> FaceScore:
    score = AGGREGATIONS[judgement.aggregation]([scores.clips])
    kept = zip(
        track.frames, track.seconds, track.boxes, track.confidences, scores.frames, strict=True
    )
    frames = [FrameScore(*known, _p_fake(judgement, of_frame)) for *known, of_frame in kept]
    return FaceScore(number, judgement.verdict("ok", score), _p_fake(judgement, score), frames)


def _p_fake(judgement: Judgement, score: float) -> float:
    return float(judgement.p_fake(np.array(score)))
