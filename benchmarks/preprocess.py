"""Face extraction beside its floor and beside the plain way, on the same clips and cores.

    python -m benchmarks.preprocess FOLDER [FOLDER …]        (make bench-preprocess CLIPS=…)

floor   decode every frame and do nothing else, with the faster of two readers
plain   decode 32 frames, MTCNN on each full frame as its README shows; nothing is written
ours    what preprocess_dfdc.py does with a video: decode, detect, track, crop, write; for each
        way of sampling frames

Where torch sees a GPU, ours searches frames there, those of all processes together.
Every contender gets as many single-threaded processes as there are cores. Their start (imports,
weights) is not counted: it is paid once a run, not once a video.
"""

import argparse
import math
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN

from common.files import file_size
from common.preprocessing import SAMPLINGS, FaceConfig
from extraction import store
from faces.decode import read
from faces.detect import Detection, FaceDetector, intersection_over_union
from faces.extract import extract_faces, is_person
from faces.search_server import RemoteSearch, SearchServer
from faces.track import link

CONFIG = FaceConfig()
SAME_FACE = 0.5  # intersection over union

Boxes = dict[int, list[np.ndarray]]  # frame → boxes of faces


def decode_opencv(path: Path) -> int:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames = 0
    while capture.grab():
        frames += 1
    return frames


def decode_pyav(path: Path) -> int:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def plain(path: Path) -> tuple[Boxes, int]:
    """Boxes of the people that plain MTCNN finds, and how many other "faces" it finds."""
    global _plain
    frames = read(path, CONFIG)
    found = []
    for image in frames.images:
        boxes, confidences, points = _plain.detect(image, landmarks=True)
        faces = [] if boxes is None else zip(boxes, points, confidences, strict=True)
        found.append([Detection(*face) for face in faces])
    people: Boxes = {}
    for track in link(found, frames.indices):
        if is_person(track, len(found), CONFIG):
            for position, face in zip(track.positions, track.detections, strict=True):
                people.setdefault(frames.indices[position], []).append(face.box)
    others = sum(map(len, found)) - sum(map(len, people.values()))
    return people, others


def ours(path: Path, sampling: str = "uniform") -> Boxes:
    """Boxes of the people that extraction finds and writes."""
    extraction = extract_faces(path, _ours[sampling])
    with tempfile.TemporaryDirectory() as folder:
        store.save(Path(folder) / path.name, extraction, file_size(path))
    people: Boxes = {}
    for track in extraction.tracks:
        for frame, box in zip(track.frames, track.boxes, strict=True):
            people.setdefault(frame, []).append(np.array(box))
    return people


_plain: MTCNN
_ours: dict[str, FaceDetector]  # by sampling


def start(server: str | None) -> None:
    global _plain, _ours
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _plain = MTCNN(keep_all=True)
    look = RemoteSearch(server) if server else None
    _ours = {name: FaceDetector(replace(CONFIG, sampling=name), look) for name in SAMPLINGS}


def ready(_: int) -> int:
    """Wait long enough for every process of the pool to get one."""
    time.sleep(0.5)
    return os.getpid()


def peak_mb(_: int) -> float:
    time.sleep(0.5)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(
    work: Callable[[Path], Any], clips: list[Path], processes: int, server: str | None = None
) -> tuple[Any, ...]:
    """Results in the order of `clips`, seconds, peak memory of a process in MB."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, start, [server]) as pool:
        list(pool.map(ready, range(processes)))
        started = time.monotonic()
        results = list(pool.map(work, clips))
        seconds = time.monotonic() - started
        memory = max(pool.map(peak_mb, range(processes)))
    return results, seconds, memory


def compare(reference: Boxes, people: Boxes) -> tuple[int, int, int]:
    """Boxes of `reference`, those of them that `people` holds, boxes of `people` beyond it."""
    hits = extra = 0
    for frame in reference.keys() | people.keys():
        expected, got = reference.get(frame, []), people.get(frame, [])
        hits += sum(any(_same(a, b) for b in got) for a in expected)
        extra += sum(not any(_same(a, b) for a in expected) for b in got)
    return sum(map(len, reference.values())), hits, extra


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return intersection_over_union(a, b) >= SAME_FACE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    flags = parser.parse_args()
    clips = sorted(path for folder in flags.folders for path in folder.rglob("*.mp4"))
    floor = math.inf
    for name, reader in {"opencv": decode_opencv, "pyav": decode_pyav}.items():
        counts, seconds, memory = timed(reader, clips, flags.processes)
        print(
            f"floor, {name:<8}{seconds:6.1f} s   {memory:5.0f} MB   {sum(counts)} frames",
            flush=True,
        )
        floor = min(floor, seconds)
    gpu = torch.cuda.is_available()
    with SearchServer(CONFIG, torch.device("cuda")) if gpu else nullcontext() as server:
        address = server.address if server else None
        runs = {
            name: timed(partial(ours, sampling=name), clips, flags.processes, address)
            for name in SAMPLINGS
        }
    for name, (_, seconds, memory) in runs.items():
        print(
            f"ours, {name:<12}{seconds:6.1f} s   {memory:5.0f} MB   {seconds / floor:.2f} × floor"
            f"   {len(clips) / seconds:.2f} videos/s",
            flush=True,
        )
    found, seconds, _ = runs["uniform"]
    reference, slow, memory = timed(plain, clips, flags.processes)
    print(f"plain          {slow:6.1f} s   {memory:5.0f} MB   {slow / floor:.2f} × floor")
    print(f"ours is {slow / seconds:.1f} × faster than plain")
    total = np.zeros(4, dtype=int)
    for clip, (people, others), mine in zip(clips, reference, found, strict=True):
        row = (*compare(people, mine), others)
        total += row
        if row[0] != row[1] or row[2]:
            print(f"  {clip.name}: {row[1]} of {row[0]} found, {row[2]} beyond plain's people")
    print(
        f"recall {total[1]} of {total[0]} ({total[1] / total[0]:.2%}); false faces per clip: "
        f"ours {total[2] / len(clips):.2f}, plain {total[3] / len(clips):.2f}"
    )


if __name__ == "__main__":
    main()
