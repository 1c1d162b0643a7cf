"""Judges video files: extracts faces, scores them and returns a verdict per video."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.pages import format_p_fake
from faces.extract import Extraction, FaceTrack, bits_per_pixel, face_side
from faces.sampling import Span
from faces.timeline import ROUNDING
from inference.answers import End, Window
from inference.extractor import Extractor
from inference.face_mode import crop_warnings
from inference.video_score import FaceScore, FrameScore, VideoScore, most_suspicious
from scoring.aggregate import AGGREGATIONS
from scoring.decision_rule import DecisionRule
from scoring.detector import Detector
from scoring.predict import predict_track


class JudgedVideo(NamedTuple):
    """The result for one video, and the crops of its most suspicious person."""

    score: VideoScore
    crops: FaceTrack | None  # None if nobody was judged


@dataclass
class _Video:
    """The windows of a video so far, and the people in them with the scores of their clips."""

    extractions: list[Extraction] = field(default_factory=list)  # without crops
    faces: list[FaceScore] = field(default_factory=list)
    clip_scores: list[list[float]] = field(default_factory=list)  # one list per person
    face_scores: list[float] = field(default_factory=list)  # one per person
    sides: list[float] = field(default_factory=list)  # of each person's face, in pixels
    crop_warnings: list[str] = field(default_factory=list)
    worst: FaceTrack | None = None  # crops of the most suspicious person
    seconds: float = 0.0  # time taken


class VideoJudge:
    """Judges video files with a detector and a decision rule."""

    def __init__(self, detector: Detector, rule: DecisionRule, span: Span, batch_size: int) -> None:
        """`rule` replaces the detector's own rule. `span` says how much of a video is judged, in
        windows of what length. `batch_size` is the number of clips per forward pass."""
        self.detector, self.rule = detector, rule
        self.span, self.batch_size = span, batch_size

    def judge(
        self,
        videos: Iterable[Path],
        extractor: Extractor,
        progress: Callable[[float, int], None] = lambda share, people: None,
    ) -> Iterator[JudgedVideo]:
        """Yield the result of every video, in order, as soon as it is known. While the model scores
        one window, the extractor works on the next window or video. A video that cannot be read
        raises no error: its verdict is `unreadable` or `timeout`.

        `progress` is called after each window of a video, with the share of its windows that are
        judged and the number of people in them."""
        video = _Video()
        for answer in extractor.extract(videos, self.detector.faces, self.span):
            if isinstance(answer, Window):
                self._add(video, answer)
                progress(self._share(video), len(video.faces))
            else:
                yield self._conclude(video, answer)
                video = _Video()

    def _add(self, video: _Video, window: Window) -> None:
        started = time.monotonic()
        for track in window.extraction.tracks:
            model, clip = self.detector.model, self.detector.clip
            scores = predict_track(model, track.jpegs, clip, self.batch_size)
            score = AGGREGATIONS[self.rule.aggregation]([scores.clips])
            person = _person(len(video.faces) + 1, track, score, scores.frames, self.rule)
            video.faces.append(person)
            video.face_scores.append(score)
            video.clip_scores.append(scores.clips)
            video.sides.append(face_side(track.boxes, track.margins))
            video.crop_warnings += crop_warnings(self.detector.faces, window.extraction, track)
            if most_suspicious(video.faces) is person:
                video.worst = track
        video.extractions.append(replace(window.extraction, tracks=[]))
        video.seconds += window.seconds + time.monotonic() - started

    def _share(self, video: _Video) -> float:
        """Return the share of a video's windows that are judged."""
        seconds = min(video.extractions[0].duration, self.span.limit)
        done = len(video.extractions)
        return done / max(done, ceil(seconds / self.span.window))

    def _conclude(self, video: _Video, end: End) -> JudgedVideo:
        if end.status:
            video.extractions.append(Extraction(end.status, end.detail))
        extractions = video.extractions
        status = _video_status(extractions)
        if status != "ok":  # the people of the windows that were read do not stand for the video
            video = _Video(seconds=video.seconds)
        combine = AGGREGATIONS[self.rule.aggregation]
        score = combine(video.clip_scores) if video.clip_scores else None
        outside = self._outside(end.size, extractions[0], video)
        verdict = self.rule.verdict(status, score, bool(outside))
        if outside:
            video.faces = [
                replace(person, verdict=self.rule.verdict("ok", own, outside=True))
                for person, own in zip(video.faces, video.face_scores, strict=True)
            ]
        detail = _details(extractions, video.faces, self.span, verdict)
        result = VideoScore(
            video=str(end.video),
            verdict=verdict,
            p_fake=None if score is None else _p_fake(self.rule, score),
            frames=sum(extraction.sampled_frames for extraction in extractions),
            seconds=round(video.seconds + end.seconds, 2),
            detail="; ".join(filter(None, detail)),
            warnings=outside + list(dict.fromkeys(video.crop_warnings)),  # each once
            people=video.faces,
            sha256=end.sha256,
        )
        return JudgedVideo(result, video.worst)

    def _outside(self, size: int, first: Extraction, video: _Video) -> list[str]:
        """Return a warning for each property of the video outside the detector's training range.
        Without people there is none. `size` is that of the file in bytes."""
        if not video.faces:
            return []
        sides = [side for side in video.sides if side]  # 0: unknown
        bits = bits_per_pixel(size, first.width, first.height, first.total_frames)
        found = list(self.detector.training_range.warnings(first.codec, bits, sides))
        if found and self.rule.outside:
            low, high = map(format_p_fake, self.rule.p_fake_outside)
            found.append(f"outside the training range: fake from p_fake {high}, real below {low}")
        return found


