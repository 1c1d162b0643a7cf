"""Reads a video that is a folder of its frames: numbered images, which state no times."""

from pathlib import Path

import cv2
import numpy as np

from common.errors import VideoError
from common.media_files import frame_paths
from common.preprocessing import FaceConfig
from faces import limits, pillow_formats, pyav_video, sampling
from faces.frames import Frames
from faces.timeline import Timeline


def read(folder: Path, config: FaceConfig) -> Frames:
    """Return the frames that `config` samples, spread evenly over the images of `folder` with both
    kinds of sampling. All have the size of the first one; others are fitted into it with black
    bars. Images that cannot be decoded are left out. Raise VideoError if there is no image, or if
    fewer than half of the sampled images can be decoded."""
    paths = frame_paths(folder)
    if not paths:
        raise VideoError("not a file, and no folder of images")
    wanted = sampling.uniform(len(paths), config.frames_per_video)
    frames = Frames([], [], Timeline(len(paths), 0.0), len(paths))
    for index in wanted:
        try:
            image, frames.codec = _read_image(paths[index])
        except (VideoError, OSError):  # OSError: no permission to read it
            continue
        if image.nbytes * len(wanted) > limits.MEMORY and not frames.images:
            size = f"{image.shape[1]} × {image.shape[0]}"
            raise VideoError(f"{len(wanted)} images of {size} pixels need too much memory")
        frames.images.append(_fit(image, frames.images[0].shape[:2]) if frames.images else image)
        frames.indices.append(index)
    read_images = f"{len(frames.images)} of {len(wanted)} sampled images could be decoded"
    if 2 * len(frames.images) < len(wanted):
        raise VideoError(f"only {read_images}")
    if len(frames.images) < len(wanted):
        frames.detail = f"damaged: {read_images}"
    return frames


def _read_image(path: Path) -> tuple[np.ndarray, str]:
    """Return an image (H, W, 3) uint8 RGB and its codec. Raise VideoError if it cannot be read."""
    if path.is_file():  # opening a pipe would block
        reader = pillow_formats.reader(path) or pyav_video
        for frames in reader.read(path, lambda timeline: [[0]]):
            if frames.images:
                return frames.images[0], frames.codec
    raise VideoError("no image")


def _fit(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return `image` scaled to fit into `size` (height, width), centred on black."""
    if image.shape[:2] == size:
        return image
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    fitted = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    fitted[top : top + height, left : left + width] = cv2.resize(
        np.ascontiguousarray(image), (width, height), interpolation=cv2.INTER_AREA
    )
    return fitted
