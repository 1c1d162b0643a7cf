"""Manifest rows → clips. Shapes: B videos, T frames, C channels, H, W."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from common import crop_files
from common.errors import DataError
from common.preprocessing import ClipConfig
from datasets import clips, landmarks, transforms
from datasets.augmentations import HIDDEN_PARTS
from datasets.cut_out import cut_out
from datasets.manifest import FAKE, REAL, Manifest
from datasets.self_blend import self_blend


class Item(TypedDict):
    clip: torch.Tensor  # (T, C, H, W) float, normalised; T may be less than clip_frames
    label: int
    video_id: str
    track: int
    problems: list[str]  # of items that could not be read, in whose place it stands


OTHERS = 3  # items that are tried in the place of one that cannot be read


class Batch(TypedDict):
    clips: torch.Tensor  # (B, T, C, H, W), zero where padded
    mask: torch.Tensor  # (B, T) bool, True where a frame is real
    labels: torch.Tensor  # (B,) int64
    video_ids: list[str]
    tracks: list[int]
    problems: list[str]  # of items that could not be read, in whose place others stand


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
        change: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        """Raise DataError when the split has no track with crops. `seed`, `augmentation` (a
        name in augmentations.STRENGTHS) and `sbi` are training's alone, `change` evaluation's:
        what becomes of a clip (T, C, S, S) uint8 before it is seen."""
        self.rows: pd.DataFrame = manifest.tracks(split)
        if self.rows.empty:
            raise DataError(
                f"the {split} split of the manifest has no video with a face: choose another "
                "--val_share, --test_share or --seed of preprocess_dfdc.py"
            )
        self.root = manifest.folder
        self.faces = manifest.faces
        self.config = config
        self.train = train
        self.seed = seed
        self.sbi = sbi
        self.hidden_parts = HIDDEN_PARTS[augmentation] if train else 0.0
        # Shared memory: worker processes that live on from epoch to epoch must see it change.
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self.transform = (
            transforms.train_transform(config, augmentation)
            if train
            else transforms.eval_transform(config, change)
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
        return self.rows["label"].iloc[[row for row, _ in self.items]].tolist()

    @property
    def sources(self) -> list[str]:
        """The source of every item."""
        return self.rows["source"].iloc[[row for row, _ in self.items]].tolist()

    @property
    def pixels(self) -> "VideoDataset":
        """The same items, to be looked at."""
        return self

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
        """In training, an item whose crops cannot be read gives way to another of its label.
        Raise DataError in evaluation, and when the others cannot be read either."""
        problems: list[str] = []
        for chosen in [index, *(self._others(index) if self.train else [])]:
            number, start = self.items[chosen]
            row = self.rows.iloc[number]
            try:
                clip = self._clip(row, start)
            except DataError as error:
                problems.append(str(error))
                continue
            return Item(
                clip=clip,
                label=int(row["label"]),
                video_id=row["video_id"],
                track=int(row["track"]),
                problems=problems,
            )
        raise DataError(problems[0])

    def _others(self, index: int) -> Iterator[int]:
        """A few items of the same label, drawn."""
        labels = np.array(self.labels)
        same = np.flatnonzero(labels == labels[index]).tolist()
        draw = torch.Generator().manual_seed(_seed(self.seed, int(self.epoch), index))
        for place in torch.randint(len(same), (OTHERS,), generator=draw).tolist():
            yield same[place]

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
            if self.hidden_parts and float(torch.rand(())) < self.hidden_parts:
                clip = cut_out(clip, self._landmarks(seen, start))
            return self.transform(clip)

    def _real_for(self, fake: pd.Series, chance: torch.Generator) -> pd.Series:
        """A real track of the same source, or of any where that has none."""
        reals = self.reals_of.get(fake["source"], self.reals)
        return self.rows.iloc[reals[int(torch.randint(len(reals), (), generator=chance))]]

    def _load(self, row: pd.Series, start: int) -> torch.Tensor:
        """(T, C, S, S) uint8: the crops from `start` on."""
        return read_crops(self.root, row, self._slice(start))

    def _landmarks(self, row: pd.Series, start: int) -> np.ndarray:
        """(T, 5, 2): of the same crops, in their pixels."""
        return landmarks.of_track(self.root, row, self.faces)[self._slice(start)]

    def _slice(self, start: int) -> slice:
        return slice(start, start + self.config.clip_frames)


def read_crops(folder: Path, row: pd.Series, chosen: slice = slice(None)) -> torch.Tensor:
    """(T, C, S, S) uint8: the `chosen` crops of a row of the manifest in `folder`. Raise DataError
    when they cannot be read."""
    try:
        return clips.decode(crop_files.read(folder, row["crops"], row["frames"], chosen))
    except ValueError as error:
        raise DataError(f"{row['crops']} in {folder}: {error}") from error


def collate(items: list[Item]) -> Batch:
    batch, mask = clips.collate([item["clip"] for item in items])
    return Batch(
        clips=batch,
        mask=mask,
        labels=torch.tensor([item["label"] for item in items]),
        video_ids=[item["video_id"] for item in items],
        tracks=[item["track"] for item in items],
        problems=[problem for item in items for problem in item["problems"]],
    )


def _seed(*parts: object) -> int:
    """A seed from a few values; Python's own hash() differs from run to run."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
