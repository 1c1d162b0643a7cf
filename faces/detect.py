"""MTCNN (Zhang et al. 2016, facenet-pytorch): frames → boxes, landmarks, confidences."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN

from preprocessing import FaceConfig

FRAMES_PER_BATCH = 8  # 8 frames of 960×540 need about 0.4 GB in MTCNN's first net


@dataclass
class Detection:
    """One face in one frame, in pixels of the full frame."""

    box: np.ndarray  # (4,) float: left, top, right, bottom
    landmarks: np.ndarray  # (5, 2) float: eyes, nose, mouth corners as x, y
    confidence: float  # [0, 1]


class FaceDetector:
    """Finds every face in frames of one size, with the settings of a FaceConfig."""

    def __init__(self, config: FaceConfig, device: torch.device | str = "cpu") -> None:
        self.config = config
        self.mtcnn = MTCNN(keep_all=True, min_face_size=config.min_face_size, device=device)

    def detect(self, images: list[np.ndarray]) -> list[list[Detection]]:
        """T frames (H, W, 3) uint8 RGB of one size → for each frame its faces, or none."""
        height, width = images[0].shape[:2]
        scale = min(1.0, self.config.detect_size / min(height, width))
        small = (round(width * scale), round(height * scale))
        if min(small) < self.config.min_face_size:
            return [[] for _ in images]  # no face fits, and MTCNN fails on an empty pyramid
        found: list[list[Detection]] = []
        for start in range(0, len(images), FRAMES_PER_BATCH):
            batch = images[start : start + FRAMES_PER_BATCH]
            if scale < 1:
                batch = [cv2.resize(image, small, interpolation=cv2.INTER_AREA) for image in batch]
            for boxes, confidences, points in zip(
                *self.mtcnn.detect(np.stack(batch), landmarks=True), strict=True
            ):
                found.append(_in_full_frame(boxes, confidences, points, scale))
        return found


def _in_full_frame(boxes, confidences, points, scale: float) -> list[Detection]:
    if boxes is None:
        return []
    return [
        Detection(
            np.asarray(box, dtype=np.float64) / scale,
            np.asarray(point, dtype=np.float64) / scale,
            float(confidence),
        )
        for box, confidence, point in zip(boxes, confidences, points, strict=True)
    ]
