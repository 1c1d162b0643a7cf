"""Computes a frozen encoder's features of every crop once (train.py --freeze all).

Shapes: N crops, T frames, C channels, H, W, E features of a frame.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from common import distributed
from common.preprocessing import ClipConfig
from datasets import samplers
from datasets.feature_store import FeatureStore, TrackCrops, collate_tracks
from datasets.loaders import worker_settings
from datasets.transforms import Normalise

MAX_IMAGES = 64  # per forward pass of the encoder


@torch.inference_mode()
def compute(encoder: nn.Module, store: FeatureStore, config: ClipConfig, workers: int) -> None:
    """Compute the parts of the features that `store` lacks, and write them to it.

    Each process computes its share of the parts and then waits for the others. Crops that cannot be
    read get NaN features, which training treats as clips that cannot be read. Puts `encoder` into
    evaluation mode.
    """
    missing = distributed.gather(store.missing())[0]  # rank 0's, as parts may appear meanwhile
    rank, processes = distributed.rank(), distributed.world_size()
    own_parts = [missing[i] for i in samplers.share(len(missing), rank, processes)]
    encoder.eval()
    total = sum(len(store.rows(part)) for part in own_parts)
    hidden = None if distributed.is_first() else True
    with tqdm(desc="features", total=total, unit="track", leave=False, disable=hidden) as bar:
        for part in own_parts:
            store.write(part, _features(encoder, store, part, config, workers, bar))
    distributed.gather(None)  # wait until all parts exist


def _features(
    encoder: nn.Module,
    store: FeatureStore,
    part: int,
    config: ClipConfig,
    workers: int,
    bar: tqdm,
) -> np.ndarray:
    """Return the features (N, E) float32 of the crops of a part; NaN if they cannot be read."""
    rows = store.rows(part)
    batch_size = max(1, MAX_IMAGES // int(rows["frames"].max()))
    loader = DataLoader(
        TrackCrops(rows, store.data_folder, config),
        batch_size,
        collate_fn=collate_tracks,
        generator=torch.Generator(),  # training needs torch's global generator unchanged
        **worker_settings(workers, batch_size),
    )
    features_of_track: list[torch.Tensor | None] = []
    normalise = Normalise(config, next(encoder.parameters()).device)
    for tracks in loader:
        features_of_track += _encode(encoder, normalise, tracks)
        bar.update(len(tracks))
    widths = {encoded.shape[1] for encoded in features_of_track if encoded is not None} or {1}
    nan_row = np.full((1, widths.pop()), math.nan, np.float32)
    return np.concatenate(
        [
            nan_row.repeat(frames, axis=0) if encoded is None else encoded.numpy()
            for frames, encoded in zip(rows["frames"], features_of_track, strict=True)
        ]
    )


def _encode(
    encoder: nn.Module, normalise: Normalise, tracks: list[torch.Tensor | None]
) -> list[torch.Tensor | None]:
    """Return the features (T, E) of each track's crops (T, C, H, W) uint8; None for a track that
    could not be read."""
    readable = [crops for crops in tracks if crops is not None]
    if not readable:
        return [None] * len(tracks)
    parts = torch.cat(readable).split(MAX_IMAGES)
    computed = torch.cat([_features_of(encoder, normalise, pixels) for pixels in parts])
    features = iter(computed.split([len(crops) for crops in readable]))
    return [None if crops is None else next(features) for crops in tracks]


def _features_of(encoder: nn.Module, normalise: Normalise, pixels: torch.Tensor) -> torch.Tensor:
    """Return the features (N, E) in main memory of crops (N, C, H, W) uint8."""
    images = normalise(pixels.to(normalise.device))
    return encoder(images.contiguous(memory_format=torch.channels_last)).float().cpu()
