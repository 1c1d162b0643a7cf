"""Removes the padding of clips before the encoder, and restores it afterwards.

Masks stay in main memory: their values are needed to know the shapes, and reading them from a GPU
would wait until it has computed everything before.

Shapes: B clips, T frames, N frames that are not padding, D values of a frame. A mask (B, T) bool is
True for real frames and False for padding.
"""

import torch


def remove(clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the real frames (N, ...) of clips (B, T, ...)."""
    frames = clips.flatten(0, 1)
    return frames if mask.all() else frames[_positions(mask, frames)]


def restore(frames: torch.Tensor, mask: torch.Tensor, value: float = 0.0) -> torch.Tensor:
    """Return clips (B, T, D) with the real frames (N, D), and with `value` as padding."""
    if mask.all():
        return frames.unflatten(0, mask.shape)
    padded = frames.new_full((mask.numel(), frames.shape[1]), value)
    return padded.index_copy(0, _positions(mask, frames), frames).unflatten(0, mask.shape)


def _positions(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return the positions (N,) of real frames among all B * T frames, on the device of `like`."""
    return mask.flatten().nonzero().squeeze(1).to(like.device, non_blocking=True)
