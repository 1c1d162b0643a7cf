"""The layers between the encoder and the temporal head: features (N, E) → (N, D).

By default a linear layer and layer norm; `--head` names others, as detectors of still images have
them on top of a frozen encoder: `flatten,2048,2048`, `batch_norm,512,dropout:0.5`.
"""

from torch import Tensor, nn
from torch.nn import functional

from common.errors import DataError

FLATTEN = "flatten"  # only at the beginning: the encoder's last feature map, instead of its mean
MAX_LAYERS = 12
MAX_WIDTH = 2**14
MAX_WEIGHTS = 2**27  # of one linear layer: half a GB


class BatchNorm(nn.BatchNorm1d):
    """Batch norm of features (N, E) that takes a single frame, the rest of an epoch or of a divided
    batch, with the running statistics: a single frame has no variance."""

    def forward(self, features: Tensor) -> Tensor:
        if self.training and len(features) == 1:
            return functional.batch_norm(
                features, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(features)


def layers_of(head: str) -> list[str]:
    """Return the layers of `--head`, without FLATTEN. Raise DataError if it is not such a list."""
    layers = [part.strip() for part in head.split(",")] if head else []
    if layers and layers[0] == FLATTEN:
        layers = layers[1:]
    if len(layers) > MAX_LAYERS or not all(map(_is_layer, layers)):
        raise DataError(
            f"--head {head!r}: give at most {MAX_LAYERS} layers, separated by commas: a number of "
            f"outputs up to {MAX_WIDTH}, batch_norm, dropout:P with P below 1; {FLATTEN} may be "
            "the first"
        )
    return layers


def is_flat(head: str) -> bool:
    """Return whether `--head` reads the encoder's feature map instead of its mean."""
    return head.partition(",")[0].strip() == FLATTEN


def build(head: str, features: int, embed_dim: int) -> tuple[nn.Sequential, int]:
    """Return the layers and D, the number of their outputs: `embed_dim` if `head` is empty.
    `features` is E. Raise DataError if the layers are not those of a head, or too large."""
    if not head:
        return nn.Sequential(nn.Linear(features, embed_dim), nn.LayerNorm(embed_dim)), embed_dim
    layers: list[nn.Module] = []
    for layer in layers_of(head):
        if layer == "batch_norm":
            layers.append(BatchNorm(features))
        elif layer.startswith("dropout:"):
            layers.append(nn.Dropout(_rate(layer)))
        else:
            if features * int(layer) > MAX_WEIGHTS:
                raise DataError(
                    f"--head {head!r}: a layer of {features} × {layer} weights is too large"
                )
            layers += [nn.Linear(features, int(layer)), nn.ReLU(inplace=True)]
            features = int(layer)
    return nn.Sequential(*layers), features


def _is_layer(text: str) -> bool:
    if text.startswith("dropout:"):
        return 0 <= _rate(text) < 1
    return text == "batch_norm" or (
        text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_WIDTH
    )


def _rate(text: str) -> float:
    try:
        return float(text.removeprefix("dropout:"))
    except ValueError:
        return -1.0  # not a rate
