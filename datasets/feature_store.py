"""What a frozen encoder makes of every crop, on disk: all that epochs of the head alone read.

features/<key>/00000.npy …   beside the manifest, each float32 (crops of PART tracks, D)

The key is a hash of all that the features follow from: the encoder and its weights, the
evaluation transform, and the manifest. Shapes: T frames, C channels, H, W, D features of a frame.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import Dataset

from common.errors import DataError
from common.files import replacing_among_others
from common.preprocessing import ClipConfig
from datasets import manifest, transforms
from datasets.video_dataset import VideoDataset, read_crops

PART = 256  # tracks: what a kill loses at most


class FeatureStore:
    """The features of the tracks of `data` that training and validation read."""

    def __init__(self, data: manifest.Manifest, key: str) -> None:
        tracks = data.table[(data.table["status"] == "ok") & (data.table["split"] != "test")]
        self.data_folder = data.folder
        self.folder = data.folder / "features" / key
        self.tracks = tracks.reset_index(drop=True)
        part = self.tracks.index // PART
        ends = self.tracks.groupby(part)["frames"].cumsum()
        self.places: dict[tuple[str, int], tuple[int, int]] = {
            (video_id, track): (number, start)
            for video_id, track, number, start in zip(
                self.tracks["video_id"],
                self.tracks["track"],
                part,
                ends - self.tracks["frames"],
                strict=True,
            )
        }
        self.opened: dict[int, np.ndarray] = {}

    def missing(self) -> list[int]:
        """Parts that are not computed yet."""
        parts = -(-len(self.tracks) // PART)
        return [number for number in range(parts) if not self._path(number).exists()]

    def rows(self, part: int) -> pd.DataFrame:
        return self.tracks.iloc[part * PART : (part + 1) * PART]

    def write(self, part: int, features: np.ndarray) -> None:
        """(crops of the part, D); NaN for those that cannot be read."""
        assert len(features) == self.rows(part)["frames"].sum()
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing_among_others(self._path(part)) as partial, partial.open("wb") as file:
            np.save(file, features.astype(np.float32))

    def read(self, row: pd.Series, chosen: slice) -> torch.Tensor:
        """(T, D) float: of the `chosen` crops of a track. Raise DataError where they could not be
        read, or the file can no longer be."""
        part, start = self.places[row["video_id"], row["track"]]
        try:
            if part not in self.opened:
                self.opened[part] = np.load(self._path(part), mmap_mode="r")
            features = self.opened[part][start : start + row["frames"]][chosen].copy()
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{self._path(part)} is damaged: delete it, and training computes it again"
            ) from error
        if np.isnan(features).any():
            raise DataError(
                f"crops {row['crops']} could not be read when features were computed: mend them "
                f"and delete {self._path(part)}"
            )
        return torch.from_numpy(features)

    def _path(self, part: int) -> Path:
        return self.folder / f"{part:05d}.npy"


def key(
    encoder: str, weights: Mapping[str, torch.Tensor], config: ClipConfig, data: manifest.Manifest
) -> str:
    """Of the features of the encoder of that name."""
    made_of = [PART, encoder, config.crop_size, config.mean, config.std, manifest.fingerprint(data)]
    digest = hashlib.sha256(json.dumps(made_of).encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


class TrackCrops(Dataset[torch.Tensor | None]):
    """All crops of every track (T, C, H, W) as evaluation sees them; None where they cannot be
    read."""

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


class FeatureDataset(VideoDataset):
    """The same items with features in the place of pixels: `clip` is (T, D)."""

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
        self.transform = nn.Identity()
        self.show = partial(VideoDataset, data, split, config, train, seed, augmentation="none")

    @cached_property
    def pixels(self) -> VideoDataset:
        return self.show()  # not before somebody looks

    def _load(self, row: pd.Series, start: int) -> torch.Tensor:
        return self.store.read(row, self._slice(start))
