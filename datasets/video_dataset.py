"""Manifest rows → clips. Shapes: B videos, T frames, C channels, H, W."""

import hashlib
from typing import TypedDict

import pandas as pd
import torch
from torch.utils.data import Dataset

import crop_files
from datasets import clips, transforms
from datasets.manifest import Manifest
from errors import DataError
from preprocessing import ClipConfig


class Item(TypedDict):
    clip: torch.Tensor  # (T, C, H, W) float, normalised; T may be less than clip_frames
    label: int
    video_id: str
    track: int


class Batch(TypedDict):
    clips: torch.Tensor  # (B, T, C, H, W), zero where padded
    mask: torch.Tensor  # (B, T) bool, True where a frame is real
    labels: torch.Tensor  # (B,) int64
    video_ids: list[str]
    tracks: list[int]


class VideoDataset(Dataset[Item]):
    """Training: one item a track, a random clip of it, augmented with one draw per clip, the
    same for a real video and the fakes made from it.
    Evaluation: one item for each of a track's fixed clips."""

    def __init__(
        self, manifest: Manifest, split: str, config: ClipConfig, train: bool, seed: int = 0
    ) -> None:
        """Raise DataError when the split has no track with crops."""
        self.rows: pd.DataFrame = manifest.tracks(split)
        if self.rows.empty:
            raise DataError(f"the {split} split of the manifest has no video with a face")
        self.root = manifest.folder
        self.config = config
        self.train = train
        self.seed = seed
        self.epoch = 0
        make = transforms.train_transform if train else transforms.eval_transform
        self.transform = make(config)
        self.items: list[tuple[int, int | None]] = [
            (row, start)
            for row, count in enumerate(self.rows["frames"])
            for start in ([None] if train else clips.fixed_starts(count, config.clip_frames))
        ]

    @property
    def labels(self) -> list[int]:
        """The label of every item."""
        return [int(self.rows["label"].iloc[row]) for row, _ in self.items]

    @property
    def sources(self) -> list[str]:
        """The source of every item."""
        return [self.rows["source"].iloc[row] for row, _ in self.items]

    def video_labels(self) -> dict[str, int]:
        """The label of every video that has an item."""
        return dict(zip(self.rows["video_id"], self.rows["label"].astype(int), strict=True))

    def set_epoch(self, epoch: int) -> None:
        """Random clips and augmentation depend on seed, epoch and source alone."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        number, start = self.items[index]
        row = self.rows.iloc[number]
        with torch.random.fork_rng(devices=[]):
            # One draw for a source: a real and its fakes then differ by the manipulation alone.
            # Not torch.manual_seed: that would also reset a GPU's generator, and so its dropout.
            torch.default_generator.manual_seed(_seed(self.seed, self.epoch, row["source"]))
            if start is None:
                start = clips.random_start(row["frames"], self.config.clip_frames)
            clip = self.transform(self._load(row, start))
        return Item(
            clip=clip,
            label=int(row["label"]),
            video_id=row["video_id"],
            track=int(row["track"]),
        )

    def _load(self, row: pd.Series, start: int) -> torch.Tensor:
        """(T, C, S, S) uint8: the crops from `start` on."""
        chosen = slice(start, start + self.config.clip_frames)
        try:
            return clips.decode(crop_files.read(self.root, row["crops"], row["frames"], chosen))
        except ValueError as error:
            raise DataError(f"{row['crops']} in {self.root}: {error}") from error


def collate(items: list[Item]) -> Batch:
    batch, mask = clips.collate([item["clip"] for item in items])
    return Batch(
        clips=batch,
        mask=mask,
        labels=torch.tensor([item["label"] for item in items]),
        video_ids=[item["video_id"] for item in items],
        tracks=[item["track"] for item in items],
    )


def _seed(*parts: object) -> int:
    """A seed from a few values; Python's own hash() differs from run to run."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
