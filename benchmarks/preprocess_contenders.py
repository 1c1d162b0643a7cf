"""The contenders of benchmarks/preprocess.py: what a worker process does with a video."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN

from common import memory
from common.errors import DataError, VideoError
from common.files import file_size
from common.preprocessing import SAMPLINGS, FaceConfig
from extraction import store
from faces.decode import read
from faces.detect import Detection, FaceDetector
from faces.extract import extract_faces, is_person
from faces.search_server import RemoteSearch
from faces.track import link

CONFIG = FaceConfig()
WAIT = 0.5  # seconds that every process of a pool is kept busy, so that each gets a task

Boxes = dict[int, list[np.ndarray]]  # frame → boxes of faces

_plain: MTCNN
_detectors: dict[str, FaceDetector]  # by sampling


def start_process(server: str | None) -> None:
    """Load the models of all contenders in a process of the pool."""
    global _plain, _detectors
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _plain = MTCNN(keep_all=True)
    search = RemoteSearch(server) if server else None
    _detectors = {name: FaceDetector(replace(CONFIG, sampling=name), search) for name in SAMPLINGS}


def wait(_: int) -> float:
    """Keep a process busy until every other one of the pool has its task, too. Return the peak
    memory of the process in MB."""
    time.sleep(WAIT)
    return (memory.peak_bytes() or 0) / 2**20


def decode_opencv(path: Path) -> int:
    """Decode all frames with OpenCV and return their number."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames = 0
    while capture.grab():
        frames += 1
    return frames


def decode_pyav(path: Path) -> int:
    """Decode all frames with PyAV and return their number. Raise DataError for a damaged video."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            return sum(1 for _ in container.decode(stream))
    except (av.FFmpegError, IndexError) as error:
        raise DataError(f"{path} cannot be decoded: {error}") from error


def extract_plainly(path: Path) -> tuple[Boxes, int]:
    """Return the boxes of the people that plain MTCNN finds, and its number of other detections.
    Raise DataError for a damaged video."""
    try:
        frames = read(path, CONFIG)
    except VideoError as error:
        raise DataError(f"{path}: {error}") from error
    detections = []
    for image in frames.images:
        boxes, confidences, points = _plain.detect(image, landmarks=True)
        faces = [] if boxes is None else zip(boxes, points, confidences, strict=True)
        detections.append([Detection(*face) for face in faces])
    people: Boxes = {}
    for track in link(detections, frames.indices):
        if is_person(track, len(detections), CONFIG):
            for position, face in zip(track.positions, track.detections, strict=True):
                people.setdefault(frames.indices[position], []).append(face.box)
    others = sum(map(len, detections)) - sum(map(len, people.values()))
    return people, others


def extract(path: Path, sampling: str) -> Boxes:
    """Extract and write the crops of a video, and return the boxes of its people."""
    extraction = extract_faces(path, _detectors[sampling])
    with tempfile.TemporaryDirectory() as folder:
        store.save(Path(folder) / path.name, extraction, file_size(path))
    people: Boxes = {}
    for track in extraction.tracks:
        for frame, box in zip(track.frames, track.boxes, strict=True):
            people.setdefault(frame, []).append(np.array(box))
    return people
