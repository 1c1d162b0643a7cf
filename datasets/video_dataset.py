"""Clips from the rows of a manifest. Shapes: B clips, T frames, C channels, H, W, S side of a
crop."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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

REPLACEMENTS = 3  # items that are tried in place of one that cannot be read


class Item(TypedDict):
    clip: torch.Tensor  # (T, C, H, W) float, normalised; T may be less than clip_frames
    label: int
    video_id: str
    track: int
    problems: list[str]  # of items that could not be read and that this one replaces


class Batch(TypedDict):
    clips: torch.Tensor  # (B, T, C, H, W), zero where padded
    mask: torch.Tensor  # (B, T) bool, True where a frame is real
    labels: torch.Tensor  # (B,) int64
    video_ids: list[str]
    tracks: list[int]
    problems: list[str]  # of items that could not be read and were replaced


@dataclass(frozen=True)
class LoadingError:
    """A batch that could not be read. An exception raised in a loader's worker process would reach
    the main process with its traceback as its message; see `batches`."""

    message: str


class VideoDataset(Dataset[Item]):
    """Training: one item per track, a random clip of it, augmented with the same draw for a real
    video and the fakes made from it. A share `sbi` of the fakes is replaced by self-blends of a
    real track of the same source (datasets/self_blend.py), drawn anew every epoch.

    Evaluation: one item for each of a track's fixed clips.
    """

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
        """Raise DataError when the split has no track with crops. `seed`, `augmentation` (a name in
        augmentations.STRENGTHS) and `sbi` apply to training only; `change` to evaluation only: it
        is applied to every clip (T, C, S, S) uint8."""
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
        # In shared memory, so that worker processes that live longer than an epoch see it change.
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
        self.reals_of_source: dict[str, list[int]] = {
            str(source): rows.tolist() for source, rows in reals.groupby("source").groups.items()
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
        """The same items as pixels; itself, unless a subclass serves features."""
        return self

    def video_labels(self) -> dict[str, int]:
        """Return the label of every video that has an item."""
        return dict(zip(self.rows["video_id"], self.rows["label"].astype(int), strict=True))

    def set_epoch(self, epoch: int) -> None:
        """Select the epoch: random clips and augmentations depend only on seed, epoch and source.
        Call it before a loader starts to iterate, because its workers read ahead."""
        self.epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        """Return an item. In training, an item that cannot be read is replaced by another one with
        the same label. Raise DataError in evaluation, and when the replacements cannot be read."""
        problems: list[str] = []
        for chosen in [index, *(self._replacements(index) if self.train else [])]:
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

    def __getitems__(self, indices: Sequence[int]) -> list[Item] | LoadingError:
        """Return the items of a batch; the DataLoader calls this in place of __getitem__."""
        try:
            return [self[index] for index in indices]
        except DataError as error:
            return LoadingError(str(error))

    def _replacements(self, index: int) -> Iterator[int]:
        """Draw a few items with the same label."""
        labels = np.array(self.labels)
        same = np.flatnonzero(labels == labels[index]).tolist()
        generator = torch.Generator().manual_seed(_seed(self.seed, int(self.epoch), index))
        for position in torch.randint(len(same), (REPLACEMENTS,), generator=generator).tolist():
            yield same[position]

    def _clip(self, row: pd.Series, start: int | None) -> torch.Tensor:
        """Return a row's clip (T, C, H, W) float from `start` on, or from a random start."""
        epoch = int(self.epoch)
        generator = torch.Generator().manual_seed(
            _seed(self.seed, epoch, row["video_id"], row["track"])
        )
        blend = row["label"] == FAKE and bool(torch.rand((), generator=generator) < self.sbi)
        shown = self._real_for(row, generator) if blend else row
        with torch.random.fork_rng(devices=[]):
            # One draw per source: a real and its fakes then differ only by the manipulation. Not
            # torch.manual_seed, which would also reset a GPU's generator, and so its dropout.
            torch.default_generator.manual_seed(_seed(self.seed, epoch, shown["source"]))
            if start is None:
                start = clips.random_start(shown["frames"], self.config.clip_frames)
            clip = self._load(shown, start)
            if blend:
                clip = self_blend(clip, self._landmarks(shown, start), generator)
            if self.hidden_parts and float(torch.rand(())) < self.hidden_parts:
                clip = cut_out(clip, self._landmarks(shown, start))
            return self.transform(clip)

    def _real_for(self, fake: pd.Series, generator: torch.Generator) -> pd.Series:
        """Draw a real track of the fake's source, or of any source if it has none."""
        reals = self.reals_of_source.get(fake["source"], self.reals)
        return self.rows.iloc[reals[int(torch.randint(len(reals), (), generator=generator))]]

    def _load(self, row: pd.Series, start: int) -> torch.Tensor:
        """Return the crops (T, C, S, S) uint8 from `start` on."""
        return read_crops(self.root, row, self._slice(start))

    def _landmarks(self, row: pd.Series, start: int) -> np.ndarray:
        """Return the landmarks (T, 5, 2) of the same crops, in their pixels."""
        return landmarks.track_landmarks(self.root, row, self.faces)[self._slice(start)]

    def _slice(self, start: int) -> slice:
        return slice(start, start + self.config.clip_frames)


def read_crops(folder: Path, row: pd.Series, chosen: slice = slice(None)) -> torch.Tensor:
    """Return the `chosen` crops (T, C, S, S) uint8 of a row of the manifest in `folder`. Raise
    DataError when they cannot be read."""
    try:
        return clips.decode(crop_files.read(folder, row["crops"], row["frames"], chosen))
    except ValueError as error:
        raise DataError(f"{row['crops']} in {folder}: {error}") from error


def collate(items: list[Item]) -> Batch:
    """Form a batch of items."""
    padded, mask = clips.collate([item["clip"] for item in items])
    return Batch(
        clips=padded,
        mask=mask,
        labels=torch.tensor([item["label"] for item in items]),
        video_ids=[item["video_id"] for item in items],
        tracks=[item["track"] for item in items],
        problems=[problem for item in items for problem in item["problems"]],
    )


def collate_loaded(items: list[Item] | LoadingError) -> Batch | LoadingError:
    """Form a batch of what a loader's worker has read."""
    return items if isinstance(items, LoadingError) else collate(items)


def batches(loader: Iterable[Batch | LoadingError]) -> Iterator[Batch]:
    """Yield a loader's batches. Raise DataError for one that could not be read."""
    for batch in loader:
        if isinstance(batch, LoadingError):
            raise DataError(batch.message)
        yield batch


def _seed(*parts: object) -> int:
    """Return a seed that depends only on the values given; Python's own hash() differs from run to
    run."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
