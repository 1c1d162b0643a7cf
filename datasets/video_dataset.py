"""The dataset of clips of a manifest, and batches of them.

Shapes: B clips, T frames, C channels, H, W, S side of a crop.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from common import crop_files
from common.errors import DataError
from common.preprocessing import ClipConfig
from datasets import clips, landmarks, pseudo_clips, shared_memory, transforms
from datasets.augmentations import HIDDEN_PARTS
from datasets.cut_out import cut_out
from datasets.manifest import FAKE, REAL, Manifest
from datasets.self_blend import self_blend

Row = Mapping[str, Any]  # a row of a manifest
ROW_COLUMNS = (
    "video_id",
    "track",
    "label",
    "source",
    "crops",
    "frames",
    "only_blend",
    "collection",
)
REPLACEMENTS = 3  # other items that are tried if one cannot be read


class Item(TypedDict):
    clip: torch.Tensor  # (T, C, H, W) uint8; T may be less than clip_frames
    label: int
    video_id: str
    track: int
    problems: list[str]  # error messages of the unreadable items that this one replaces


class Batch(TypedDict):
    clips: torch.Tensor  # (B, T, C, H, W) uint8, from a ClipLoader float; zero where padded
    mask: torch.Tensor  # (B, T) bool: True for real frames, False for padding
    labels: torch.Tensor  # (B,) int64
    video_ids: list[str]
    tracks: list[int]
    problems: list[str]  # error messages of unreadable items that were replaced


@dataclass(frozen=True)
class LoadingError:
    """Stands in for a batch that could not be read, until the main process raises DataError. An
    exception in a loader's worker process would arrive there with its whole traceback as its
    message."""

    message: str


class VideoDataset(Dataset[Item]):
    """The clips of one split of a manifest.

    Training: one item per track, a random clip of it. A real video and the fakes made from it get
    the same augmentation. Each fake is replaced with probability `sbi` by a self-blend of a real
    track of its source (datasets/self_blend.py), drawn anew every epoch. If `sbi` is not 0, every
    real track of a source without fakes has one more item, which is always a self-blend of it.

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
        animate: bool = False,
    ) -> None:
        """`seed`, `augmentation` (a name in augmentations.STRENGTHS, or a YAML file) and `sbi` are
        for training only, `change` is for evaluation only: it is applied to every clip (T, C, S, S)
        uint8. With `animate`, tracks of a single crop give whole clips (datasets/pseudo_clips.py).
        Raise DataError if the split has no track with crops, or if self-blends of whole pictures
        are requested, which do not show one face each."""
        whole = manifest.faces.mode == "whole"
        if train and sbi and whole:
            raise DataError(
                "self-blends need crops of faces, and this manifest was made with --faces whole: "
                "leave out --sbi"
            )
        rows = tracks_with_crops(manifest, split)
        rows = rows.assign(collection=manifest.collection_of(rows))
        self.rows = with_self_blends(rows) if train and sbi else rows.assign(only_blend=False)
        # Lists, because taking a row from a table takes longer than augmenting a crop.
        self._columns = {name: self.rows[name].tolist() for name in ROW_COLUMNS}
        self.root = manifest.folder
        self.faces_of = manifest.collections or {"": manifest.faces}
        self.config = config
        self.train = train
        self.seed = seed
        self.sbi, self.animate = sbi, animate
        self.hidden_parts = HIDDEN_PARTS.get(augmentation, 0.0) if train and not whole else 0.0
        self.epoch = 0
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
    def collections(self) -> list[str]:
        """The name of every item's collection; empty names unless manifests were joined."""
        return self.rows["collection"].iloc[[row for row, _ in self.items]].tolist()

    @property
    def pixels(self) -> "VideoDataset":
        """The same items with pixels as clips: `self`, unless a subclass serves features."""
        return self

    def video_labels(self) -> dict[str, int]:
        """Map the video_id of every video that has an item to its label."""
        return dict(zip(self.rows["video_id"], self.rows["label"].astype(int), strict=True))

    def video_collections(self) -> dict[str, str]:
        """Map the video_id of every video that has an item to the name of its collection."""
        return dict(zip(self.rows["video_id"], self.rows["collection"], strict=True))

    def set_epoch(self, epoch: int) -> None:
        """Select the epoch. An item's random choices depend only on the seed, the epoch and the
        item."""
        self.epoch = epoch

    def row(self, number: int) -> Row:
        """Return the manifest row at position `number` of `rows`, as far as reading it needs."""
        return {name: values[number] for name, values in self._columns.items()}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        """Return an item. In training, up to REPLACEMENTS random items with the same label are
        tried if it cannot be read. Raise DataError if no item could be read."""
        problems: list[str] = []
        for chosen in [index, *(self._replacements(index) if self.train else [])]:
            number, start = self.items[chosen]
            row = self.row(number)
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
        """Return the items of a batch, or a LoadingError if one cannot be read. The DataLoader
        calls this instead of __getitem__."""
        try:
            return [self[index] for index in indices]
        except DataError as error:
            return LoadingError(str(error))

    def _replacements(self, index: int) -> Iterator[int]:
        """Yield REPLACEMENTS random indices of items with the same label as the item `index`."""
        labels = np.array(self.labels)
        same = np.flatnonzero(labels == labels[index]).tolist()
        generator = torch.Generator().manual_seed(_seed(self.seed, self.epoch, index))
        for position in torch.randint(len(same), (REPLACEMENTS,), generator=generator).tolist():
            yield same[position]

    def _clip(self, row: Row, start: int | None) -> torch.Tensor:
        """Return the clip (T, C, H, W) uint8 of a manifest row, from the crop at position `start`
        on or, if `start` is None, from a random crop on. A fake may give a self-blend instead."""
        seed = _seed(self.seed, self.epoch, row["video_id"], row["track"])
        generator = torch.Generator().manual_seed(seed)
        drawn = bool(torch.rand((), generator=generator) < self.sbi)
        blend = row["only_blend"] or (row["label"] == FAKE and drawn)
        shown = self._real_for(row, generator) if blend and not row["only_blend"] else row
        with torch.random.fork_rng(devices=[]):
            # The same draw for all videos of a source, so that a real and its fakes differ only by
            # the manipulation. torch.manual_seed would also reset the GPU's generator, and with it
            # dropout.
            torch.default_generator.manual_seed(_seed(self.seed, self.epoch, shown["source"]))
            if start is None:
                start = clips.random_start(shown["frames"], self.config.clip_frames)
            clip, matrices = self._load(shown, start), None
            if self.animate and len(clip) == 1 < self.config.clip_frames:
                frames = self.config.clip_frames
                clip, matrices = pseudo_clips.animate(clip, frames, torch.default_generator)
            if blend:
                clip = self_blend(clip, self._landmarks(shown, start, matrices), generator)
            if self.hidden_parts and float(torch.rand(())) < self.hidden_parts:
                clip = cut_out(clip, self._landmarks(shown, start, matrices))
            return self.transform(clip)

    def _real_for(self, fake: Row, generator: torch.Generator) -> Row:
        """Draw a real track of the fake's source, or of any source if it has none."""
        reals = self.reals_of_source.get(fake["source"], self.reals)
        return self.row(reals[int(torch.randint(len(reals), (), generator=generator))])

    def _load(self, row: Row, start: int) -> torch.Tensor:
        """Return the crops (T, C, S, S) uint8 of a clip that begins at `start`."""
        return read_crops(self.root, row, self._slice(start))

    def _landmarks(self, row: Row, start: int, matrices: np.ndarray | None) -> np.ndarray:
        """Return the landmarks (T, 5, 2) of the crops that `_load` returns, as x, y in their
        pixels; in a clip made from a single crop, moved by its `matrices`."""
        faces = self.faces_of[row["collection"]]
        found = landmarks.track_landmarks(self.root, row, faces)[self._slice(start)]
        return found if matrices is None else pseudo_clips.move(found, matrices)

    def _slice(self, start: int) -> slice:
        return slice(start, start + self.config.clip_frames)


