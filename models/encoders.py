"""Frame encoders, (N, C, H, W) → (N, E): every convolutional classifier of torchvision by its name,
and those of timm."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop
from torchvision import models

from common.errors import UsageError
from common.registry import suggest

STAGES = ("features", "blocks", "stages")  # names of modules that list an encoder's stages
CLASSES = 1000  # of ImageNet: the layer with as many outputs is the classifier
TRANSFORMERS = ("vit_", "swin", "maxvit")  # fixed to one image size
# Evaluation uses batch norm's running statistics, an average over the last 1 / momentum batches. A
# batch holds few people, and with torch's default 0.1 the validation loss jumped from epoch to
# epoch even where the weights hardly changed.
BATCH_NORM_MOMENTUM = 0.03


@dataclass(frozen=True)
class InputSpec:
    """The input an encoder expects: RGB values in [0, 1], normalised."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Encoder:
    """A frame encoder with random weights and without its classifier."""

    module: nn.Module
    features: int  # E
    spec: InputSpec
    left_out: tuple[str, ...]  # prefixes of the names of the classifier's weights


def build(name: str) -> Encoder:
    """Return an encoder with random weights. Raise UsageError for a name that neither torchvision
    nor timm knows."""
    encoder = _torchvision(name) if name in torchvision_names() else _timm(name)
    for layer in encoder.module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = min(layer.momentum or 1.0, BATCH_NORM_MOMENTUM)
    return encoder


def torchvision_names() -> list[str]:
    """Return the names of torchvision's convolutional classifiers."""
    return [name for name in models.list_models(models) if not name.startswith(TRANSFORMERS)]


def timm_names() -> list[str]:
    """Return the names of timm's models. Raise UsageError without timm."""
    try:
        import timm
    except ImportError as error:
        raise UsageError(
            "encoders beyond torchvision's need timm: pip install -r requirements-extras.txt"
        ) from error
    return timm.list_models()


def _torchvision(name: str) -> Encoder:
    # These two have auxiliary classifiers, and their weights expect inputs that they normalise
    # again themselves.
    options = {"aux_logits": False, "init_weights": False, "transform_input": True}
    module = models.get_model(
        name, weights=None, **options if name in ("googlenet", "inception_v3") else {}
    )
    outputs = {
        layer: module.get_submodule(layer)
        for layer, part in module.named_modules()
        if getattr(part, "out_features", getattr(part, "out_channels", None)) == CLASSES
    }
    classifier, layer = outputs.popitem()  # the last one
    module.set_submodule(classifier, nn.Identity())
    features = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    transform = models.get_model_weights(name).DEFAULT.transforms()
    spec = InputSpec(transform.crop_size[0], tuple(transform.mean), tuple(transform.std))
    left_out = (f"{classifier}.", "AuxLogits.", "aux1.", "aux2.")
    return Encoder(module, features, spec, left_out)


def _timm(name: str) -> Encoder:
    known = timm_names()
    if name not in known:
        hint = suggest(name, [*torchvision_names(), *known])
        raise UsageError(f"unknown --model_name {name!r} (python -m models lists all){hint}")
    import timm

    module: Any = timm.create_model(name, pretrained=False)
    before = set(module.state_dict())
    module.reset_classifier(0)
    left_out = tuple(before - set(module.state_dict()))
    config = timm.data.resolve_model_data_config(module)
    spec = InputSpec(config["input_size"][-1], tuple(config["mean"]), tuple(config["std"]))
    # Some models have a layer of another width between features and classifier.
    features = getattr(module, "head_hidden_size", None) or module.num_features
    return Encoder(module, features, spec, left_out)


def check_size(encoder: Encoder, name: str, size: int) -> None:
    """Raise UsageError when an encoder cannot process images of size × size pixels. Leaves it in
    evaluation mode."""
    if size == encoder.spec.size:
        return
    try:
        with torch.inference_mode():
            encoder.module.eval()(torch.zeros(2, 3, size, size))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(
            f"{name} cannot take images of {size} pixels: change --crop_size"
        ) from error


def stages(encoder: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the parts of an encoder that have weights, in order, with their names."""
    parts: list[tuple[str, nn.Module]] = []
    for name, child in encoder.named_children():
        if name in STAGES:
            parts += [(f"{name}.{inner}", stage) for inner, stage in stages(child)]
        elif any(True for _ in child.parameters()):
            parts.append((name, child))
    return parts


def recompute_blocks(encoder: nn.Module) -> None:
    """Let every block of `encoder` discard its activations and compute them again for the gradient
    (Chen et al. 2016): less memory for a third more time. Raise UsageError for an encoder without
    blocks."""
    blocks = _blocks(encoder)
    if not blocks:
        raise UsageError("--grad_checkpoint: this encoder is one chain of layers, without blocks")
    for block in blocks:
        block.forward = partial(_checkpointed, block.forward)
        for layer in block.modules():
            if isinstance(layer, _BatchNorm) and layer.momentum is not None:
                # Its running statistics now see every batch twice.
                layer.momentum = 1 - math.sqrt(1 - layer.momentum)


def _blocks(module: nn.Module) -> list[nn.Module]:
    """Return the outermost modules inside that are more than a layer or a sequence."""
    blocks: list[nn.Module] = []
    for child in module.children():
        is_a_list = type(child).forward is nn.Module.forward  # a container that is never called
        if isinstance(child, nn.Sequential) or is_a_list:
            blocks += _blocks(child)
        elif list(child.children()):
            blocks.append(child)
    return blocks


def _checkpointed(forward: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
    def compute(*inputs: Any, **named: Any) -> Any:
        # HRNet's blocks modify the list that they are given.
        return forward(*(list(x) if isinstance(x, list) else x for x in inputs), **named)

    # The whole block is computed again, not only what the gradient needs: see the momentum above.
    with set_checkpoint_early_stop(False):
        return checkpoint(compute, *inputs, use_reentrant=False, **named)
