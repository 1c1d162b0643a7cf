"""Manifest rows → clips. Shapes: B videos, T frames, C channels, H, W."""

import hashlib
from typing import TypedDict

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

import crop_files
from datasets import clips, landmarks, transforms
from datasets.manifest import FAKE, REAL, Manifest
from datasets.self_blend import self_blend
from errors import DataError
from preprocessing import ClipConfig


class Item(TypedDict):
    clip: torch.Tensor  # (T, C, H, W) float, normalised; T may be less than clip_frames
    label: int
    video_id: str
    track: int
    problem: str  # why there is no clip, in training; mostly empty


NOTHING = torch.empty(0)  # the clip of an item with a problem


class Batch(TypedDict):
    clips: torch.Tensor  # (B, T, C, H, W), zero where padded
    mask: torch.Tensor  # (B, T) bool, True where a frame is real
    labels: torch.Tensor  # (B,) int64
    video_ids: list[str]
    tracks: list[int]
    problems: list[str]  # of items whose place others of the batch took


class VideoDataset(Dataset[Item]):
    """Training: one item a track, a random clip of it, augmented with one draw per clip, the
    same for a real video and the fakes made from it. A share `sbi` of the fakes gives way to
    self-blends of a real track of the same source (datasets/self_blend.py), drawn anew every epoch.
    Evaluation: one item for each of a track's fixed clips."""

    def __init__(
        self,
        manifest: Manifest,
        split: str,
        config: ClipConfig,
        train: bool,
        seed: int = 0,
        augmentation: str = "mild",
        sbi: float = 0.0,
    ) -> None:
        """Raise DataError when the split has no track with crops. `seed`, `augmentation` (a
        name in augmentations.STRENGTHS) and `sbi` are training's alone."""
        self.rows: pd.DataFrame = manifest.tracks(split)
        if self.rows.empty:
            raise DataError(f"the {split} split of the manifest has no video with a face")
        self.root = manifest.folder
        self.faces = manifest.faces
        self.config = config
        self.train = train
        self.seed = seed
        self.sbi = sbi
        # Shared memory: worker processes that live on from epoch to epoch must see it change.
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self.transform = (
            transforms.train_transform(config, augmentation)
            if train
            else transforms.eval_transform(config)
        )
        self.items: list[tuple[int, int | None]] = [
            (row, start)
            for row, count in enumerate(self.rows["frames"])
            for start in ([None] if train else clips.fixed_starts(count, config.clip_frames))
        ]
        reals = self.rows.reset_index(drop=True)
        reals = reals[reals["label"] == REAL]
        self.reals: list[int] = reals.index.tolist()
        self.reals_of: dict[str, list[int]] = {
            source: rows.tolist() for source, rows in reals.groupby("source").groups.items()
        }

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
        """Random clips and augmentation depend on seed, epoch and source alone. To be called before
        a loader starts to iterate: its processes read ahead."""
        self.epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        """Raise DataError in evaluation where crops cannot be read; training notes it."""
        number, start = self.items[index]
        row = self.rows.iloc[number]
        clip, problem = NOTHING, ""
        try:
            clip = self._clip(row, start)
        except DataError as error:
            if not self.train:
                raise
            problem = str(error)
        return Item(
            clip=clip,
            label=int(row["label"]),
            video_id=row["video_id"],
            track=int(row["track"]),
            problem=problem,
        )

    def _clip(self, row: pd.Series, start: int | None) -> torch.Tensor:
        """(T, C, H, W) float: what the model sees of a row, from `start` on or from a place that is
        drawn."""
        epoch = int(self.epoch)
        chance = torch.Generator().manual_seed(
            _seed(self.seed, epoch, row["video_id"], row["track"])
        )
        blends = row["label"] == FAKE and bool(torch.rand((), generator=chance) < self.sbi)
        seen = self._real_for(row, chance) if blends else row
        with torch.random.fork_rng(devices=[]):
            # One draw for a source: a real and its fakes then differ by the manipulation alone.
            # Not torch.manual_seed: that would also reset a GPU's generator, and so its dropout.
            torch.default_generator.manual_seed(_seed(self.seed, epoch, seen["source"]))
            if start is None:
                start = clips.random_start(seen["frames"], self.config.clip_frames)
            clip = self._load(seen, start)
            if blends:
                clip = self_blend(clip, self._landmarks(seen, start), chance)
            return self.transform(clip)

    def _real_for(self, fake: pd.Series, chance: torch.Generator) -> pd.Series:
        """A real track of the same source, or of any where that has none."""
        reals = self.reals_of.get(fake["source"], self.reals)
        return self.rows.iloc[reals[int(torch.randint(len(reals), (), generator=chance))]]

    def _load(self, row: pd.Series, start: int) -> torch.Tensor:
        """(T, C, S, S) uint8: the crops from `start` on."""
        try:
            jpegs = crop_files.read(self.root, row["crops"], row["frames"], self._slice(start))
            return clips.decode(jpegs)
        except ValueError as error:
            raise DataError(f"{row['crops']} in {self.root}: {error}") from error

    def _landmarks(self, row: pd.Series, start: int) -> np.ndarray:
        """(T, 5, 2): of the same crops, in their pixels."""
        return landmarks.of_track(self.root, row, self.faces)[self._slice(start)]

    def _slice(self, start: int) -> slice:
        return slice(start, start + self.config.clip_frames)


def collate(items: list[Item]) -> Batch:
    """Items with a problem give way to others of the batch, of the same label where there is one.
    Raise DataError when all have problems."""
    whole = [item for item in items if not item["problem"]]
    problems = [item["problem"] for item in items if item["problem"]]
    if not whole:
        raise DataError(problems[0])
    items = [_stand_in(item, whole) if item["problem"] else item for item in items]
    batch, mask = clips.collate([item["clip"] for item in items])
    return Batch(
        clips=batch,
        mask=mask,
        labels=torch.tensor([item["label"] for item in items]),
        video_ids=[item["video_id"] for item in items],
        tracks=[item["track"] for item in items],
        problems=problems,
    )


def _stand_in(item: Item, whole: list[Item]) -> Item:
    return next((other for other in whole if other["label"] == item["label"]), whole[0])


def _seed(*parts: object) -> int:
    """A seed from a few values; Python's own hash() differs from run to run."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
