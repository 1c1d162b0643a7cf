"""Builds frame encoders from torchvision's convolutional classifiers and timm's models.

Shapes: an encoder maps (N, C, H, W) → (N, E). N frames, C channels, H, W, E features of a frame.
"""

import copy
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
from models.small_cnn import SIZE, WIDTHS, SmallCNN

STAGES = ("features", "blocks", "stages")  # names of the modules that contain an encoder's stages
CLASSES = 1000  # of ImageNet: the last layer with this many outputs is the classifier
# Prefixes of the names that are left out, because most of these models accept one image size only.
TRANSFORMERS = ("vit_", "swin", "maxvit")
# In evaluation mode, batch norm uses running statistics: an average over roughly the last
# 1 / momentum batches. A batch holds few people, and with PyTorch's default of 0.1 the validation
# loss jumped from epoch to epoch even when the weights hardly changed.
BATCH_NORM_MOMENTUM = 0.03


@dataclass(frozen=True)
class InputSpec:
    """The input that an encoder expects: square RGB images, values in [0, 1], then normalised."""

    size: int  # side of the image in pixels
    mean: tuple[float, float, float]  # of each RGB channel
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Encoder:
    """A frame encoder, without the classifier that it was pretrained with."""

    module: nn.Module
    features: int  # E
    spec: InputSpec
    left_out: tuple[str, ...]  # name prefixes of the classifiers' weights, which are not loaded


def build(name: str, flat: bool = False) -> Encoder:
    """Return the encoder `name` with random weights. The momentum of its batch norms is at most
    BATCH_NORM_MOMENTUM. If `flat`, its features are those of every position of its last feature
    map, not their mean. Raise UsageError if neither torchvision nor timm has this encoder, or if
    its map cannot be had."""
    own = OWN.get(name)
    encoder = own() if own else _torchvision(name) if name in torchvision_names() else _timm(name)
    if flat:
        encoder = _flat(encoder, name)
    for layer in encoder.module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = min(layer.momentum or 1.0, BATCH_NORM_MOMENTUM)
    return encoder


def _small_cnn() -> Encoder:
    grey = (0.5, 0.5, 0.5)
    return Encoder(SmallCNN(), WIDTHS[-1], InputSpec(SIZE, grey, grey), ())


OWN = {"small_cnn": _small_cnn}  # encoders of this project, without pretrained weights


def torchvision_names() -> list[str]:
    """Return the names of torchvision's convolutional classifiers."""
    return [name for name in models.list_models(models) if not name.startswith(TRANSFORMERS)]


def timm_names(tagged: bool = False) -> list[str]:
    """Return the names of timm's models, with their pretrained tags if `tagged`."""
    import timm  # slow

    return timm.list_models(include_tags=tagged)


def timm_name(name: str) -> str:
    """Return today's name of timm's model `name`, which may be a name that timm has given up, such
    as xception, and may have a pretrained tag, such as .ns_jft_in1k. Raise UsageError if timm has
    no such model or tag."""
    known = timm_names()
    import timm

    base, _, tag = name.partition(".")
    current = timm.models.get_deprecated_models().get(base) or base
    base = current.partition(".")[0]
    if base not in known:
        hint = suggest(name, [*OWN, *torchvision_names(), *known])
        raise UsageError(f"unknown --model_name {name!r} (python -m models lists all){hint}")
    if not tag:
        return current
    tagged = timm.list_models(f"{base}.*", include_tags=True)
    if f"{base}.{tag}" not in tagged:
        raise UsageError(
            f"unknown --model_name {name!r}: {base} has no pretrained tag {tag!r}; it has "
            f"{', '.join(tagged) or 'none'}"
        )
    return f"{base}.{tag}"


def _torchvision(name: str) -> Encoder:
    # These two have auxiliary classifiers, which are switched off. Their pretrained weights expect
    # that the model normalises its input once more.
    options = {"aux_logits": False, "init_weights": False, "transform_input": True}
    module = models.get_model(
        name, weights=None, **options if name in ("googlenet", "inception_v3") else {}
    )
    outputs = {
        layer: module.get_submodule(layer)
        for layer, part in module.named_modules()
        if getattr(part, "out_features", getattr(part, "out_channels", None)) == CLASSES
    }
    classifier, layer = outputs.popitem()  # the last entry
    module.set_submodule(classifier, nn.Identity())
    features = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    transform = models.get_model_weights(name).DEFAULT.transforms()
    spec = InputSpec(transform.crop_size[0], tuple(transform.mean), tuple(transform.std))
    left_out = (f"{classifier}.", "AuxLogits.", "aux1.", "aux2.")
    return Encoder(module, features, spec, left_out)


