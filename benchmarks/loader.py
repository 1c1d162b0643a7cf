"""Clips per second and core of the training loader, beside a plain one with the same augmentation.

    python -m benchmarks.loader [--tracks 64] [--repeats 5]

plain   a crop at a time: PIL, then torchvision's (v1) transforms with the clip's one draw, stacked
ours    datasets.VideoDataset

Both read JPEG files of 224 px that are made here, in one process and one thread, and give batches
of the same shape. They take turns, so that a slow moment hits both.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
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

from common import crop_files
from common.preprocessing import ClipConfig, FaceConfig
from datasets import clips, manifest
from datasets.augmentations import STRENGTHS
from datasets.video_dataset import Item, VideoDataset, collate
from extraction.store import crop_name
from faces.crop import to_jpeg

CROPS = 32  # of a track
BATCH = 8
FACES = FaceConfig()
CLIP = ClipConfig()


class PlainDataset(Dataset[Item]):
    """What one would write first."""

    def __init__(self, data: manifest.Manifest) -> None:
        self.root = data.folder
        self.rows = data.tracks("train")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Item:
        row = self.rows.iloc[index]
        start = clips.random_start(row["frames"], CLIP.clip_frames)
        files = sorted((self.root / row["crops"]).glob("*.jpg"))[start : start + CLIP.clip_frames]
        images = [Image.open(file).convert("RGB") for file in files]
        flip = torch.rand(()) < 0.5
        window = RandomResizedCrop.get_params(images[0], (0.8, 1.0), (0.95, 1.05))
        jitter = ColorJitter.get_params((0.85, 1.15), (0.85, 1.15), (0.85, 1.15), (-0.05, 0.05))
        frames = [self.frame(image, flip, window, jitter) for image in images]
        return Item(
            clip=torch.stack(frames),
            label=int(row["label"]),
            video_id=row["video_id"],
            track=int(row["track"]),
        )

    def frame(
        self, image: Image.Image, flip: bool, window: tuple[int, ...], jitter: tuple[Any, ...]
    ) -> torch.Tensor:
        """(C, H, W)"""
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
    """Smooth noise with shapes on it that move a little."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(tracks):
        crops = Path("crops") / f"{number:03}.mp4" / "track_0"
        (folder / crops).mkdir(parents=True)
        noise = random.integers(0, 256, (14, 14, 3), dtype=np.uint8)
        scene = cv2.resize(noise, (FACES.face_size, FACES.face_size), interpolation=cv2.INTER_CUBIC)
        for index in range(CROPS):
            image = cv2.add(scene, random.integers(0, 12, scene.shape, dtype=np.uint8))
            cv2.ellipse(image, (112 + index, 112), (60, 80), 0, 0, 360, (200, 160, 140), -1)
            cv2.rectangle(image, (90 + index, 150), (134 + index, 162), (150, 60, 60), -1)
            (folder / crops / crop_name(index)).write_bytes(to_jpeg(image, FACES.jpeg_quality))
        rows.append({"video_id": f"{number:03}.mp4", "label": number % 2, "crops": str(crops)})
    table = pd.DataFrame(rows)
    table["path"] = table["source"] = table["group"] = table["video_id"]
    table[["split", "method", "status", "detail"]] = ["train", "", "ok", ""]
    table[["track", "frames", "width", "height", "fps"]] = [0, CROPS, 640, 360, 25.0]
    manifest.write(folder / "videos_df.csv", table)
    manifest.write_record(folder / "videos_df.csv", {"faces": FACES.to_dict()})
    return manifest.read(folder / "videos_df.csv")


def epoch(dataset: Dataset[Item]) -> float:
    """Clips per second of processor time: what else the machine does must not count."""
    started = time.process_time()
    for _ in DataLoader(dataset, batch_size=BATCH, collate_fn=collate):
        pass
    return len(dataset) / (time.process_time() - started)


def stages(dataset: VideoDataset) -> dict[str, float]:
    """Seconds that an epoch spends on each stage."""
    steps: list[tuple[str, Callable[[Any], Any]]] = [
        ("decode", clips.decode),
        *zip(
            ("augment", "resize", "normalise", "normalise", "normalise"),
            dataset.transform.transforms,
            strict=True,
        ),
    ]
    spent: dict[str, float] = dict.fromkeys(["read", *(name for name, _ in steps)], 0.0)
    for row in dataset.rows.itertuples():
        before = time.process_time()
        chosen = slice(0, CLIP.clip_frames)
        value: Any = crop_files.read(dataset.root, row.crops, row.frames, chosen)
        spent["read"] += time.process_time() - before
        for name, step in steps:
            before = time.process_time()
            value = step(value)
            spent[name] += time.process_time() - before
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--tracks", type=int, default=64, help="clips of an epoch")
    parser.add_argument("--repeats", type=int, default=5, help="the median of them is printed")
    flags = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        data = make_crops(Path(name), flags.tracks)
        ours = {
            strength: VideoDataset(data, "train", CLIP, train=True, augmentation=strength)
            for strength in STRENGTHS
        }
        contenders = {"plain, mild": PlainDataset(data)}
        contenders |= {f"ours, {strength}": dataset for strength, dataset in ours.items()}
        speeds: dict[str, list[float]] = {name: [] for name in contenders}
        for _, (contender, dataset) in itertools.product(range(flags.repeats), contenders.items()):
            speeds[contender].append(epoch(dataset))
        medians = {name: statistics.median(values) for name, values in speeds.items()}
        for contender, speed in medians.items():
            print(f"{contender:<14}{speed:6.1f} clips/s")
        ratio = medians["ours, mild"] / medians["plain, mild"]
        print(f"with the same augmentation ours is {ratio:.1f} times as fast")
        for strength, dataset in ours.items():
            spent = stages(dataset)
            shares = [f"{name} {value / sum(spent.values()):.0%}" for name, value in spent.items()]
            print(f"ours, {strength:<8}{', '.join(shares)}")


if __name__ == "__main__":
    main()
