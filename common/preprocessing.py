"""The preprocessing settings, from video file to model input, and a crop's position in its frame.

FaceConfig holds the settings for making crops and is stored beside the manifest; ClipConfig holds
those for making clips from crops. Every checkpoint stores both, so that scoring preprocesses videos
exactly as training did. Standard library only.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from common.errors import DataError

DECODERS = ("pyav", "decord")
# uniform: frames spread evenly over the video; keyframe: runs of consecutive frames that start at
# key frames, so that no other frame has to be decoded.
SAMPLINGS = ("uniform", "keyframe")
# detect: MTCNN finds the faces in a frame; cropped: every frame is the crop of one face already;
# whole: the whole frame is the crop, whatever it shows.
MODES = ("detect", "cropped", "whole")

# Limits of what settings in a file from somebody else may demand: field → smallest and largest
# value. They are far beyond useful values, but need no more memory than a computer has.
FACE_LIMITS: dict[str, tuple[float, float]] = {
    "frames_per_video": (1, 10_000),
    "run_frames": (1, 10_000),
    "detect_size": (1, 4096),
    "min_face_size": (1, 4096),
    "search_every": (1, 10_000),
    "min_confidence": (0, 1),
    "min_track_share": (0, 1),
    "min_faint_share": (0, 1),
    "margin": (-0.45, 10),
    "face_size": (1, 2048),
    "jpeg_quality": (1, 100),
}
SAME_MARGIN = 0.05  # difference between margins that augmentation covers many times over
MAX_PIXELS = 2**26  # of a clip: 800 MB as float32 RGB


class Record:
    """Base class of dataclasses of settings that are stored as a dict. `from_dict` checks names and
    types."""

    # Removed fields → the only value that is still accepted in a stored dict.
    REMOVED: ClassVar[dict[str, Any]] = {}
    # Added fields → their value in a dict that was stored before.
    ADDED: ClassVar[dict[str, Any]] = {}

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)  # type: ignore[call-overload]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the record for a dict made by `to_dict`. Raise DataError if a field is missing,
        unknown or of the wrong type, or if its value is not supported."""
        for name, supported in cls.REMOVED.items():
            if values.get(name, supported) != supported:
                raise DataError(
                    f"{cls.__name__}: {name} {values[name]!r} is no longer supported: make the "
                    "crops again without it, and train a new checkpoint"
                )
        values = cls.ADDED | {k: v for k, v in values.items() if k not in cls.REMOVED}
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        if set(values) != known:
            names = ", ".join(sorted(set(values) ^ known))
            raise DataError(
                f"{cls.__name__} is of another version: unknown or missing fields: {names}"
            )
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
    """Settings for making crops from a video file. Lengths are in pixels, unless a share."""

    REMOVED: ClassVar[dict[str, Any]] = {"reuse_boxes": False}
    ADDED: ClassVar[dict[str, Any]] = {"mode": "detect"}

    frames_per_video: int = 32
    sampling: str = "uniform"  # one of SAMPLINGS
    run_frames: int = 16  # frames per run, if sampling is keyframe
    decoder: str = "pyav"  # one of DECODERS
    mode: str = "detect"  # one of MODES
    detector: str = "facenet-pytorch MTCNN"
    detect_size: int = 360  # for detection, frames are shrunk to a short side of at most this
    min_face_size: int = 27  # smallest detected face, in pixels of the shrunk frame
    search_every: int = 16  # sampled frames between two searches; in between, faces are followed
    # A track is kept as a person if it is confident, or if it is long: MTCNN's confidence is high
    # for faces in good light, but lower for dark skin in bad light (0.88 on average), while false
    # detections appear in few frames.
    min_confidence: float = 0.95  # mean confidence, in [0, 1], from which a track is confident
    min_track_share: float = 0.1  # share of the sampled frames that a confident track must cover
    min_faint_share: float = 0.6  # share of the sampled frames that any other track must cover
    # Around a face in its crop, as a share of the longer side of its box: measured if the mode is
    # cropped, 0 if it is whole.
    margin: float = 0.3
    face_size: int = 224  # crops are face_size × face_size
    jpeg_quality: int = 95

    def __post_init__(self) -> None:
        """Raise DataError for a value that this version does not support."""
        choices = {"decoder": DECODERS, "sampling": SAMPLINGS, "mode": MODES}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise DataError(f"{name} {getattr(self, name)!r} is not one of {', '.join(known)}")
        _check_limits(self, FACE_LIMITS)

    @property
    def box_margin(self) -> float:
        """The margin between the box stored with a crop and the area that the crop shows. Unless
        faces are detected, the box is the whole frame, and so is the crop."""
        return self.margin if self.mode == "detect" else 0.0


def differences(trained: FaceConfig, here: FaceConfig) -> dict[str, tuple[Any, Any]]:
    """Return the settings in which crops `here` do not show faces as the crops of training do: name
    → both values. Empty if the model can score them.

    If crops are cut from videos in training, then here can be pictures that are crops already (mode
    cropped): their size and compression are what they are, and their margin, which is measured, may
    differ by SAME_MARGIN.
    """
    names = trained.to_dict()
    if (trained.mode, here.mode) == ("detect", "cropped"):
        names = {} if abs(trained.margin - here.margin) <= SAME_MARGIN else {"margin": None}
    pairs = {name: (getattr(trained, name), getattr(here, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True)
class ClipConfig(Record):
    """Settings for making the model's input tensor (T, C, H, W) from a track's crops."""

    clip_frames: int = 16  # T
    crop_size: int = 224  # H = W
    # Normalisation of RGB values in [0, 1]
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        """Raise DataError if a size is below 1, if a clip has too many pixels, or if `mean` or
        `std` is not three finite numbers, those of `std` positive."""
        _check_limits(self, {"clip_frames": (1, MAX_PIXELS), "crop_size": (1, MAX_PIXELS)})
        if self.clip_frames * self.crop_size**2 > MAX_PIXELS:
            raise DataError(
                f"clips of {self.clip_frames} frames of {self.crop_size} × {self.crop_size} pixels "
                f"are too large: {MAX_PIXELS:,} pixels are the limit"
            )
        values = (*self.mean, *self.std)
        valid = len(self.mean) == len(self.std) == 3 and all(
            isinstance(value, int | float) and math.isfinite(value) for value in values
        )
        if not valid or min(self.std) <= 0:
            raise DataError(
                f"mean {self.mean} and std {self.std} must be three finite RGB values "
                "each, and std positive"
            )


def _check_limits(record: Record, limits: dict[str, tuple[float, float]]) -> None:
    for name, (low, high) in limits.items():
        if not low <= getattr(record, name) <= high:  # also if it is NaN
            raise DataError(f"{name} cannot be {getattr(record, name)!r}, only {low} to {high}")


def crop_square(box: Any, margin: float) -> tuple[int, int, int]:
    """Return the square of the frame that a crop shows, as left, top and side in whole pixels. It
    may extend beyond the frame.

    `box` (4,) is a face box: left, top, right, bottom. `margin` is added on every side, as a share
    of the box's longer side.
    """
    side = max(1, round(max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * margin)))
    left = round((box[0] + box[2] - side) / 2)
    top = round((box[1] + box[3] - side) / 2)
    return left, top, side
