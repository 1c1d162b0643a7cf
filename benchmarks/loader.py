"""Clips per second of the training loader and of a plain loader with the same augmentation.

    python -m benchmarks.loader [--tracks 64] [--repeats 5] [--needed 3600]

plain   one crop at a time: PIL, then torchvision's v1 transforms with one draw per clip
ours    datasets.video_dataset.VideoDataset

Both read generated JPEG files of 224 px in one process with one thread and return batches of the
same shape. They take turns, so that a slow moment of the machine affects both. Seconds are of
processor time, which other work of the machine affects less.

Then follows the processor time that a crop costs worker processes, one or two of them, with and
without self-blends, and how many workers a GPU needs that trains on NEEDED crops per second.
"""

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ColorJitter, RandomResizedCrop
from torchvision.transforms import functional as v1

from benchmarks.shared import new_parser, repeat_in_turns
from common import crop_files, errors
from common.preprocessing import ClipConfig, FaceConfig
from datasets import clips, manifest
from datasets.augmentations import STRENGTHS
from datasets.loaders import evaluation_loader
from datasets.transforms import Normalise
from datasets.video_dataset import Batch, Item, VideoDataset, collate
from extraction.store import crop_name
from faces.crop import to_jpeg
from flags.types import at_least

CROPS = 32  # of each track
BATCH_SIZE = 8  # clips
FACES = FaceConfig()
CLIP = ClipConfig()


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--tracks", type=at_least(2), default=64, help="clips of an epoch")
    parser.add_argument(
        "--repeats", type=at_least(1), default=5, help="epochs, of which the median is printed"
    )
    parser.add_argument(
        "--needed", type=at_least(1), default=3600, help="crops that a GPU trains on per second"
    )
    flags = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        data = make_crops(Path(folder), flags.tracks)
        ours = {
            strength: VideoDataset(data, "train", CLIP, train=True, augmentation=strength)
            for strength in STRENGTHS
        }
        epochs = {"plain, mild": partial(clips_per_second, PlainDataset(data))}
        epochs |= {f"ours, {name}": partial(clips_per_second, ours[name]) for name in ours}
        speeds = repeat_in_turns(epochs, flags.repeats)
        medians = {name: statistics.median(values) for name, values in speeds.items()}
        for name, speed in medians.items():
            print(f"{name:<14}{speed:6.1f} clips/s")
        ratio = medians["ours, mild"] / medians["plain, mild"]
        print(f"with the same augmentation, ours is {ratio:.1f} times as fast as plain")
        for strength, dataset in ours.items():
            seconds = stage_seconds(dataset)
            total = sum(seconds.values())
            shares = [f"{name} {value / total:.0%}" for name, value in seconds.items()]
            print(f"ours, {strength:<8}{', '.join(shares)}")
        print_workers(data, flags.repeats, flags.needed)
    return 0


def print_workers(data: manifest.Manifest, repeats: int, needed: int) -> None:
    """Print a row for each kind of clip: milliseconds of a crop with one and two workers, crops per
    second of a core, and workers for `needed` crops per second."""
    print(f"{'worker processes':<24}{'one, ms':>9}{'two, ms':>9}{'crops/s':>9}{'workers':>9}")
    for strength, sbi in (("mild", 0.0), ("mild", 1.0), ("strong", 0.0), ("strong", 0.5)):
        dataset = VideoDataset(data, "train", CLIP, True, augmentation=strength, sbi=sbi)
        runs = {str(count): partial(worker_seconds, dataset, count) for count in (1, 2)}
        crops = len(dataset) * CLIP.clip_frames
        one, two = (
            statistics.median(seconds) / crops
            for seconds in repeat_in_turns(runs, repeats).values()
        )
        name = f"{strength}, self-blends {sbi / 2:.0%}"  # half of the clips are fakes
        print(
            f"{name:<24}{1000 * one:>9.2f}{1000 * two:>9.2f}{1 / two:>9.0f}"
            f"{math.ceil(needed * two):>9}",
            flush=True,
        )


def worker_seconds(dataset: VideoDataset, workers: int) -> float:
    """Return the processor seconds of worker processes that load an epoch, with their start."""
    before = processor_seconds_of_children()
    loader = evaluation_loader(dataset, BATCH_SIZE, workers, torch.device("cpu"))
    for _ in loader:
        pass
    del loader  # ends its processes
    return processor_seconds_of_children() - before


def processor_seconds_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


