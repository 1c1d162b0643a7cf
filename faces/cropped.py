"""Makes a track of frames that are crops already: each shows one face (mode cropped) or is judged
as a whole (mode whole)."""

import numpy as np

from faces.crop import resize
from faces.detect import Detection, FaceDetector, box_side
from faces.track import Track

# A frame is searched at this size, in pixels of its longer side, with a grey border on every side.
# Without the border, MTCNN takes the face of a tight crop for larger than it is.
SEARCH_SIZE = 112
BORDER = 56
GREY = 128


def whole_frames(images: list[np.ndarray], detector: FaceDetector) -> Track:
    """Return one track through T frames (H, W, 3) uint8 RGB, in which the box is the whole frame.
    If the mode is cropped, landmarks, confidence and margin are those of the face that MTCNN finds
    in the frame."""
    find = find_face if detector.config.mode == "cropped" else _no_face
    return Track(list(range(len(images))), [find(image, detector) for image in images])


def find_face(image: np.ndarray, detector: FaceDetector, border: int = BORDER) -> Detection:
    """Return the largest face in a frame (H, W, 3), with the whole frame as its box. Where MTCNN
    finds none, there are no landmarks and no margin, and the confidence is 0."""
    height, width = image.shape[:2]
    scale = SEARCH_SIZE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = resize(image, *size)
    widths = ((border, border), (border, border), (0, 0))
    faces = detector.search(np.pad(small, widths, constant_values=GREY))
    found = _no_face(image, detector)
    if not faces:
        return found
    face = max(faces, key=lambda face: box_side(face.box))
    found.landmarks = (face.landmarks - border) * (width / size[0], height / size[1])
    found.confidence = face.confidence
    found.margin = round((SEARCH_SIZE / box_side(face.box) - 1) / 2, 3)
    return found


def _no_face(image: np.ndarray, _: FaceDetector) -> Detection:
    height, width = image.shape[:2]
    return Detection(np.array([0.0, 0.0, width, height]), np.zeros((0, 2)), 0.0)
