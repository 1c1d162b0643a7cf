"""Write the demo dataset: DFDC's layout, synthetic videos drawn from a seed.

    python -m demo.generate --output DIR --kind deepfake

DIR/dfdc_train_part_0/metadata.json and *.mp4, likewise …_part_1; DIR/masks/<fake>.png, the region
that the fake changed (read by evaluation only); DIR/new/, two videos of people who occur nowhere
else, to score after training. A seed draws the same people for every kind of fakes.
"""

import argparse
import json
import multiprocessing
import os
import string
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from common import errors
from demo.animate import draw_shot, render
from demo.encode import CRF, Sensor, VideoWriter, draw_camera
from demo.manipulations import METHODS
from demo.scene import FRAME_HEIGHT, FRAME_WIDTH
from flags.types import at_least

PARTS = 2
FRAME_RATES = (24, 25, 30)
EXTRA_FRAMES = 6  # a file is up to this many frames longer than requested
CHANGED = 1.5 / 255  # a pixel counts as changed if it differs by more than this before noise
SHAPE = (FRAME_HEIGHT, FRAME_WIDTH)


@dataclass(frozen=True)
class Source:
    """One job: a real video and its fakes. ``files`` maps paths to a method, None for the real."""

    seed: tuple[int, int]
    frames: int
    kind: str  # key of METHODS
    files: dict[Path, str | None]
    masks: Path | None


def generate(
    output: Path, sources: int, seed: int, frames: int, workers: int, kind: str = "deepfake"
) -> None:
    """Write ``sources`` real videos, a fake of each by every method of ``kind``, and ``new/``.

    Frames, names and noise depend on ``seed`` alone, never on ``workers``.
    """
    names = _names(np.random.default_rng(seed))
    jobs = []
    for part in range(PARTS):
        folder = output / f"dfdc_train_part_{part}"
        folder.mkdir(parents=True, exist_ok=True)
        metadata = {}
        for index in range(part, sources, PARTS):
            files = {folder / f"{next(names)}.mp4": method for method in (None, *METHODS[kind])}
            metadata.update(_entries(files))
            jobs.append(Source((seed, index), frames, kind, files, output / "masks"))
        text = json.dumps(dict(sorted(metadata.items())), indent=1)
        (folder / "metadata.json").write_text(text + "\n", encoding="utf-8")
    (output / "masks").mkdir(exist_ok=True)
    (output / "new").mkdir(exist_ok=True)
    new = output / "new"
    # Two people, so that the real and the fake video share nothing.
    jobs.append(Source((seed, sources), frames, kind, {new / "new_real.mp4": None}, None))
    method = next(iter(METHODS[kind]))
    jobs.append(Source((seed, sources + 1), frames, kind, {new / "new_fake.mp4": method}, None))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, context, initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        done = pool.map(write_source, jobs)
        for _ in tqdm(done, total=len(jobs), desc="sources", unit="source"):
            pass


def write_source(source: Source) -> None:
    """Draw one source and write all its files frame by frame."""
    rng = np.random.default_rng(source.seed)
    fps = int(rng.choice(FRAME_RATES))
    camera = draw_camera(rng)
    shot = draw_shot(rng, source.frames + EXTRA_FRAMES, fps)
    masks = {path: np.zeros(SHAPE, np.uint8) for path in source.files}
    with ExitStack() as stack:
        takes = []
        streams = rng.spawn(len(source.files))
        for (path, method), own in zip(source.files.items(), streams, strict=True):
            crf, length = int(own.integers(*CRF, endpoint=True)), own.integers(EXTRA_FRAMES + 1)
            writer = stack.enter_context(VideoWriter(path, SHAPE, fps, crf))
            edit = METHODS[source.kind][method](shot, own) if method else None
            takes.append((path, edit, Sensor(camera, SHAPE, own), writer, source.frames + length))
        for t in range(source.frames + EXTRA_FRAMES):
            plain, view = render(shot, t)
            for path, edit, sensor, writer, length in takes:
                if t < length:
                    frame = edit(plain, view) if edit else plain
                    writer.write(sensor.record(frame))
                    masks[path] |= _changed(frame, plain)
    for path, method in source.files.items():
        if method and source.masks:
            cv2.imwrite(str(source.masks / f"{path.stem}.png"), masks[path])


def _changed(frame: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Return (h, w) uint8: 255 where two frames differ, averaged over the channels."""
    difference = cv2.transform(cv2.absdiff(frame, plain), np.full((1, 3), 1 / 3))
    return (difference > CHANGED).astype(np.uint8) * 255


def _names(rng: np.random.Generator) -> Iterator[str]:
    """Yield distinct names of ten random letters."""
    used = set()
    while True:
        name = "".join(rng.choice(list(string.ascii_lowercase), 10))
        if name not in used:
            used.add(name)
            yield name


def _entries(files: dict[Path, str | None]) -> dict[str, dict[str, str]]:
    """Return the metadata.json entries of one source."""
    original = next(path.name for path, method in files.items() if method is None)
    entries = {}
    for path, method in files.items():
        if method is None:
            entries[path.name] = {"label": "REAL", "split": "train"}
        else:
            entries[path.name] = {
                "label": "FAKE",
                "split": "train",
                "original": original,
                "method": method,
            }
    return entries


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the synthetic demo dataset.")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--kind", choices=[*METHODS], default="deepfake", help="kind of fakes")
    parser.add_argument(
        "--sources", type=at_least(1), default=120, help="real videos, 4 fakes each"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="random seed")
    parser.add_argument("--frames", type=at_least(1), default=40, help="minimum frames per video")
    parser.add_argument("--workers", type=at_least(1), default=os.cpu_count(), help="processes")
    args = parser.parse_args()
    generate(args.output, args.sources, args.seed, args.frames, args.workers, args.kind)
    return 0


if __name__ == "__main__":
    errors.run(main)
