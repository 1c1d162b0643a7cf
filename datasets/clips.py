"""Forms clips from the crops of a track, decodes JPEG bytes to tensors and pads clips to batches.

Training, evaluation and scoring all read crops through this module, so that they get equal pixels.
"""

import cv2
import numpy as np
import torch


def fixed_starts(crops: int, clip_frames: int) -> list[int]:
    """Return the position of the first crop of each clip that evaluation uses. Together the clips
    cover all `crops` crops of a track, with as little overlap as possible. A track shorter than
    `clip_frames` gives one short clip."""
    if crops <= clip_frames:
        return [0]
    count = -(-crops // clip_frames)
    return [round(i * (crops - clip_frames) / (count - 1)) for i in range(count)]


def random_start(crops: int, clip_frames: int) -> int:
    """Draw the position of a training clip's first crop from torch's global generator; 0 if the
    track is shorter than a clip."""
    return int(torch.randint(max(1, crops - clip_frames + 1), ()))


def decode(jpegs: list[bytes]) -> torch.Tensor:
    """Decode the JPEG bytes of T crops to (T, C, H, W) uint8 RGB. Raise ValueError if a crop is
    damaged."""
    crops = []
    for position, data in enumerate(jpegs):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if image is None:
            raise ValueError(f"crop {position} of the clip is not a JPEG")
        crops.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)


def collate(clips: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return B clips (T_i, C, H, W), zero-padded to a batch (B, T, C, H, W), and a mask (B, T)
    bool: True for real frames, False for padding. Features (T_i, D) are padded in the same way."""
    frames = max(len(clip) for clip in clips)
    # Not new_zeros: most batches have no padding, and filling them twice takes time.
    batch = clips[0].new_empty(len(clips), frames, *clips[0].shape[1:])
    mask = torch.zeros(len(clips), frames, dtype=torch.bool)
    for i, clip in enumerate(clips):
        batch[i, : len(clip)] = clip
        batch[i, len(clip) :] = 0
        mask[i, : len(clip)] = True
    return batch, mask
