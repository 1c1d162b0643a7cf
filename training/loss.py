"""The training loss: cross-entropy with smoothing and class weights, or the focal loss.

Shapes: B clips, K classes.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # logits (B, K), labels (B,) → (B,)


def make_loss(smoothing: float, weights: torch.Tensor | None, gamma: float) -> Loss:
    """Return a function that computes the loss of every clip: cross-entropy with labels smoothed by
    `smoothing` (Szegedy et al. 2016) and class weights (K,), or without weights if None. With
    `gamma` above 0 it is the focal loss (Lin et al. 2017), which reduces the weight of clips that
    are already classified correctly."""

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        class_weights = None if weights is None else weights.to(logits.device)
        cross_entropy = nn.functional.cross_entropy(
            logits, labels, class_weights, reduction="none", label_smoothing=smoothing
        )
        if not gamma:
            return cross_entropy
        p_correct = logits.softmax(dim=1).gather(1, labels.unsqueeze(1)).squeeze(1)
        # Clamped, because a power below 1 has an infinite derivative at 0.
        return (1 - p_correct).clamp_min(1e-6) ** gamma * cross_entropy

    return loss


def balanced_weights(labels: Sequence[int], classes: int) -> torch.Tensor:
    """Return weights (K,) that give all classes in `labels` the same total weight. Their mean over
    `labels` is 1; the weight of a class that does not occur is 1."""
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    weights = np.ones(classes)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return torch.tensor(weights, dtype=torch.float32)
