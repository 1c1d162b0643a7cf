"""One video file → the crops of the people in it, or a status that says why there are none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any

import cv2

from common.errors import VideoError, one_line
from common.preprocessing import FaceConfig
from faces.crop import cut, to_jpeg
from faces.decode import read_windows
from faces.detect import FaceDetector
from faces.frames import Frames
from faces.reuse import reuse
from faces.sampling import WHOLE, Span
from faces.track import Track, link


@dataclass
class FaceTrack:
    """One person through the sampled frames; all lists have one entry per crop."""

    frames: list[int]  # indices in the video
    seconds: list[float | None]  # None when the file does not tell its frame rate
    boxes: list[list[float]]  # left, top, right, bottom in pixels of the full frame
    landmarks: list[list[list[float]]]  # 5 × (x, y): eyes, nose, mouth corners
    confidences: list[float]  # [0, 1]
    jpegs: list[bytes]  # face_size × face_size


@dataclass
class Extraction:
    """What one video, or one window of it, gave. `status` is ok, no_face or unreadable."""

    status: str
    detail: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    total_frames: int = 0
    sampled_frames: int = 0
    tracks: list[FaceTrack] = field(default_factory=list)
    reused: bool = False  # whether the faces are those of another video
    codec: str = ""  # empty when the decoder does not tell


def extract_faces(
    path: Path, detector: FaceDetector, original: dict[str, Any] | None = None
) -> Extraction:
    """Sample, decode, detect, track and crop, as `detector.config` says. Never raises for a
    bad video: that is a status.

    `original` is the crop store's record of a video whose faces may be at the same places.
    """
    return next(extract_windows(path, detector, WHOLE, original))


def extract_windows(
    path: Path, detector: FaceDetector, span: Span, original: dict[str, Any] | None = None
) -> Iterator[Extraction]:
    """The same for each window of a video, one after the other; people are not linked from one to
    the next. One that is `unreadable` comes last, and speaks of the whole video.
    """
    try:
        for frames in read_windows(path, detector.config, span):
            extraction = _extract(frames, detector, original)
            del frames  # or two windows' frames would be in memory
            yield extraction
    except VideoError as error:
        yield Extraction("unreadable", str(error))
    except MemoryError:
        yield Extraction("unreadable", "reading it took more memory than there is")
    except (cv2.error, OSError, RuntimeError) as error:  # what decoders and torch raise
        yield Extraction("unreadable", one_line(error))


def _extract(frames: Frames, detector: FaceDetector, original: dict[str, Any] | None) -> Extraction:
    config = detector.config
    if not frames.images:  # the tail was lost before this window
        return Extraction("no_face", frames.detail)
    height, width = frames.images[0].shape[:2]
    result = Extraction(
        "no_face",
        frames.detail,
        width,
        height,
        frames.fps,
        frames.total,
        len(frames.images),
        codec=frames.codec,
    )
    tracks = reuse(frames, original, detector) if original else None
    result.reused = tracks is not None
    if tracks is None:
        linked = link(detector.detect(frames.images, frames.indices), frames.indices)
        tracks = [track for track in linked if is_person(track, len(frames.images), config)]
    if not tracks:
        longest = max((len(track.positions) for track in linked), default=0)
        found = f"a face in at most {longest} of {len(frames.images)} frames"
        result.detail = "; ".join(filter(None, [frames.detail, found]))
        return result
    result.status = "ok"
    result.tracks = [_cut_track(track, frames, detector) for track in tracks]
    return result


def bits_per_pixel(size: int, width: int, height: int, frames: int) -> float:
    """Of a file of `size` bytes, sound and all; 0 where a length is not known."""
    pixels = width * height * frames
    return 8 * size / pixels if pixels else 0.0


def side(boxes: list[list[float]]) -> float:
    """Median of the boxes' longer sides in pixels."""
    return median(max(right - left, low - top) for left, top, right, low in boxes)


def is_person(track: Track, sampled_frames: int, config: FaceConfig) -> bool:
    share = len(track.positions) / sampled_frames
    sure = mean(d.confidence for d in track.detections) >= config.min_confidence
    return share >= (config.min_track_share if sure else config.min_faint_share)


def _cut_track(track: Track, frames: Frames, detector: FaceDetector) -> FaceTrack:
    config = detector.config
    indices = [frames.indices[position] for position in track.positions]
    return FaceTrack(
        frames=indices,
        seconds=[round(i / frames.fps, 3) if frames.fps else None for i in indices],
        boxes=[[round(float(v), 1) for v in d.box] for d in track.detections],
        landmarks=[
            [[round(float(v), 1) for v in point] for point in d.landmarks] for d in track.detections
        ],
        confidences=[round(d.confidence, 4) for d in track.detections],
        jpegs=[
            to_jpeg(
                cut(frames.images[position], d.box, config.margin, config.face_size),
                config.jpeg_quality,
            )
            for position, d in zip(track.positions, track.detections, strict=True)
        ],
    )
