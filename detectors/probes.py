"""Scores of three drawn clips, by which a detector that ships is recognised.

A loader, an encoder or a normalisation that changed would change them.
"""

import cv2
import numpy as np

from common.preprocessing import FaceConfig
from demo.animate import View, draw_shot, render
from faces.crop import to_jpeg
from scoring.detector import Detector
from scoring.predict import predict_track

SEEDS = (0, 1, 2)  # of the drawn clips
FRAMES = 4  # of each
TOLERANCE = 1e-3  # of a score: other processors and versions of torch change its last digits


def score_probes(detector: Detector) -> list[float]:
    """Return the detector's score of each drawn clip: the mean over its frames."""
    clips = (draw_clip(seed, detector.faces) for seed in SEEDS)
    scores = (predict_track(detector.model, clip, detector.clip, 1).frames for clip in clips)
    return [round(float(np.mean(values)), 6) for values in scores]


def draw_clip(seed: int, faces: FaceConfig) -> list[bytes]:
    """Return the JPEG bytes of crops of a drawn face."""
    shot = draw_shot(np.random.default_rng(seed), FRAMES, fps=25)
    return [_crop(*render(shot, t), faces) for t in range(FRAMES)]


def _crop(frame: np.ndarray, view: View, faces: FaceConfig) -> bytes:
    pixels = (255 * frame[view.box].clip(0, 1)).round().astype(np.uint8)
    square = cv2.resize(pixels, (faces.face_size, faces.face_size), interpolation=cv2.INTER_AREA)
    return to_jpeg(square, faces.jpeg_quality)
