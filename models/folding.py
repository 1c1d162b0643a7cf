"""Convolutions that do the work of the batch norm behind them: the same features in less time
(docs/benchmarks.md). For judging alone: what is folded cannot be trained.

Shapes: N frames, C channels, H, W, E features.
"""

from functools import partial

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

TOLERANCE = 1e-4  # of a feature, relative to the largest: rounding is a hundred times less
SIDE = 96  # pixels of the frame that is looked at: what feeds what does not depend on it


@torch.no_grad()
def fold(encoder: nn.Module) -> None:
    """Fold every batch norm of `encoder`, which is in evaluation mode and on the CPU (GPUs round
    too much to tell), whose input is what a convolution gives. Left as it was: an encoder that
    then gives other features, as one may that uses a convolution twice, or that takes no frames of
    SIDE pixels."""
    assert not encoder.training
    frame = torch.linspace(-2, 2, 3 * SIDE**2).view(1, 3, SIDE, SIDE)  # (N, C, H, W)
    try:
        before, pairs = _look(encoder, frame)
    except (RuntimeError, AssertionError, ValueError):  # as encoders of one size raise
        return
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
        if id(inputs[0]) in made and name not in pairs.values():
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
