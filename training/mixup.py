"""MixUp and CutMix: training clips mixed in pairs, labels too (train.py --mix). A model that sees
mixtures of two people and two labels memorises less."""

import math
from collections.abc import Callable

import torch

ALPHA = 0.2  # both parameters of the beta distribution that mixup draws shares from
CUT_SHARE = 0.5  # share of the batches that cutmix changes

# Clips (b, T, C, H, W), mask (b, T), labels (b,) → mixed clips, the partners' labels (b,), and the
# share that a clip keeps of itself
Mix = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor, float]]


def mixup(
    clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return weighted means of pairs of clips (Zhang et al. 2018). Draws from torch's generator."""
    share = float(torch.distributions.Beta(ALPHA, ALPHA).sample())
    partners, order = _partners(clips, mask)
    return share * clips + (1 - share) * partners, labels[order], share


def cutmix(
    clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Replace a square, the same in all frames, by that of another clip (Yun et al. 2019). Draws
    from torch's generator."""
    if float(torch.rand(())) >= CUT_SHARE:
        return clips, labels, 1.0
    side = clips.shape[-1]
    cut = round(side * math.sqrt(float(torch.rand(()))))
    top, left = (int(torch.randint(side - cut + 1, ())) for _ in range(2))
    partners, order = _partners(clips, mask)
    window = (..., slice(top, top + cut), slice(left, left + cut))
    mixed = clips.clone()
    mixed[window] = partners[window]
    return mixed, labels[order], 1 - cut**2 / side**2


def _partners(clips: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return another clip for each clip, and its number; where the other one has ended, the clip
    itself."""
    order = torch.randperm(len(clips)).to(clips.device)
    valid = mask[order][..., None, None, None]
    return torch.where(valid, clips[order], clips), order


MIXES: dict[str, Mix] = {"mixup": mixup, "cutmix": cutmix}
