"""How a video file becomes the model's input: two settings records, and where in a frame a crop
lies. Standard library only.

FaceConfig says how crops are made and lies beside the manifest; ClipConfig says how clips are made
from crops. Every checkpoint stores both, so that scoring repeats exactly what training did.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from common.errors import DataError

DECODERS = ("pyav", "decord")
# Frames spread evenly over the video, or runs of consecutive frames that start at key frames, so
# that no other frame needs to be decoded.
SAMPLINGS = ("uniform", "keyframe")
# What counts as a video or an image in a folder; a file that is named itself may have any ending.
_VIDEOS = "3gp asf avi flv gif m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
_IMAGES = "bmp jpeg jpg png tif tiff webp"
VIDEO_ENDINGS = frozenset(f".{name}" for name in _VIDEOS.split())
IMAGE_ENDINGS = frozenset(f".{name}" for name in _IMAGES.split())


class Record:
    """Base class of settings that are stored as a dict; reading one checks names and types."""

    # Fields of earlier versions → the only value that this version still supports.
    REMOVED: ClassVar[dict[str, Any]] = {}

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)  # type: ignore[call-overload]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Raise DataError when a field is missing or unknown, has another type, or has a value that
        was removed."""
        for name, supported in cls.REMOVED.items():
            if values.get(name, supported) != supported:
                raise DataError(
                    f"{cls.__name__}: {name} {values[name]!r} is no longer supported: make the "
                    "crops and the checkpoint again without it"
                )
        values = {k: v for k, v in values.items() if k not in cls.REMOVED}
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        if set(values) != known:
            names = ", ".join(sorted(set(values) ^ known))
            raise DataError(f"{cls.__name__} is of another version: unknown or missing {names}")
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        for field in fields(cls):  # type: ignore[arg-type]
            kind, value = type(field.default), values[field.name]
            if not isinstance(value, (int, float) if kind is float else kind) or (
                isinstance(value, bool) and kind is not bool
            ):
                raise DataError(f"{cls.__name__}: {field.name} cannot be {value!r}")
        return cls(**values)


@dataclass(frozen=True)
class FaceConfig(Record):
    """How crops are made from a video file. Lengths are in pixels unless stated otherwise."""

    REMOVED: ClassVar[dict[str, Any]] = {"reuse_boxes": False}

    frames_per_video: int = 32
    sampling: str = "uniform"  # one of SAMPLINGS
    run_frames: int = 16  # frames per run, for sampling in runs
    decoder: str = "pyav"  # one of DECODERS
    detector: str = "facenet-pytorch MTCNN"
    detect_size: int = 360  # a frame with a longer short side is shrunk to it for detection
    min_face_size: int = 27  # in the shrunk frame
    search_every: int = 16  # sampled frames; in between, faces are followed from frame to frame
    # A track is a person if it is confident or persistent: MTCNN is confident of faces in good
    # light, less so of dark skin in bad light (0.88 on average), and false faces come and go.
    min_confidence: float = 0.95  # mean over a confident track, in [0, 1]
    min_track_share: float = 0.1  # share of the sampled frames that a confident track needs
    min_faint_share: float = 0.6  # share of the sampled frames that any other track needs
    margin: float = 0.3  # share of the box's longer side, added on every side
    face_size: int = 224  # crops are face_size × face_size
    jpeg_quality: int = 95

    def __post_init__(self) -> None:
        """Raise DataError for a value that this version does not support."""
        for name, known in (("decoder", DECODERS), ("sampling", SAMPLINGS)):
            if getattr(self, name) not in known:
                raise DataError(f"{name} {getattr(self, name)!r} is none of {', '.join(known)}")
        _check_positive(self, "frames_per_video", "run_frames", "detect_size", "min_face_size")
        _check_positive(self, "search_every", "face_size", "jpeg_quality")


@dataclass(frozen=True)
class ClipConfig(Record):
    """How a track's crops become the tensor that the model sees."""

    clip_frames: int = 16  # T
    crop_size: int = 224  # H = W
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)  # RGB, of values in [0, 1]
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        """Raise DataError for a value that no training could have used."""
        _check_positive(self, "clip_frames", "crop_size")
        values = (*self.mean, *self.std)
        valid = len(self.mean) == len(self.std) == 3 and all(
            isinstance(value, int | float) and math.isfinite(value) for value in values
        )
        if not valid or min(self.std) <= 0:
            raise DataError(f"mean {self.mean} and std {self.std} are not three RGB values each")


def _check_positive(record: Record, *names: str) -> None:
    for name in names:
        if getattr(record, name) < 1:
            raise DataError(f"{name} cannot be {getattr(record, name)!r}")


def crop_square(box: Any, margin: float) -> tuple[int, int, int]:
    """Return left, top and side, in whole pixels, of the square around `box` (4,) that a crop
    shows. `box` is a list or an array of left, top, right, bottom.

    `margin` is the share of the box's longer side that is added on every side. The square may
    extend beyond the frame.
    """
    side = max(1, round(max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * margin)))
    left = round((box[0] + box[2] - side) / 2)
    top = round((box[1] + box[3] - side) / 2)
    return left, top, side
