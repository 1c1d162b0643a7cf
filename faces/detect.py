"""Face detection by MTCNN (Zhang et al. 2016, facenet-pytorch): boxes, landmarks, confidences.

Searching a whole frame costs many times more than following known faces. So a whole frame is
searched only every `search_every` sampled frames, in the last one, and when a face is lost or none
is known. In all other frames, only MTCNN's second and third networks (R-Net and O-Net) run: they
follow the boxes of the previous frame.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from facenet_pytorch import MTCNN

from common.preprocessing import FaceConfig
from faces.crop import resize

# Confidence thresholds of P-Net, R-Net and O-Net. P-Net's default is 0.6; 0.7 finds the same people
# in three quarters of the time.
THRESHOLDS = [0.7, 0.7, 0.7]
# O-Net checks the box of the previous frame. If its confidence is lower than this, R-Net picks the
# best of that box and eight boxes around it, shifted by shares of its side, and O-Net checks again.
CONFIDENT = 0.9
SHIFTS = (-0.25, 0.0, 0.25)
# Lower than MTCNN's threshold for a new face (0.7), because the face was here in the last frame.
FOLLOW_THRESHOLD = 0.5
# Faces are not followed between sampled frames that are more than this many video frames apart.
LONG_GAP = 60
SAME_FACE = 0.3  # boxes with a larger intersection over union are the same face


# Boxes (N, 4), confidences (N,) and landmarks (N, 5, 2) of N faces; None instead if N is 0.
SearchResult = tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]
SearchFrame = Callable[[np.ndarray], SearchResult]


@dataclass
class Detection:
    """A face in one frame, with coordinates in pixels of the full frame."""

    box: np.ndarray  # (4,) float: left, top, right, bottom
    landmarks: np.ndarray  # (5, 2) float: eyes, nose, mouth corners as x, y; (0, 2) if not found
    confidence: float  # [0, 1]
    margin: float | None = None  # if the frame is a face crop: around the face that was found in it


def make_mtcnn(config: FaceConfig, device: torch.device) -> MTCNN:
    """Return an MTCNN on `device` that finds every face of a frame, with the settings of
    `config`."""
    mtcnn = MTCNN(
        keep_all=True, min_face_size=config.min_face_size, thresholds=THRESHOLDS, device=device
    )
    # Max pooling takes two fifths of a search, and PyTorch vectorises it only over channels.
    return mtcnn.to(memory_format=torch.channels_last)


class FaceDetector:
    """Finds every face in the frames of one video."""

    def __init__(self, config: FaceConfig, search_frame: SearchFrame | None = None) -> None:
        """Set up MTCNN on the CPU. `search_frame` replaces its search of whole frames, which are
        shrunk before."""
        self.config = config
        self.mtcnn = make_mtcnn(config, torch.device("cpu"))
        self.search_frame = search_frame or partial(self.mtcnn.detect, landmarks=True)

    def detect(self, images: list[np.ndarray], indices: list[int]) -> list[list[Detection]]:
        """Return the faces in each of T frames (H, W, 3) uint8 RGB of one size, in presentation
        order. `indices` (T,) are the frames' numbers in the video."""
        faces_per_frame: list[list[Detection]] = []
        run_start = 0  # position of the first frame after the last long gap
        for position, image in enumerate(images):
            if position and indices[position] - indices[position - 1] > LONG_GAP:
                run_start = position
            previous = faces_per_frame[-1] if position > run_start else []
            faces = self.follow(image, previous)
            due = position % self.config.search_every == 0 or position == len(images) - 1
            if due or not previous or len(faces) < len(previous):
                new = [face for face in self.search(image) if not _overlaps(face, faces)]
                for face in new:
                    self._follow_back(images[run_start:position], faces_per_frame[run_start:], face)
                faces += new
            faces_per_frame.append(faces)
        return faces_per_frame

    def _follow_back(
        self, images: list[np.ndarray], faces_per_frame: list[list[Detection]], face: Detection
    ) -> None:
        """Follow `face`, found in the next frame, back through earlier frames and add it to their
        faces, so that a person who appeared between two searches is not missed. Stop where the face
        is lost or was already found."""
        for image, faces in zip(reversed(images), reversed(faces_per_frame), strict=True):
            earlier = self.follow(image, [face])
            if not earlier or _overlaps(earlier[0], faces):
                return
            faces += earlier
            face = earlier[0]

    def search(self, image: np.ndarray) -> list[Detection]:
        """Return every face that MTCNN's three networks find in a frame (H, W, 3) uint8 RGB."""
        height, width = image.shape[:2]
        scale = min(1.0, self.config.detect_size / min(height, width))
        size = (round(width * scale), round(height * scale))
        if min(size) < self.config.min_face_size:
            return []  # no face fits in it, and MTCNN fails on an empty image pyramid
        if scale < 1:
            image = resize(image, *size)
        boxes, confidences, points = self.search_frame(image)
        if boxes is None or confidences is None or points is None:
            return []
        return [
            Detection(
                np.asarray(box, dtype=np.float64) / scale,
                np.asarray(point, dtype=np.float64) / scale,
                float(confidence),
            )
            for box, confidence, point in zip(boxes, confidences, points, strict=True)
        ]

    @torch.inference_mode()
    def follow(self, image: np.ndarray, previous: list[Detection]) -> list[Detection]:
        """Return the faces of the `previous` frame that are found again close to their box in
        `image`, without duplicates."""
        faces: list[Detection] = []
        for face in previous:
            square = _square(face.box)
            followed = self._refine(image, square)
            if followed.confidence < CONFIDENT:
                candidates = square + box_side(square) * _SHIFTED  # (9, 4)
                moves, scores = self.mtcnn.rnet(self._patches(image, candidates, 24))
                best = int(scores[:, 1].argmax())
                refined = self._refine(image, _square(_move(candidates[best], moves[best])))
                followed = max(followed, refined, key=lambda face: face.confidence)
            if followed.confidence >= FOLLOW_THRESHOLD and not _overlaps(followed, faces):
                faces.append(followed)
        return faces

    def _refine(self, image: np.ndarray, square: np.ndarray) -> Detection:
        """Return the face that O-Net finds in a square (4,), whatever its confidence."""
        moves, points, scores = self.mtcnn.onet(self._patches(image, square[None], 48))
        landmarks = points[0].reshape(2, 5).T.double().cpu().numpy()  # (5, 2), shares of the side
        return Detection(
            _move(square, moves[0]), square[:2] + box_side(square) * landmarks, float(scores[0, 1])
        )

    def _patches(self, image: np.ndarray, squares: np.ndarray, size: int) -> torch.Tensor:
        """Return the pixels in squares (N, 4) of a frame as input of MTCNN's networks: (N, 3, size,
        size) float. Squares are clipped at the frame's edge."""
        height, width = image.shape[:2]
        limit = np.array([width - 2, height - 2] * 2)
        patches = []
        for left, top, right, bottom in np.clip(squares, 0, limit).astype(int):
            patch = image[top : max(bottom, top + 1) + 1, left : max(right, left + 1) + 1]
            patches.append(resize(patch, size, size))
        batch = torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2)
        return (batch.float() - 127.5) / 128


# (9, 4): no shift and eight shifts around it, in units of the square's side
_SHIFTED = np.array([[x, y, x, y] for y in SHIFTS for x in SHIFTS])


def box_side(box: np.ndarray) -> float:
    """Return the longer side of a box (4,)."""
    return float(max(box[2] - box[0], box[3] - box[1]))


def _square(box: np.ndarray) -> np.ndarray:
    """Return the square (4,) with the centre of `box` (4,) and the length of its longer side."""
    centre, half = (box[:2] + box[2:]) / 2, box_side(box) / 2
    return np.concatenate([centre - half, centre + half])


def _move(square: np.ndarray, move: torch.Tensor) -> np.ndarray:
    """Return a square (4,) with each edge moved by a share of its side, as R-Net and O-Net
    predict."""
    return square + box_side(square) * move.double().cpu().numpy()


def _overlaps(face: Detection, others: list[Detection]) -> bool:
    return any(intersection_over_union(face.box, other.box) > SAME_FACE for other in others)


def intersection_over_union(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over union of two boxes (4,)."""
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    intersection = max(width, 0.0) * max(height, 0.0)
    areas = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])
    return float(intersection / max(areas - intersection, 1e-9))
