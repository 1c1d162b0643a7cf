"""Face box → a square crop with margin, as the JPEG bytes that training and scoring share."""

import cv2
import numpy as np

from common.preprocessing import square


def cut(image: np.ndarray, box: np.ndarray, margin: float, size: int) -> np.ndarray:
    """(H, W, 3) uint8 → (size, size, 3) uint8; what lies beyond the edge repeats the edge."""
    left, top, side = square(box, margin)
    height, width = image.shape[:2]
    # A square that lies wholly beyond an edge would repeat that edge's pixels.
    x, y = np.clip(left, 1 - side, width - 1), np.clip(top, 1 - side, height - 1)
    bgr = image[..., ::-1]  # see resize
    crop = bgr[max(y, 0) : y + side, max(x, 0) : x + side]
    over = (max(-y, 0), max(y + side - height, 0), max(-x, 0), max(x + side - width, 0))
    if any(over):
        crop = cv2.copyMakeBorder(crop, *over, cv2.BORDER_REPLICATE)
    return resize(crop[..., ::-1], size, size)


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8 → (height, width, 3) uint8; shrinks by the mean over each pixel's area."""
    bgr = image[..., ::-1]  # frames are RGB views of BGR memory, which OpenCV would copy first
    # Exact halves are many times faster than other ratios. What odd sizes leave over is less
    # than a pixel of the result.
    while min(bgr.shape[0] // height, bgr.shape[1] // width) >= 2:
        half = (bgr.shape[1] // 2, bgr.shape[0] // 2)
        even = bgr[: 2 * half[1], : 2 * half[0]]
        bgr = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
    grows = bgr.shape[0] < height or bgr.shape[1] < width
    interpolation = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    return cv2.resize(bgr, (width, height), interpolation=interpolation)[..., ::-1]


def to_jpeg(crop: np.ndarray, quality: int) -> bytes:
    """(S, S, 3) uint8 RGB → JPEG bytes."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done, "a uint8 image always encodes"
    return data.tobytes()