def _timm(name: str) -> Encoder:
    current = timm_name(name)
    import timm

    module: Any = timm.create_model(current, pretrained=False)
    before = set(module.state_dict())
    module.reset_classifier(0)
    left_out = tuple(before - set(module.state_dict()))
    config = timm.data.resolve_model_data_config(module)
    spec = InputSpec(config["input_size"][-1], tuple(config["mean"]), tuple(config["std"]))
    # Some models have a hidden layer of another width between the features and the classifier.
    features = getattr(module, "head_hidden_size", None) or module.num_features
    return Encoder(module, features, spec, left_out)


def _flat(encoder: Encoder, name: str) -> Encoder:
    """Return an encoder whose features are its last feature map, flattened. Images of another size
    than the encoder's own give a map of another size, which is averaged to the same one."""
    module: Any = encoder.module
    own = getattr(module, "avgpool", None)
    if own is not None and own.output_size not in (1, (1, 1)):  # VGG and AlexNet have such a map
        module.classifier = nn.Identity()
        features = _outputs(module, encoder.spec.size)
        return Encoder(module, features, encoder.spec, ("classifier.", *encoder.left_out))
    # torchvision's encoders flatten after pooling; timm's flatten in the layer that pools.
    pooling, after = ("avgpool", []) if own is not None else ("global_pool", [nn.Flatten()])
    try:
        setattr(module, pooling, nn.Sequential(*after))
        features = _outputs(module, encoder.spec.size)
        pool = nn.AdaptiveAvgPool2d(math.isqrt(features // encoder.features))
        setattr(module, pooling, nn.Sequential(pool, *after))
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--head flatten: the feature map of {name} cannot be had") from error
    if features == encoder.features:  # it has no such layer
        raise UsageError(f"--head flatten: the feature map of {name} cannot be had")
    return Encoder(module, features, encoder.spec, encoder.left_out)


def _outputs(module: nn.Module, side: int) -> int:
    """Return the number of outputs of a module for an image of `side` × `side` pixels."""
    on_meta = copy.deepcopy(module).to("meta").eval()
    return on_meta(torch.zeros(1, 3, side, side, device="meta")).shape[1]


def check_size(encoder: Encoder, name: str, size: int) -> None:
    """Raise UsageError if an encoder cannot process images of `size` × `size` pixels. `name` is for
    the message. May leave the encoder in evaluation mode."""
    if size == encoder.spec.size:
        return
    try:
        with torch.inference_mode():
            encoder.module.eval()(torch.zeros(2, 3, size, size))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(
            f"{name} cannot process images of {size} × {size} pixels: choose another --crop_size"
        ) from error


def stages(encoder: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the names and modules of an encoder's stages in order: its children that have weights.
    A child named in STAGES is replaced by the stages inside it."""
    parts: list[tuple[str, nn.Module]] = []
    for name, child in encoder.named_children():
        if name in STAGES:
            parts += [(f"{name}.{inner}", stage) for inner, stage in stages(child)]
        elif any(True for _ in child.parameters()):
            parts.append((name, child))
    return parts


def recompute_blocks(encoder: nn.Module) -> None:
    """Make every block of `encoder` discard its activations in the forward pass and compute them
    again in the backward pass (gradient checkpointing, Chen et al. 2016). A training step then
    needs less memory and a third more time. Raise UsageError if the encoder has no blocks."""
    blocks = _blocks(encoder)
    if not blocks:
        raise UsageError(
            "--grad_checkpoint: this encoder is a chain without blocks: leave the flag out"
        )
    for block in blocks:
        block.forward = partial(_checkpointed, block.forward)
        for layer in block.modules():
            if isinstance(layer, _BatchNorm) and layer.momentum is not None:
                # Its running statistics are now updated twice per batch: the two updates together
                # must have the weight of one.
                layer.momentum = 1 - math.sqrt(1 - layer.momentum)


def _blocks(module: nn.Module) -> list[nn.Module]:
    """Return the outermost modules inside `module` that have children of their own, other than
    sequences and lists of modules."""
    blocks: list[nn.Module] = []
    for child in module.children():
        is_a_list = type(child).forward is nn.Module.forward  # such as ModuleList: never called
        if isinstance(child, nn.Sequential) or is_a_list:
            blocks += _blocks(child)
        elif list(child.children()):
            blocks.append(child)
    return blocks


def _checkpointed(forward: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
    def compute(*inputs: Any, **named: Any) -> Any:
        # HRNet's blocks modify their input list, which the second computation needs unchanged.
        return forward(*(list(x) if isinstance(x, list) else x for x in inputs), **named)

    # Without early stopping the whole block is always computed again, so that each of its batch
    # norms sees every batch exactly twice (see recompute_blocks).
    with set_checkpoint_early_stop(False):
        return checkpoint(compute, *inputs, use_reentrant=False, **named)
