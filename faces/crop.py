"""Face box → a square crop with margin, as the JPEG bytes that training and scoring share."""

import cv2
import numpy as np


def square(box: np.ndarray, margin: float) -> tuple[int, int, int]:
    """Left, top and side in whole pixels of the square around `box` (4,).

    `margin` is the share of the box's longer side that is added on every side. The square may
    reach over the frame's edge.
    """
    side = max(1, round(max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * margin)))
    left = round((box[0] + box[2] - side) / 2)
    top = round((box[1] + box[3] - side) / 2)
    return left, top, side


def cut(image: np.ndarray, box: np.ndarray, margin: float, size: int) -> np.ndarray:
    """(H, W, 3) uint8 → (size, size, 3) uint8; what lies beyond the edge repeats the edge."""
    left, top, side = square(box, margin)
    height, width = image.shape[:2]
    # A square that lies wholly beyond an edge would repeat that edge's pixels.
    x, y = np.clip(left, 1 - side, width - 1), np.clip(top, 1 - side, height - 1)
    crop = image[max(y, 0) : y + side, max(x, 0) : x + side]
    over = (max(-y, 0), max(y + side - height, 0), max(-x, 0), max(x + side - width, 0))
    if any(over):
        crop = cv2.copyMakeBorder(crop, *over, cv2.BORDER_REPLICATE)
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(crop, (size, size), interpolation=interpolation)


def to_jpeg(crop: np.ndarray, quality: int) -> bytes:
    """(S, S, 3) uint8 RGB → JPEG bytes."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done, "a uint8 image always encodes"
    return data.tobytes()