def tracks_with_crops(manifest: Manifest, split: str) -> pd.DataFrame:
    """Return the rows of a split that have crops. Raise DataError if there are none."""
    rows = manifest.tracks(split)
    if rows.empty:
        raise DataError(
            f"the {split} split of the manifest has no video with a face: choose another "
            "--val_share, --test_share or --seed of preprocess_dfdc.py"
        )
    return rows


def with_self_blends(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of a manifest with one more for every real track of a source without fakes: a
    fake that is always a self-blend of the track. The column `only_blend` marks them."""
    with_fakes = set(rows["source"][rows["label"] == FAKE])
    alone = rows[(rows["label"] == REAL) & ~rows["source"].isin(with_fakes)]
    tables = [rows.assign(only_blend=False), alone.assign(label=FAKE, only_blend=True)]
    return pd.concat(tables, ignore_index=True)


def read_crops(folder: Path, row: Row, chosen: slice = slice(None)) -> torch.Tensor:
    """Return crops of one track as (T, C, S, S) uint8 RGB: those at the positions that the slice
    `chosen` selects, by default all. `row` is the track's manifest row, `folder` is the manifest's
    folder. Raise DataError if the crops cannot be read."""
    try:
        return clips.decode(crop_files.read(folder, row["crops"], row["frames"], chosen))
    except ValueError as error:
        raise DataError(f"{row['crops']} in {folder}: {error}") from error


def collate(items: list[Item]) -> Batch:
    """Return a batch of items. Clips shorter than the longest one are zero-padded."""
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
    """Return a batch of the items that `__getitems__` returned, or the LoadingError that it
    returned. Raise RuntimeError in a worker process without enough shared memory."""
    if isinstance(items, LoadingError):
        return items
    batch = collate(items)
    shared_memory.share([batch["clips"], batch["mask"], batch["labels"]])
    return batch


def _seed(*parts: object) -> int:
    """Return a 64-bit seed that depends only on the values of `parts`. Python's hash() of a string
    differs from run to run."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
