"""Extracts the crops of the people in one video file, or a status that says why there are none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import cv2

from common.errors import VideoError, one_line
from common.preprocessing import FaceConfig
from faces.crop import cut, to_jpeg
from faces.cropped import whole_frames
from faces.decode import read_windows
from faces.detect import FaceDetector
from faces.frames import Frames
from faces.sampling import WHOLE, Span
from faces.track import Track, link


@dataclass
class FaceTrack:
    """One person in the sampled frames; every list has one entry per crop."""

    frames: list[int]  # frame indices in the video
    seconds: list[float | None]  # since the first frame of the video; None if unknown
    boxes: list[list[float]]  # left, top, right, bottom in pixels of the frame
    # 5 × (x, y) in pixels of the frame: eyes, nose, mouth; empty where MTCNN found no face
    landmarks: list[list[list[float]]]
    confidences: list[float]  # [0, 1]; 0 where MTCNN found no face
    jpegs: list[bytes]  # JPEG bytes of crops of face_size × face_size pixels
    # Mode cropped only: the margin around the face in each frame; None where MTCNN found no face.
    margins: list[float | None] = field(default_factory=list)


@dataclass
class Extraction:
    """The result for one video, or for one window of it."""

    status: str  # ok, no_face, unreadable; the worker pool adds timeout
    detail: str = ""  # reason of the status, or damage to the file; shown to the user
    width: int = 0
    height: int = 0
    fps: float = 0.0
    total_frames: int = 0
    sampled_frames: int = 0
    tracks: list[FaceTrack] = field(default_factory=list)
    codec: str = ""  # empty if the decoder does not say
    duration: float = 0.0  # of the whole video, seconds; 0.0 if unknown


def extract_faces(path: Path, detector: FaceDetector) -> Extraction:
    """Sample, decode, detect, track and crop one video with the settings in `detector.config`. A
    video that cannot be read gives the status `unreadable`, not an exception."""
    return next(extract_windows(path, detector, WHOLE))


def extract_windows(path: Path, detector: FaceDetector, span: Span) -> Iterator[Extraction]:
    """Yield the Extraction of each window of a video, in order. People are not linked between
    windows. A result with the status `unreadable` is the last one and applies to the whole
    video."""
    try:
        for frames in read_windows(path, detector.config, span):
            extraction = _extract(frames, detector)
            del frames  # otherwise two windows' frames would be in memory
            yield extraction
    except VideoError as error:
        yield Extraction("unreadable", str(error))
    except MemoryError:
        yield Extraction("unreadable", "there is not enough memory to read it")
    except (cv2.error, OSError, RuntimeError) as error:  # raised by decoders and torch
        yield Extraction("unreadable", one_line(error))


def _extract(frames: Frames, detector: FaceDetector) -> Extraction:
    config = detector.config
    if not frames.images:  # the end of the file was lost before this window
        return Extraction("no_face", frames.detail)
    height, width = frames.images[0].shape[:2]
    result = Extraction(
        "no_face",
        frames.detail,
        width * frames.shrink,
        height * frames.shrink,
        frames.timeline.fps,
        frames.timeline.total,
        len(frames.images),
        codec=frames.codec,
        duration=frames.timeline.seconds,
    )
    if config.mode == "detect":
        tracks = link(detector.detect(frames.images, frames.indices), frames.indices)
        people = [track for track in tracks if is_person(track, len(frames.images), config)]
    else:
        tracks = people = [whole_frames(frames.images, detector)]
    if not people:
        longest = max((len(track.positions) for track in tracks), default=0)
        seen = f"a face in at most {longest} of {len(frames.images)} frames"
        result.detail = "; ".join(filter(None, [frames.detail, seen]))
        return result
    result.status = "ok"
    result.tracks = [_cut_track(track, frames, detector) for track in people]
    return result


def bits_per_pixel(size: int, width: int, height: int, frames: int) -> float:
    """Return the size of a file in bits, sound included, per pixel of all its frames; `size` is in
    bytes. Return 0 if a number is unknown (0)."""
    pixels = width * height * frames
    return 8 * size / pixels if pixels else 0.0


def face_side(boxes: list[list[float]], margins: list[float | None]) -> float:
    """Return the median of the longer sides of a track's faces, in pixels. `boxes` and `margins`
    are those of its FaceTrack. Return 0 if no face was found in frames that are face crops."""
    sides = [max(right - left, bottom - top) for left, top, right, bottom in boxes]
    if margins:
        pairs = zip(sides, margins, strict=True)
        sides = [side / (1 + 2 * margin) for side, margin in pairs if margin is not None]
    return median(sides) if sides else 0.0


def is_person(track: Track, sampled_frames: int, config: FaceConfig) -> bool:
    """Return whether a track is confident or persistent enough to be a person."""
    share = len(track.positions) / sampled_frames
    confident = mean(d.confidence for d in track.detections) >= config.min_confidence
    return share >= (config.min_track_share if confident else config.min_faint_share)


def _cut_track(track: Track, frames: Frames, detector: FaceDetector) -> FaceTrack:
    config = detector.config
    all_seconds = frames.seconds
    seconds = [all_seconds[position] for position in track.positions]
    scale = frames.shrink
    return FaceTrack(
        frames=[frames.indices[position] for position in track.positions],
        seconds=[None if second is None else round(second, 3) for second in seconds],
        boxes=[[round(scale * float(v), 1) for v in d.box] for d in track.detections],
        landmarks=[
            [[round(scale * float(v), 1) for v in point] for point in d.landmarks]
            for d in track.detections
        ],
        confidences=[round(d.confidence, 4) for d in track.detections],
        jpegs=[
            to_jpeg(
                cut(frames.images[position], d.box, config.box_margin, config.face_size),
                config.jpeg_quality,
            )
            for position, d in zip(track.positions, track.detections, strict=True)
        ],
        margins=[d.margin for d in track.detections] if config.mode == "cropped" else [],
    )
