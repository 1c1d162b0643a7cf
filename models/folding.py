"""Folds batch norms into the convolutions before them: the same features in less time.

Only for scoring: a folded encoder must not be trained. docs/benchmarks.md has the timings. Training
validates with folded copies, so that thresholds are fitted to the scores of the model that judges.

Shapes: N frames, C channels, H, W, E features.
"""

import copy
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.frame_rnn import FrameModel

# Largest change of a feature, relative to the largest feature; rounding changes it 100 times less.
TOLERANCE = 1e-4
NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm)  # the latter in training with several processes
SIDE = 96  # of the trial frame in pixels; any size shows which layer follows which


def folded_copy(model: FrameModel) -> FrameModel:
    """Return a copy of `model` on its device, in evaluation mode and with a folded encoder: the
    model that a checkpoint of it will judge with."""
    copied = copy.deepcopy(model).cpu().eval()
    fold(copied.encoder)
    return copied.to(next(model.parameters()).device)


@torch.no_grad()
def fold(encoder: nn.Module) -> None:
    """Fold every batch norm of `encoder` whose input is a convolution's output into that
    convolution, in place.

    The encoder must be in evaluation mode and on the CPU, because a GPU's rounding could exceed
    TOLERANCE. It is left unchanged if folding changes its features, for example because it uses a
    convolution twice, or if it does not accept frames of SIDE × SIDE pixels.
    """
    assert not encoder.training
    frame = torch.linspace(-2, 2, 3 * SIDE**2).view(1, 3, SIDE, SIDE)  # (N, C, H, W)
    try:
        before, pairs = _trace(encoder, frame)
    except (RuntimeError, AssertionError, ValueError):  # an encoder fixed to another size
        return
    kept: dict[str, Any] = {}
    for convolution, norm in pairs.items():
        kept |= {name: encoder.get_submodule(name) for name in (convolution, norm)}
        folded = fuse_conv_bn_eval(kept[convolution], kept[norm])
        encoder.set_submodule(convolution, folded)
        encoder.set_submodule(norm, nn.Identity())
    after = encoder(frame)
    if not (after - before).abs().max() <= TOLERANCE * before.abs().max():
        for name, layer in kept.items():
            encoder.set_submodule(name, layer)


def _trace(encoder: nn.Module, frame: torch.Tensor) -> tuple[torch.Tensor, dict[str, str]]:
    """Return the features (1, E) of `frame` (1, C, H, W), and a dict: the name of a convolution →
    the name of the batch norm directly after it."""
    # By id. The outputs are kept alive, because another tensor could reuse the id of a freed one.
    outputs: dict[int, tuple[str, torch.Tensor]] = {}
    pairs: dict[str, str] = {}

    def note_output(name: str, _: nn.Module, __: object, output: torch.Tensor) -> None:
        outputs[id(output)] = name, output

    def note_input(name: str, _: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if id(inputs[0]) in outputs and name not in pairs.values():
            pairs[outputs[id(inputs[0])][0]] = name

    hooks = []
    for name, layer in encoder.named_modules():  # exact types: timm's subclasses do more
        if type(layer) is nn.Conv2d:
            hooks.append(layer.register_forward_hook(partial(note_output, name)))
        elif type(layer) in NORMS and layer.running_mean is not None:
            hooks.append(layer.register_forward_pre_hook(partial(note_input, name)))
    try:
        return encoder(frame), pairs
    finally:
        for hook in hooks:
            hook.remove()
