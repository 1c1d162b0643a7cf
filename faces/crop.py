"""A face box → a square crop with a margin → the JPEG bytes that training and scoring share."""

import cv2
import numpy as np

from common.preprocessing import crop_square


def cut(image: np.ndarray, box: np.ndarray, margin: float, size: int) -> np.ndarray:
    """Return the crop (size, size, 3) uint8 around `box` of an image (H, W, 3) uint8. Beyond the
    image's edge, the edge pixels are repeated."""
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
    """Resize (H, W, 3) uint8 to (height, width, 3) uint8; shrinking averages over each pixel's
    area."""
    bgr = image[..., ::-1]  # frames are RGB views of BGR memory, which OpenCV would copy first
    # Exact halves are many times faster than other ratios. The row or column that an odd size
    # loses is less than a pixel of the result.
    while min(bgr.shape[0] // height, bgr.shape[1] // width) >= 2:
        half = (bgr.shape[1] // 2, bgr.shape[0] // 2)
        even = bgr[: 2 * half[1], : 2 * half[0]]
        bgr = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
    grows = bgr.shape[0] < height or bgr.shape[1] < width
    interpolation = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    return cv2.resize(bgr, (width, height), interpolation=interpolation)[..., ::-1]


def to_jpeg(crop: np.ndarray, quality: int) -> bytes:
    """Encode a crop (S, S, 3) uint8 RGB as JPEG."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done, "a uint8 image can always be encoded"
    return data.tobytes()
