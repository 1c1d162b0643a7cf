"""MTCNN (Zhang et al. 2016, facenet-pytorch): frames → boxes, landmarks, confidences.

Searching a whole frame costs many times more than looking where a face was a moment ago. So a
frame is searched now and then, and when somebody was lost; in the others MTCNN's second and
third net (R-Net and O-Net) look at the boxes of the frame before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from facenet_pytorch import MTCNN

from common.preprocessing import FaceConfig
from faces.crop import resize

# Of P-Net, R-Net and O-Net. P-Net's is 0.6 by default; at 0.7 the same people are found in three
# quarters of the time.
THRESHOLDS = [0.7, 0.7, 0.7]
# O-Net looks at the box of the frame before. Where it is less sure than this, R-Net chooses among
# that box and eight around it, shifted by a share of its side, and O-Net looks again.
SURE = 0.9
SHIFTS = (-0.25, 0.0, 0.25)
# Less than MTCNN asks of a new face (0.7): that somebody was here a moment ago speaks for them.
STILL_THERE = 0.5
# Sampled frames that lie further apart, in frames of the video, show nobody where they were.
LONG_GAP = 60
SAME_FACE = 0.3  # boxes of one frame that overlap more (intersection over union) are one face


# Of N faces: boxes (N, 4), confidences (N,), landmarks (N, 5, 2); None instead where N is 0
Found = tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]
Look = Callable[[np.ndarray], Found]


@dataclass
class Detection:
    """One face in one frame, in pixels of the full frame."""

    box: np.ndarray  # (4,) float: left, top, right, bottom
    landmarks: np.ndarray  # (5, 2) float: eyes, nose, mouth corners as x, y
    confidence: float  # [0, 1]


def make_mtcnn(config: FaceConfig, device: torch.device) -> MTCNN:
    """MTCNN with the settings of `config`, for every face of a frame."""
    mtcnn = MTCNN(
        keep_all=True, min_face_size=config.min_face_size, thresholds=THRESHOLDS, device=device
    )
    # Max pooling, two fifths of a search, is vectorised over channels only.
    return mtcnn.to(memory_format=torch.channels_last)


class FaceDetector:
    """Finds every face in frames of one video, with the settings of a FaceConfig."""

    def __init__(self, config: FaceConfig, look: Look | None = None) -> None:
        """`look` finds faces in a whole, shrunk frame; by default MTCNN on this CPU."""
        self.config = config
        self.mtcnn = make_mtcnn(config, torch.device("cpu"))
        self.look = look or partial(self.mtcnn.detect, landmarks=True)

    def detect(self, images: list[np.ndarray], indices: list[int]) -> list[list[Detection]]:
        """T frames (H, W, 3) uint8 RGB of one size, in order of time, and which frames of the
        video they are → for each its faces."""
        found: list[list[Detection]] = []
        run = 0  # where the frames without a long gap among them begin
        for position, image in enumerate(images):
            if position and indices[position] - indices[position - 1] > LONG_GAP:
                run = position
            known = found[-1] if position > run else []
            faces = self.follow(image, known)
            due = position % self.config.search_every == 0 or position == len(images) - 1
            if due or not known or len(faces) < len(known):
                fresh = [face for face in self.search(image) if not _overlaps(face, faces)]
                for face in fresh:
                    self._follow_back(images[run:position], found[run:], face)
                faces += fresh
            found.append(faces)
        return found

    def _follow_back(
        self, images: list[np.ndarray], found: list[list[Detection]], face: Detection
    ) -> None:
        """Add to `found` where `face`, seen in the frame after, was in the frames before: somebody
        who came between two searches is not missed."""
        for image, faces in zip(reversed(images), reversed(found), strict=True):
            earlier = self.follow(image, [face])
            if not earlier or _overlaps(earlier[0], faces):
                return
            faces += earlier
            face = earlier[0]

    def search(self, image: np.ndarray) -> list[Detection]:
        """Every face of a frame (H, W, 3) uint8 RGB, by all three nets."""
        height, width = image.shape[:2]
        scale = min(1.0, self.config.detect_size / min(height, width))
        small = (round(width * scale), round(height * scale))
        if min(small) < self.config.min_face_size:
            return []  # no face fits, and MTCNN fails on an empty pyramid
        if scale < 1:
            image = resize(image, *small)
        boxes, confidences, points = self.look(image)
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

    @torch.inference_mode()
    def follow(self, image: np.ndarray, known: list[Detection]) -> list[Detection]:
        """Those of `known`, the faces of the frame before, that are still near; each once."""
        found: list[Detection] = []
        for face in known:
            square = _square(face.box)
            near = self._refine(image, square)
            if near.confidence < SURE:
                candidates = square + _side(square) * _SHIFTED  # (9, 4)
                moves, scores = self.mtcnn.rnet(self._patches(image, candidates, 24))
                best = int(scores[:, 1].argmax())
                again = self._refine(image, _square(_move(candidates[best], moves[best])))
                near = max(near, again, key=lambda face: face.confidence)
            if near.confidence >= STILL_THERE and not _overlaps(near, found):
                found.append(near)
        return found

    def _refine(self, image: np.ndarray, square: np.ndarray) -> Detection:
        """What O-Net says of a square (4,)."""
        moves, points, scores = self.mtcnn.onet(self._patches(image, square[None], 48))
        places = points[0].reshape(2, 5).T.double().cpu().numpy()  # (5, 2), shares of the side
        return Detection(
            _move(square, moves[0]), square[:2] + _side(square) * places, float(scores[0, 1])
        )

    def _patches(self, image: np.ndarray, squares: np.ndarray, size: int) -> torch.Tensor:
        """(N, 4) → (N, 3, size, size), as MTCNN's nets expect them; cut off at the frame's edge."""
        height, width = image.shape[:2]
        limit = np.array([width - 2, height - 2] * 2)
        patches = []
        for left, top, right, bottom in np.clip(squares, 0, limit).astype(int):
            patch = image[top : max(bottom, top + 1) + 1, left : max(right, left + 1) + 1]
            patches.append(resize(patch, size, size))
        batch = torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2)
        return (batch.float() - 127.5) / 128


# (9, 4): no shift and the eight around it, in sides of the square
_SHIFTED = np.array([[x, y, x, y] for y in SHIFTS for x in SHIFTS])


def _side(box: np.ndarray) -> float:
    return float(max(box[2] - box[0], box[3] - box[1]))


def _square(box: np.ndarray) -> np.ndarray:
    """(4,) the square of the longer side around the same centre."""
    centre, half = (box[:2] + box[2:]) / 2, _side(box) / 2
    return np.concatenate([centre - half, centre + half])


def _move(square: np.ndarray, move: torch.Tensor) -> np.ndarray:
    """(4,) a square, each edge moved by a share of its side, as R-Net and O-Net say."""
    return square + _side(square) * move.double().cpu().numpy()


def _overlaps(face: Detection, others: list[Detection]) -> bool:
    return any(intersection_over_union(face.box, other.box) > SAME_FACE for other in others)


def intersection_over_union(a: np.ndarray, b: np.ndarray) -> float:
    """Of two boxes (4,)."""
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])
    return float(shared / max(areas - shared, 1e-9))
