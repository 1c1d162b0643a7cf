"""Initialises batch norm's running statistics from the first training batch."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def init_batch_norm_stats(model: nn.Module) -> Iterator[None]:
    """Set batch norm's running statistics to those of the batch inside the block, which runs the
    first training step; they are averaged over the parts of the batch.

    Otherwise they would start at mean 0 and variance 1, far from any trained network's, which would
    still affect the validation of a run of a hundred steps. Pretrained statistics hardly change,
    because they already count many batches.
    """
    norms = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = None  # cumulative: the mean over all batches so far
    try:
        # Eager: --compile treats the momentum as a constant, and would compile again for this one.
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
