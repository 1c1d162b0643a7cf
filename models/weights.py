"""Loads an encoder's weights from torchvision, timm or a local file."""

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import nn
from torchvision import models

from common.checkpoint_limits import check_weights, is_state_dict
from common.errors import UsageError, WeightsError, one_line
from models import packaged_weights
from models.encoders import OWN, Encoder, timm_name, torchvision_names

Weights = dict[str, torch.Tensor]  # a state dict
# Keys under which training scripts store the state dict in their checkpoints.
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
# Prefixes that all keys get when the encoder is part of a wrapper: data-parallel, compiled, …
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "encoder.", "net.")
HEAD = "classify.weight"  # in the weights of a whole detector of this project
# torchvision's DenseNet files are older than the ban on dots in module names: norm.1 is now norm1.
DENSENET_KEY = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)")


def pretrained(name: str) -> Weights:
    """Return the ImageNet weights of the encoder `name` from an installed package
    (packaged_weights.py) or the cache of torchvision or timm; download them if they are not there.
    Raise WeightsError if there are none, if the download fails or a file cannot be read."""
    if name in OWN:
        raise WeightsError(f"{name} has no pretrained weights: add --pretrained False")
    return _torchvision(name) if name in torchvision_names() else _timm(name)


def _torchvision(name: str) -> Weights:
    url = models.get_model_weights(name).DEFAULT.url
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        # The file's name contains the first digits of its SHA-256.
        digest = cached.stem.rpartition("-")[2]
        try:
            torch.hub.download_url_to_file(url, str(cached), hash_prefix=digest)
        except (URLError, OSError, RuntimeError) as error:
            raise WeightsError(
                f"{_unavailable(name, error)}; or put {cached.name} into {cached.parent}"
            ) from error
    return read(cached)


def _timm(name: str) -> Weights:
    import timm

    packaged = packaged_weights.find(name)
    if packaged:
        model = timm.create_model(timm_name(name))
        return packaged_weights.rename(read(packaged), model, packaged)
    try:
        return timm.create_model(timm_name(name), pretrained=True).state_dict()
    except UsageError:
        raise
    except Exception as error:  # network, hub and timm raise exceptions of many types
        raise WeightsError(_unavailable(name, error)) from error


def _unavailable(name: str, error: Exception) -> str:
    return (
        f"no pretrained weights for {name}: the download failed ({one_line(error)}). Use "
        "--pretrained False to start from random weights, or --weights FILE to read a local file"
    )


def read(path: Path) -> Weights:
    """Return the state dict in a local .pth or .safetensors file, without running code from it. It
    may be stored under one of WRAPPERS, as in training checkpoints.

    Raise WeightsError if the file cannot be read or is not a dict of tensors.
    """
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _read_pth(path)
    except Exception as error:  # the loaders raise exceptions of many types
        raise WeightsError(f"{path} is not a weights file: {one_line(error)}") from error
    found = _unwrap(state, depth=3)
    if found is None:
        raise WeightsError(
            f"{path} is not a dict of tensors, and has none under {', '.join(WRAPPERS)}: save the "
            "state_dict of the encoder"
        )
    return found


def _unwrap(value: object, depth: int) -> Weights | None:
    """Return the first state dict in `value`: itself, or one under WRAPPERS, at most `depth` dicts
    below; None if there is none."""
    if not isinstance(value, dict):
        return None
    if value and is_state_dict(value):
        return value
    inner = (_unwrap(value.get(key), depth - 1) for key in WRAPPERS if depth)
    return next((found for found in inner if found is not None), None)


def _read_pth(path: Path) -> Weights:
    check_weights(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def load_encoder(encoder: Encoder, state: Weights, origin: str) -> None:
    """Load `state` into an encoder, except for the classifier's weights and without PREFIXES that
    all other keys have. Of a detector of this project, its encoder is loaded. Raise WeightsError if
    the rest does not fit; its message begins with `origin`, which names the file."""
    if HEAD in state:
        state = {key: value for key, value in state.items() if key.startswith("encoder.")}
    own = tuple(encoder.module.state_dict())
    metadata = getattr(state, "_metadata", {})  # MNASNet reads its version from this
    kept = _without_classifier(state, encoder)
    while prefix := _shared_prefix(kept, own):
        kept = _without_classifier(_without_prefix(kept, prefix), encoder)
        metadata = _without_prefix({f"{key}.": value for key, value in metadata.items()}, prefix)
        metadata = {key.removesuffix("."): value for key, value in metadata.items()}
    renamed: Any = OrderedDict(
        (DENSENET_KEY.sub(r"\1\2", key), value) for key, value in kept.items()
    )
    renamed._metadata = metadata
    load(encoder.module, renamed, origin)


def _without_classifier(state: Weights, encoder: Encoder) -> Weights:
    return {key: value for key, value in state.items() if not key.startswith(encoder.left_out)}


def _shared_prefix(state: Weights, own: tuple[str, ...]) -> str | None:
    """Return the prefix of PREFIXES that all keys of `state` have and that the keys `own` of the
    encoder do not all have; None if there is none."""
    for prefix in PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            return None if all(key.startswith(prefix) for key in own) else prefix
    return None


def _without_prefix(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return `values` without `prefix` at the beginning of the keys, and without other keys."""
    return {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}


def load(module: nn.Module, state: Weights, origin: str) -> None:
    """Load `state` into a module. Raise WeightsError if it does not fit; its message begins with
    `origin`, which names the file."""
    try:
        module.load_state_dict(state)
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{origin} does not fit the model: {one_line(error)}") from error
