"""The first running statistics of batch norm."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def init_batch_norm_stats(model: nn.Module) -> Iterator[None]:
    """Initialise batch norm's running statistics from the batch of the step inside the block: its
    mean over the batch's parts.

    Without this they would start at mean 0 and variance 1, far from any network's, and the
    evaluation of a run of a hundred steps would still depend on that. Pretrained statistics, which
    already count batches, are kept.
    """
    norms = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = None  # cumulative: the mean over all batches counted so far
    try:
        # Eager, because the momentum is part of what --compile compiles: it would compile twice.
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
