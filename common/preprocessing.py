"""How a video file becomes what the model sees, as two plain records, and where in a frame a crop
lies. Standard library only.

FaceConfig makes the crops and lies beside the manifest; ClipConfig makes the clips out of
them. Both are stored in every checkpoint, so that scoring repeats exactly what training saw.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from common.errors import DataError

DECODERS = ("pyav", "decord")
# Frames spread evenly; runs of neighbours spread evenly; runs that start at key frames, so that
# nothing else needs decoding.
SAMPLINGS = ("uniform", "consecutive", "keyframe")
# What is taken for a video or an image in folders; a file that is named itself may have any.
_VIDEOS = "3gp asf avi flv gif m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
_IMAGES = "bmp jpeg jpg png tif tiff webp"
VIDEO_ENDINGS = frozenset(f".{name}" for name in _VIDEOS.split())
IMAGE_ENDINGS = frozenset(f".{name}" for name in _IMAGES.split())


class Record:
    """Conversion to and from a plain dict, refusing what it does not know."""

    def to_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Raise DataError when `values` has other keys than this version of the record, or values
        of other types."""
        known = {field.name for field in fields(cls)}
        if set(values) != known:
            odd = ", ".join(sorted(set(values) ^ known))
            raise DataError(f"{cls.__name__} of another version: unknown or missing {odd}")
        found = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        for field in fields(cls):
            kind, value = type(field.default), found[field.name]
            if not isinstance(value, (int, float) if kind is float else kind) or (
                isinstance(value, bool) and kind is not bool
            ):
                raise DataError(f"{cls.__name__}: {field.name} cannot be {value!r}")
        return cls(**found)


@dataclass(frozen=True)
class FaceConfig(Record):
    """Video file → crops. Lengths in pixels unless said otherwise."""

    frames_per_video: int = 32
    sampling: str = "uniform"  # one of SAMPLINGS
    run_frames: int = 16  # neighbouring frames of a run, where sampling is in runs
    decoder: str = "pyav"  # one of DECODERS
    detector: str = "facenet-pytorch MTCNN"
    detect_size: int = 360  # frames whose shorter side is larger are shrunk to it for detection
    min_face_size: int = 27  # of the frame that is searched
    search_every: int = 16  # sampled frames; in between, faces are looked for where they were
    reuse_boxes: bool = False  # take a source's faces from one of its videos, where they fit
    # A person is a track that is sure or persistent: MTCNN is sure of faces in good light, less
    # sure of dark skin in the dark (0.88 on average), and false faces come and go.
    min_confidence: float = 0.95  # mean over a sure track, in [0, 1]
    min_track_share: float = 0.1  # of the sampled frames a sure track is found in
    min_faint_share: float = 0.6  # of the sampled frames any other track is found in
    margin: float = 0.3  # share of the box's longer side added on every side
    face_size: int = 224  # crops are face_size × face_size
    jpeg_quality: int = 95

    def __post_init__(self) -> None:
        """Raise DataError for what another version knew."""
        for name, known in (("decoder", DECODERS), ("sampling", SAMPLINGS)):
            if getattr(self, name) not in known:
                raise DataError(f"{name} {getattr(self, name)!r} is none of {', '.join(known)}")
        _check_positive(self, "frames_per_video", "run_frames", "detect_size", "min_face_size")
        _check_positive(self, "search_every", "face_size", "jpeg_quality")


@dataclass(frozen=True)
class ClipConfig(Record):
    """Crops of a track → the tensor that the model sees."""

    clip_frames: int = 16  # T
    crop_size: int = 224  # H = W
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)  # RGB, of values in [0, 1]
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        """Raise DataError for what nobody could have trained with."""
        _check_positive(self, "clip_frames", "crop_size")
        numbers = (*self.mean, *self.std)
        real = len(self.mean) == len(self.std) == 3 and all(
            isinstance(n, int | float) and math.isfinite(n) for n in numbers
        )
        if not real or min(self.std) <= 0:
            raise DataError(f"mean {self.mean} and std {self.std} are not of three colours")


def _check_positive(record: Record, *names: str) -> None:
    for name in names:
        if getattr(record, name) < 1:
            raise DataError(f"{name} cannot be {getattr(record, name)!r}")


def square(box: Sequence[float], margin: float) -> tuple[int, int, int]:
    """Left, top and side in whole pixels of the square around `box` (4,) that a crop shows.

    `margin` is the share of the box's longer side that is added on every side. The square may
    reach over the frame's edge.
    """
    side = max(1, round(max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * margin)))
    left = round((box[0] + box[2] - side) / 2)
    top = round((box[1] + box[3] - side) / 2)
    return left, top, side
