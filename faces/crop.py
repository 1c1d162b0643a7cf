"""Cuts a square crop around a face box and encodes it as JPEG, for training and scoring alike."""

import cv2
import numpy as np

from common.preprocessing import crop_square

# Share of a crop's area that may lie outside the picture. More of it means that the picture is a
# face crop itself, and the new crop shows mainly repeated edge pixels.
MAX_OUTSIDE = 0.5


def cut(image: np.ndarray, box: np.ndarray, margin: float, size: int) -> np.ndarray:
    """Return the crop (size, size, 3) uint8 around `box` (4,) of an image (H, W, 3) uint8, with a
    `margin` on each side, as a share of the box's longer side. Beyond the image's edge, the edge
    pixels are repeated."""
    left, top, side = crop_square(box, margin)
    height, width = image.shape[:2]
    # A square that lies entirely outside shows the pixels of the nearest edge.
    x, y = np.clip(left, 1 - side, width - 1), np.clip(top, 1 - side, height - 1)
    bgr = image[..., ::-1]  # see resize
    crop = bgr[max(y, 0) : y + side, max(x, 0) : x + side]
    outside = (max(-y, 0), max(y + side - height, 0), max(-x, 0), max(x + side - width, 0))
    if any(outside):
        crop = cv2.copyMakeBorder(crop, *outside, cv2.BORDER_REPLICATE)
    return resize(crop[..., ::-1], size, size)


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize an image (H, W, 3) uint8 to (height, width, 3) uint8. Shrinking averages over the area
    of each new pixel; enlarging is bicubic."""
    bgr = image[..., ::-1]  # frames are RGB views of BGR memory, so this avoids a copy
    # Halving is many times faster than other ratios. An odd size loses a row or column, which is
    # less than one pixel of the result.
    while min(bgr.shape[0] // height, bgr.shape[1] // width) >= 2:
        half = (bgr.shape[1] // 2, bgr.shape[0] // 2)
        even = bgr[: 2 * half[1], : 2 * half[0]]
        bgr = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
    grows = bgr.shape[0] < height or bgr.shape[1] < width
    interpolation = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    return cv2.resize(bgr, (width, height), interpolation=interpolation)[..., ::-1]


def to_jpeg(crop: np.ndarray, quality: int) -> bytes:
    """Return the JPEG bytes of a crop (S, S, 3) uint8 RGB; `quality` is in [0, 100]."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done, "a uint8 image can always be encoded"
    return data.tobytes()
