"""Stores frozen encoder features on disk and serves them as clips, to train only the head.

features/<key>/00000.npy …   beside the manifest; each holds the features (N, D) float32 of the N
                             crops of up to PART tracks

The key is a hash of everything that the features depend on: the encoder and its weights, the
evaluation transform and the manifest. Shapes: T frames, C channels, H, W, D features of a frame.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from common.errors import DataError
from common.files import replacing_among_others
from common.preprocessing import ClipConfig
from datasets import manifest, shared_memory, transforms
from datasets.video_dataset import Row, VideoDataset, read_crops

PART = 256  # tracks per file: a killed run loses at most one file


class FeatureStore:
    """The features of all tracks in the training and validation splits of `data`. They are stored
    in numbered parts: files of up to PART tracks in the order of the manifest."""

    def __init__(self, data: manifest.Manifest, key: str) -> None:
        tracks = data.table[(data.table["status"] == "ok") & (data.table["split"] != "test")]
        self.data_folder = data.folder
        self.folder = data.folder / "features" / key
        self.tracks = tracks.reset_index(drop=True)
        part = self.tracks.index // PART
        ends = self.tracks.groupby(part)["frames"].cumsum()
        self.locations: dict[tuple[str, int], tuple[int, int]] = {
            (video_id, track): (number, start)
            for video_id, track, number, start in zip(
                self.tracks["video_id"],
                self.tracks["track"],
                part,
                ends - self.tracks["frames"],
                strict=True,
            )
        }
        self.open_parts: dict[int, np.ndarray] = {}

    def missing(self) -> list[int]:
        """Return the numbers of the parts that have no file yet."""
        parts = -(-len(self.tracks) // PART)
        return [number for number in range(parts) if not self._path(number).exists()]

    def rows(self, part: int) -> pd.DataFrame:
        """Return the manifest rows of the tracks in a part."""
        return self.tracks.iloc[part * PART : (part + 1) * PART]

    def write(self, part: int, features: np.ndarray) -> None:
        """Write the features (N, D) of the N crops of a part atomically; NaN marks crops that could
        not be read."""
        assert len(features) == self.rows(part)["frames"].sum()
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing_among_others(self._path(part)) as partial, partial.open("wb") as file:
            np.save(file, features.astype(np.float32))

    def read(self, row: Row, chosen: slice) -> torch.Tensor:
        """Return the features (T, D) float32 of a track's crops, those that the slice `chosen`
        selects. `row` is the track's manifest row. Raise DataError if the crops could not be read
        when the features were computed, or if the part's file is damaged."""
        part, start = self.locations[row["video_id"], row["track"]]
        try:
            if part not in self.open_parts:
                self.open_parts[part] = np.load(self._path(part), mmap_mode="r")
            features = self.open_parts[part][start : start + row["frames"]][chosen].copy()
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{self._path(part)} is damaged: delete it, and training computes it again"
            ) from error
        if np.isnan(features).any():
            raise DataError(
                f"crops {row['crops']} could not be read when features were computed: repair them "
                f"and delete {self._path(part)}"
            )
        return torch.from_numpy(features)

    def _path(self, part: int) -> Path:
        return self.folder / f"{part:05d}.npy"


def key(
    encoder: str, weights: Mapping[str, torch.Tensor], config: ClipConfig, data: manifest.Manifest
) -> str:
    """Return the name of the features that an encoder computes with these weights, clip settings
    and manifest: 16 hexadecimal digits of a hash of all of them."""
    inputs = [PART, encoder, config.crop_size, config.mean, config.std, manifest.fingerprint(data)]
    digest = hashlib.sha256(json.dumps(inputs).encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


class TrackCrops(Dataset[torch.Tensor | None]):
    """A dataset with one item per track: all its crops (T, C, H, W) uint8 after the evaluation
    transform, or None if they cannot be read."""

    def __init__(self, tracks: pd.DataFrame, folder: Path, config: ClipConfig) -> None:
        self.tracks, self.folder = tracks, folder
        self.transform = transforms.eval_transform(config)

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, index: int) -> torch.Tensor | None:
        try:
            return self.transform(read_crops(self.folder, self.tracks.iloc[index]))
        except DataError:
            return None


def collate_tracks(tracks: list[torch.Tensor | None]) -> list[torch.Tensor | None]:
    """Return a batch of items of TrackCrops. Raise RuntimeError in a worker process without enough
    shared memory."""
    shared_memory.share(tracks)
    return tracks


class FeatureDataset(VideoDataset):
    """A VideoDataset with frozen features in place of pixels: `clip` is (T, D)."""

    def __init__(
        self,
        data: manifest.Manifest,
        split: str,
        config: ClipConfig,
        train: bool,
        seed: int = 0,
        *,
        store: FeatureStore,
    ) -> None:
        super().__init__(data, split, config, train, seed, augmentation="none")
        self.store = store
        self.transform = transforms.Steps()
        self.make_pixels = partial(
            VideoDataset, data, split, config, train, seed, augmentation="none"
        )

    @cached_property
    def pixels(self) -> VideoDataset:
        """The same items with pixels as clips, built on first access."""
        return self.make_pixels()

    def _load(self, row: Row, start: int) -> torch.Tensor:
        return self.store.read(row, self._slice(start))
