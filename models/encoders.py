"""Frame encoders from torchvision: (N, C, H, W) → (N, D), and where their weights come from."""

from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
from torch import nn
from torchvision import models

from errors import WeightsError

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


@dataclass(frozen=True)
class InputSpec:
    """What an encoder expects: RGB values in [0, 1], normalised."""

    size: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


def resnet(name: str) -> tuple[nn.Module, int]:
    """A ResNet (He et al. 2016) without its classifier, randomly initialised, and its D."""
    encoder = models.get_model(name, weights=None)
    features = encoder.fc.in_features
    encoder.fc = nn.Identity()
    return encoder, features


def pretrained_weights(name: str) -> dict[str, torch.Tensor]:
    """torchvision's default ImageNet weights of `name`: from torch's cache, else downloaded.

    Raise WeightsError when they are neither there nor to be had.
    """
    url = models.get_model_weights(name).DEFAULT.url
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        # torchvision writes the first digits of the file's SHA-256 into its name.
        digest = cached.stem.rpartition("-")[2]
        try:
            torch.hub.download_url_to_file(url, str(cached), hash_prefix=digest)
        except (URLError, OSError, RuntimeError) as error:
            raise WeightsError(
                f"no pretrained weights for {name}: the download failed ({error}). Ways out: "
                f"--pretrained False starts from random weights; --weights FILE takes a local "
                f"file; or put {cached.name} into {cached.parent}"
            ) from error
    return read_weights(cached)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """A state dict from a local file, never running code from it. Raise WeightsError."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds for a file that is not its own
        raise WeightsError(f"{path} is not a file of weights: {_first_line(error)}") from error
    if not isinstance(state, dict) or not all(torch.is_tensor(v) for v in state.values()):
        raise WeightsError(f"{path} does not hold a dict of tensors")
    return state


def load_weights(encoder: nn.Module, state: dict[str, torch.Tensor], origin: str) -> None:
    """Put `state` into `encoder`; the classifier's weights are left out, all else must fit."""
    wanted = {k: v for k, v in state.items() if not k.startswith("fc.")}
    try:
        encoder.load_state_dict(wanted)
    except RuntimeError as error:
        raise WeightsError(f"{origin} does not fit the encoder: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
