"""Camera and file: noise, focus and white balance, then H.264."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np

CRF = (16, 22)  # x264 quality, drawn for every file, so that file size does not reveal the label
PRESET = "superfast"
FIELD_MARGIN = 80  # pixels by which the window into the noise field can move


@dataclass(frozen=True)
class Camera:
    """Recording conditions of a source, shared by all its files as in DFDC."""

    blur: float  # sigma, pixels
    noise: float  # sigma, grey levels of 255
    gains: np.ndarray  # (3,) white balance times exposure


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw the recording conditions of one source."""
    gains = rng.uniform(0.80, 1.06) * rng.uniform(0.93, 1.07, 3)
    return Camera(blur=rng.uniform(0.3, 0.8), noise=rng.uniform(1.0, 5.0), gains=gains)


class Sensor:
    """Converts clean frames to camera frames, with its own noise for every file."""

    def __init__(self, camera: Camera, shape: tuple[int, int], rng: np.random.Generator) -> None:
        self.camera, self.rng = camera, rng
        # Every frame takes a window of one larger field: fresh noise would cost more than drawing.
        size = (shape[0] + FIELD_MARGIN, shape[1] + FIELD_MARGIN, 3)
        self.field = rng.standard_normal(size, dtype=np.float32)
        self.field *= np.float32(camera.noise)
        self.gains = np.array([*(255 * camera.gains), 0])  # OpenCV wants four channels

    def record(self, frame: np.ndarray) -> np.ndarray:
        """Convert (H, W, 3) float32 in [0, 1] to (H, W, 3) uint8."""
        height, width = frame.shape[:2]
        focused = cv2.GaussianBlur(frame, (5, 5), self.camera.blur)
        top, left = self.rng.integers(FIELD_MARGIN, size=2)
        image: np.ndarray = cv2.multiply(focused, self.gains)
        image += self.field[top : top + height, left : left + width]
        return np.clip(image, 0, 255, out=image).astype(np.uint8)


class VideoWriter:
    """Context manager that writes an H.264 file (yuv420p, faststart) frame by frame."""

    def __init__(self, path: Path, shape: tuple[int, int], fps: int, crf: int) -> None:
        self.container = av.open(str(path), "w", options={"movflags": "+faststart"})
        self.stream = self.container.add_stream("libx264", rate=fps)
        self.stream.height, self.stream.width = shape
        self.stream.pix_fmt = "yuv420p"
        self.stream.codec_context.thread_count = 1  # workers fill the cores, one file each
        self.stream.options = {"crf": str(crf), "preset": PRESET}

    def __enter__(self) -> Self:
        return self

    def write(self, image: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8 RGB."""
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        self.container.mux(self.stream.encode(frame))

    def __exit__(self, *exception: object) -> None:
        self.container.mux(self.stream.encode())
        self.container.close()
