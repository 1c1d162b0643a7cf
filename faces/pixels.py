"""Turns decoded frames into images: upright, with square pixels, of one size, of standard range."""

import struct
from fractions import Fraction
from math import atan2, degrees, hypot
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.stream import VideoStream

from faces import hdr, limits


class Converter:
    """Converts the frames of one film to images (H, W, 3) uint8 RGB of one size."""

    def __init__(self, stream: VideoStream, frames: int, kept: int) -> None:
        """`frames` is the number of frames of the film, `kept` the number of images that will be in
        memory together. Raise VideoError if they cannot fit."""
        self.aspect = Fraction(stream.sample_aspect_ratio or 1)  # width ÷ height of a pixel
        width, height = _square_pixels(stream.width, stream.height, self.aspect)
        # By how much images are smaller than the film
        self.shrink = limits.shrink_factor(stream, (width, height), frames, kept)
        # Size of all images before they are turned upright: that at the beginning of the file.
        self.width, self.height = width // self.shrink, height // self.shrink
        self._orientations: dict[int, tuple[bool, int]] = {}  # by the angle that FFmpeg states

    @property
    def note(self) -> str:
        """For the user; empty unless images are smaller than the film."""
        return f"read at 1/{self.shrink} of its size" if self.shrink > 1 else ""

    def image(self, frame: av.VideoFrame) -> np.ndarray:
        """Return a frame as a view of BGR memory, the order that OpenCV works on. A frame of
        another size is scaled to fit, and black where it has other proportions."""
        width, height = _square_pixels(frame.width, frame.height, self.aspect)
        scale = min(self.width / width, self.height / height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        enlarging = "FAST_BILINEAR" if self.aspect == 1 else "BICUBIC"
        image: np.ndarray = frame.to_ndarray(
            format="bgr48le" if hdr.is_hdr(frame) else "bgr24",
            width=width,
            height=height,
            interpolation=enlarging if self.shrink == 1 else "AREA",
            threads=1,
        )
        if hdr.is_hdr(frame):
            image = hdr.to_sdr(image, frame.color_trc)
        x, y = self.width - width, self.height - height
        if x or y:
            borders = (y // 2, y - y // 2, x // 2, x - x // 2)
            image = cv2.copyMakeBorder(image, *borders, cv2.BORDER_CONSTANT)
        # A frame whose side data was read stays in memory until the garbage collector comes, so it
        # is read once, and again if the angle changes midway.
        if frame.rotation not in self._orientations:
            self._orientations[frame.rotation] = orientation(frame)
        return upright(image, *self._orientations[frame.rotation])[..., ::-1]


def _square_pixels(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return the size of an image in square pixels, as large as needed to lose none."""
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def upright(image: np.ndarray, mirrored: bool, turns: int) -> np.ndarray:
    """Return an image (H, W, 3) with left and right exchanged, if `mirrored`, and then turned by
    `turns` quarters, anticlockwise."""
    if mirrored:
        image = image[:, ::-1]
    if turns:
        image = np.rot90(image, turns)
    return np.ascontiguousarray(image)


def orientation(frame: av.VideoFrame) -> tuple[bool, int]:
    """Return how a frame is turned upright, as `upright` takes it. Video files and Exif data store
    it as a display matrix; angles between the quarters are rounded."""
    data: Any = frame.side_data  # PyAV's stubs call it a dict of integers
    if "DISPLAYMATRIX" not in data:
        return False, 0
    # (x, y) → (ax + cy, bx + dy)
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data["DISPLAYMATRIX"]))
    mirrored = a * d < b * c
    if mirrored:
        a, b = -a, -b
    across, along = hypot(a, c), hypot(b, d)
    if not across or not along:
        return False, 0
    return mirrored, round(int(-degrees(atan2(b / along, a / across))) / 90) % 4


def _unknown_side_data(cls: Any, value: object) -> Any:
    member = object.__new__(cls)
    member._name_, member._value_ = f"UNKNOWN_{value}", value
    return member


# PyAV 17 does not know all types of FFmpeg 8, and raises ValueError for every frame that has, for
# instance, Exif data.
SideDataType._missing_ = classmethod(_unknown_side_data)  # type: ignore[assignment,method-assign]
