"""Convolutions that do the work of the batch norm behind them: the same features in less time
(docs/benchmarks.md). For judging alone: what is folded cannot be trained.

Shapes: N frames, C channels, H, W, E features.
"""

from functools import partial

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

TOLERANCE = 1e-3  # of a feature, relative to the largest: rounding is a thousand times less


@torch.no_grad()
def fold(encoder: nn.Module, frame: torch.Tensor) -> None:
    """Fold every batch norm of `encoder`, which is in evaluation mode, whose input is what a
    convolution gives. An encoder that then gives other features of `frame` (1, C, H, W), as one may
    that uses a convolution twice, is left as it was."""
    assert not encoder.training
    before, pairs = _look(encoder, frame)
    kept: dict[str, nn.Module] = {}
    for convolution, norm in pairs.items():
        kept |= {name: encoder.get_submodule(name) for name in (convolution, norm)}
        folded = fuse_conv_bn_eval(kept[convolution], kept[norm])
        encoder.set_submodule(convolution, folded)
        encoder.set_submodule(norm, nn.Identity())
    after = encoder(frame)
    if not (after - before).abs().max() <= TOLERANCE * before.abs().max():
        for name, layer in kept.items():
            encoder.set_submodule(name, layer)


def _look(encoder: nn.Module, frame: torch.Tensor) -> tuple[torch.Tensor, dict[str, str]]:
    """Features (1, E), and by the name of a convolution that of the batch norm behind it."""
    made: dict[int, tuple[str, torch.Tensor]] = {}  # kept alive: an address is used again
    pairs: dict[str, str] = {}

    def note_output(name: str, _: nn.Module, __: object, output: torch.Tensor) -> None:
        made[id(output)] = name, output

    def note_input(name: str, _: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if id(inputs[0]) in made:
            pairs[made[id(inputs[0])][0]] = name

    hooks = []
    for name, layer in encoder.named_modules():  # kinds that do more, as timm's, are left alone
        if type(layer) is nn.Conv2d:
            hooks.append(layer.register_forward_hook(partial(note_output, name)))
        elif type(layer) is nn.BatchNorm2d and layer.running_mean is not None:
            hooks.append(layer.register_forward_pre_hook(partial(note_input, name)))
    try:
        return encoder(frame), pairs
    finally:
        for hook in hooks:
            hook.remove()
