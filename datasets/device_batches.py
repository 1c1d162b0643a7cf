"""Moves batches to the device that computes with them, and normalises their pixels there.

Shapes: B clips, T frames, C channels, H, W.
"""

import torch

from common.preprocessing import ClipConfig
from datasets.transforms import Normalise
from datasets.video_dataset import Batch


class DeviceBatches:
    """Returns batches with normalised `clips` and with `clips` and `labels` on a device. The mask
    stays in main memory: models need its values there, and reading them from a GPU would wait for
    it."""

    def __init__(self, config: ClipConfig, device: torch.device) -> None:
        self.normalise = Normalise(config, device)
        self.device = device
        # Copies run beside the computation of the step before, in a stream of their own.
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def __call__(self, batch: Batch) -> Batch:
        """`clips` are pixels (B, T, C, H, W) uint8, or features (B, T, E) float, which stay as they
        are."""
        clips, labels = self._move(batch["clips"], batch["labels"])
        if clips.dtype == torch.uint8:
            clips = self.normalise(clips)
            if not batch["mask"].all():
                clips *= self._move(batch["mask"])[0][..., None, None, None]  # padding is 0
        return Batch(**batch | {"clips": clips, "labels": labels})

    def _move(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        if self.stream is None:
            return [tensor.to(self.device) for tensor in tensors]
        with torch.cuda.stream(self.stream):
            moved = [tensor.to(self.device, non_blocking=True) for tensor in tensors]
        current = torch.cuda.current_stream(self.device)
        current.wait_stream(self.stream)
        for tensor in moved:
            tensor.record_stream(current)  # its memory is reused only after the step
        return moved
