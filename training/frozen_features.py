"""What a frozen encoder makes of every crop, computed once (train.py --freeze all).

Shapes: N crops, T frames, C channels, H, W, D features of a frame.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from common import distributed
from common.preprocessing import ClipConfig
from common.signals import ignore_signals
from datasets import samplers
from datasets.feature_store import FeatureStore, TrackCrops

IMAGES = 64  # that go through the encoder at once, at most


@torch.inference_mode()
def compute(encoder: nn.Module, store: FeatureStore, config: ClipConfig, workers: int) -> None:
    """Fill the parts that `store` lacks; processes that train together share them. Crops that
    cannot be read are left to training, which replaces a few."""
    missing = distributed.gather(store.missing())[0]  # parts may appear while processes look
    rank, processes = distributed.rank(), distributed.world_size()
    mine = [missing[i] for i in samplers.share(len(missing), rank, processes)]
    encoder.eval()
    total = sum(len(store.rows(part)) for part in mine)
    hidden = None if distributed.is_first() else True
    with tqdm(desc="features", total=total, unit="track", leave=False, disable=hidden) as bar:
        for part in mine:
            store.write(part, _features(encoder, store, part, config, workers, bar))
    distributed.gather(None)  # the others' parts are there, too


def _features(
    encoder: nn.Module,
    store: FeatureStore,
    part: int,
    config: ClipConfig,
    workers: int,
    bar: tqdm,
) -> np.ndarray:
    """(N, D) float32 of a part's crops, NaN where they cannot be read."""
    rows = store.rows(part)
    loader = DataLoader(
        TrackCrops(rows, store.data_folder, config),
        max(1, IMAGES // int(rows["frames"].max())),
        num_workers=workers,
        collate_fn=list,
        worker_init_fn=ignore_signals,
        generator=torch.Generator(),  # training must draw the same whether these were there or not
    )
    found: list[torch.Tensor | None] = []
    for tracks in loader:
        found += _encode(encoder, tracks)
        bar.update(len(tracks))
    widths = {features.shape[1] for features in found if features is not None} or {1}
    lost = np.full((1, widths.pop()), math.nan, np.float32)
    return np.concatenate(
        [
            lost.repeat(frames, axis=0) if features is None else features.numpy()
            for frames, features in zip(rows["frames"], found, strict=True)
        ]
    )


def _encode(encoder: nn.Module, tracks: list[torch.Tensor | None]) -> list[torch.Tensor | None]:
    """(T, C, H, W) → (T, D) of every track, None where there is none."""
    device = next(encoder.parameters()).device
    readable = [crops for crops in tracks if crops is not None]
    if not readable:
        return [None] * len(tracks)
    pixels = torch.cat(readable).to(device, memory_format=torch.channels_last)  # (N, C, H, W)
    encoded = torch.cat([encoder(images).float().cpu() for images in pixels.split(IMAGES)])
    features = iter(encoded.split([len(crops) for crops in readable]))
    return [None if crops is None else next(features) for crops in tracks]