def _video_status(extractions: list[Extraction]) -> str:
    """Return the status of a video: `timeout` or `unreadable` if a window has it, else `ok` if a
    window has a face, else `no_face`."""
    statuses = {extraction.status for extraction in extractions}
    order = ("timeout", "unreadable", "ok", "no_face")
    return next(status for status in order if status in statuses)


def _details(
    extractions: list[Extraction], people: list[FaceScore], span: Span, verdict: str
) -> Iterator[str]:
    """Yield notes for the user: the reason if there is no verdict, damage, number of windows, an
    ignored end, and the most suspicious of several people."""
    first, last = extractions[0], extractions[-1]
    if last.status in ("timeout", "unreadable"):
        yield last.detail
        return
    if len(extractions) == 1:
        yield last.detail
    else:
        without = sum(extraction.status != "ok" for extraction in extractions)
        suffix = f", {without} without a face" if without else ""
        yield f"judged in {len(extractions)} windows{suffix}"
        if last.status == "ok":  # its detail may report damage
            yield last.detail
    if first.duration > span.limit + ROUNDING:
        yield f"only the first {span.limit:g} s of {first.duration:.1f} s were judged"
    worst = most_suspicious(people)
    if worst is not None and len(people) > 1:
        start = worst.frames[0].seconds
        since = "" if len(extractions) == 1 or start is None else f" (from {start:.1f} s)"
        alone = "" if worst.verdict == verdict else f" (judged alone: {worst.verdict})"
        yield f"person {worst.person} of {len(people)}{since} is the most suspicious{alone}"


def _person(
    number: int, track: FaceTrack, score: float, frame_scores: list[float], rule: DecisionRule
) -> FaceScore:
    columns = (track.frames, track.seconds, track.boxes, track.confidences, frame_scores)
    frames = [
        FrameScore(index, seconds, box, confidence, _p_fake(rule, frame_score))
        for index, seconds, box, confidence, frame_score in zip(*columns, strict=True)
    ]
    return FaceScore(number, rule.verdict("ok", score), _p_fake(rule, score), frames)


def _p_fake(rule: DecisionRule, score: float) -> float:
    return float(rule.p_fake(np.array(score)))
