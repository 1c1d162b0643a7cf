"""One video file → its verdict, with what was found of every person and frame."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from faces.detect import FaceDetector
from faces.extract import Extraction, FaceTrack, extract_faces
from scoring.aggregate import AGGREGATIONS
from scoring.judgement import Judgement
from scoring.load import Detector
from scoring.predict import TrackScores, predict_track


@dataclass(frozen=True)
class FrameScore:
    index: int  # in the video
    seconds: float | None  # None when the file does not tell its frame rate
    box: list[float]  # left, top, right, bottom in pixels
    confidence: float  # of the box, [0, 1]
    p_fake: float


@dataclass(frozen=True)
class FaceScore:
    """One person."""

    person: int  # from 1
    verdict: str
    p_fake: float
    frames: list[FrameScore]


@dataclass(frozen=True)
class VideoScore:
    """What is said of a video; `row` is its line in scores.csv."""

    video: str
    verdict: str
    p_fake: float | None  # None where there was nothing to judge
    frames: int  # looked at
    seconds: float  # that judging took
    detail: str
    people: list[FaceScore] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        names = ("video", "verdict", "p_fake", "frames", "seconds", "detail")
        values = {name: getattr(self, name) for name in names}
        return {**values, "faces": len(self.people)}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        people = [
            FaceScore(**person | {"frames": [FrameScore(**frame) for frame in person["frames"]]})
            for person in values["people"]
        ]
        return cls(**values | {"people": people})


def judge(
    path: Path, detector: Detector, judgement: Judgement, faces: FaceDetector, batch_size: int
) -> tuple[VideoScore, Extraction]:
    """And the faces that it was judged by. Never raises for a bad video: that is a verdict."""
    started = time.monotonic()
    extraction = extract_faces(path, faces)
    tracks = [
        predict_track(detector.model, track.jpegs, detector.clip, batch_size)
        for track in extraction.tracks
    ]
    people = [
        _person(number, track, scores, judgement)
        for number, (track, scores) in enumerate(zip(extraction.tracks, tracks, strict=True), 1)
    ]
    combine = AGGREGATIONS[judgement.aggregation]
    score = combine([track.clips for track in tracks]) if tracks else None
    detail = [extraction.detail]
    if len(people) > 1:
        worst = max(people, key=lambda person: person.p_fake)
        detail.append(f"person {worst.person} of {len(people)} is the most suspicious")
    result = VideoScore(
        video=str(path),
        verdict=judgement.verdict(extraction.status, score),
        p_fake=None if score is None else _p_fake(judgement, score),
        frames=extraction.sampled_frames,
        seconds=round(time.monotonic() - started, 2),
        detail="; ".join(filter(None, detail)),
        people=people,
    )
    return result, extraction


def _person(number: int, track: FaceTrack, scores: TrackScores, judgement: Judgement) -> FaceScore:
    score = AGGREGATIONS[judgement.aggregation]([scores.clips])
    kept = zip(
        track.frames, track.seconds, track.boxes, track.confidences, scores.frames, strict=True
    )
    frames = [FrameScore(*known, _p_fake(judgement, of_frame)) for *known, of_frame in kept]
    return FaceScore(number, judgement.verdict("ok", score), _p_fake(judgement, score), frames)


def _p_fake(judgement: Judgement, score: float) -> float:
    return float(judgement.p_fake(np.array(score)))