class PlainDataset(Dataset[Item]):
    """Training clips loaded by the simplest code: crop by crop, with PIL and torchvision."""

    def __init__(self, data: manifest.Manifest) -> None:
        self.folder = data.folder
        self.rows = data.tracks("train")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Item:
        row = self.rows.iloc[index]
        start = clips.random_start(row["frames"], CLIP.clip_frames)
        files = sorted((self.folder / row["crops"]).glob("*.jpg"))[start : start + CLIP.clip_frames]
        images = [Image.open(file).convert("RGB") for file in files]
        flip = float(torch.rand(())) < 0.5
        window = RandomResizedCrop.get_params(images[0], (0.8, 1.0), (0.95, 1.05))
        jitter = ColorJitter.get_params((0.85, 1.15), (0.85, 1.15), (0.85, 1.15), (-0.05, 0.05))
        frames = [self._frame(image, flip, window, jitter) for image in images]
        return Item(
            clip=torch.stack(frames),
            label=int(row["label"]),
            video_id=row["video_id"],
            track=int(row["track"]),
            problems=[],
        )

    def _frame(
        self, image: Image.Image, flip: bool, window: tuple[int, ...], jitter: tuple[Any, ...]
    ) -> torch.Tensor:
        """Return an image as a normalised tensor (C, H, W)."""
        image = v1.hflip(image) if flip else image
        image = v1.resized_crop(image, *window, [CLIP.crop_size, CLIP.crop_size])
        changes = (
            v1.adjust_brightness,
            v1.adjust_contrast,
            v1.adjust_saturation,
            v1.adjust_hue,
        )
        order, *factors = jitter
        for number in order:
            image = changes[number](image, factors[number])
        return v1.normalize(v1.to_tensor(image), CLIP.mean, CLIP.std)


def make_crops(folder: Path, tracks: int) -> manifest.Manifest:
    """Write tracks of generated crops, half of them fake, and return their manifest: smooth noise
    with shapes that move a little from crop to crop."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(tracks):
        crops = Path("crops") / f"{number:03}.mp4" / "track_0"
        (folder / crops).mkdir(parents=True)
        coarse = random.integers(0, 256, (14, 14, 3), dtype=np.uint8)
        size = (FACES.face_size, FACES.face_size)
        scene = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))
        for index in range(CROPS):
            noise = random.integers(0, 12, scene.shape, dtype=np.uint8)
            image = np.asarray(cv2.add(scene, noise))
            cv2.ellipse(image, (112 + index, 112), (60, 80), 0, 0, 360, (200, 160, 140), -1)
            cv2.rectangle(image, (90 + index, 150), (134 + index, 162), (150, 60, 60), -1)
            (folder / crops / crop_name(index)).write_bytes(to_jpeg(image, FACES.jpeg_quality))
        rows.append({"video_id": f"{number:03}.mp4", "label": number % 2, "crops": str(crops)})
    table = pd.DataFrame(rows)
    table["path"] = table["source"] = table["group"] = table["video_id"]
    table[["split", "method", "status", "detail"]] = ["train", "", "ok", ""]
    table[["track", "frames", "width", "height", "fps"]] = [0, CROPS, 640, 360, 25.0]
    path = folder / "videos_df.csv"
    manifest.write(path, table)
    manifest.write_record(path, {"faces": FACES.to_dict()})
    return manifest.read(path)


def clips_per_second(dataset: PlainDataset | VideoDataset) -> float:
    """Load an epoch and return the clips per second of processor time."""
    started = time.process_time()
    for _ in load(dataset):
        pass
    return len(dataset) / (time.process_time() - started)


def load(dataset: PlainDataset | VideoDataset) -> Iterator[Batch]:
    """Yield normalised batches of all items."""
    if isinstance(dataset, VideoDataset):
        yield from evaluation_loader(dataset, BATCH_SIZE, workers=0, device=torch.device("cpu"))
    else:
        yield from DataLoader(dataset, batch_size=BATCH_SIZE, collate_fn=collate)


def stage_seconds(dataset: VideoDataset) -> dict[str, float]:
    """Return the processor seconds that an epoch spends on each stage of loading."""
    augment, resize = dataset.transform.steps
    steps: list[tuple[str, Callable[[Any], Any]]] = [
        ("decode", clips.decode),
        ("augment", augment),
        ("resize", resize),
        ("normalise", Normalise(CLIP)),
    ]
    seconds = dict.fromkeys(["read", *(name for name, _ in steps)], 0.0)
    for row in dataset.rows.itertuples():
        started = time.process_time()
        chosen = slice(0, CLIP.clip_frames)
        value: Any = crop_files.read(dataset.root, row.crops, row.frames, chosen)
        seconds["read"] += time.process_time() - started
        for name, step in steps:
            started = time.process_time()
            value = step(value)
            seconds[name] += time.process_time() - started
    return seconds


if __name__ == "__main__":
    errors.run(main)
