"""Where in a face the evidence for FAKE is: HiResCAM (Draelos & Carin 2020), by captum. Grad-CAM
(Selvaraju et al. 2017) weighs whole maps, and points worse: see docs/benchmarks.md.

Shapes: T frames, C channels, H, W.
"""

import torch
import torch.nn.functional as F
from captum.attr import LayerGradientXActivation
from torch import nn

from models.encoders import stages
from models.frame_rnn import FrameModel

CELLS = 14  # of a map along each side at least: as many as ResNet's third stage has at 224 px


def heatmaps(model: FrameModel, clip: torch.Tensor) -> torch.Tensor | None:
    """(T, C, H, W) float as the model sees it → (T, H, W) in [0, 1], 1 where the clip's evidence
    for FAKE is strongest; all 0 where there is none. None for an encoder without maps that are fine
    enough to say where."""
    model.eval()
    clip = clip.to(next(model.parameters()).device)
    layer = _last_fine_stage(model, clip[:1])
    if layer is None:
        return None
    mask = torch.ones(1, len(clip), dtype=torch.bool, device=clip.device)

    def odds_of_fake(frames: torch.Tensor) -> torch.Tensor:
        logits = model(frames[None], mask).float()  # (1, K)
        return logits[:, 1:].logsumexp(dim=1) - logits[:, 0]

    # cuDNN computes no gradients of an LSTM in evaluation mode.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        found = LayerGradientXActivation(odds_of_fake, layer).attribute(clip)  # (T, D, h, w)
    found = found.detach().float().sum(dim=1, keepdim=True).relu()  # from bfloat16
    found = F.interpolate(found, clip.shape[-2:], mode="bilinear", align_corners=False)
    maps = found[:, 0]  # (T, H, W)
    return (maps / maps.max().clamp_min(1e-12)).cpu()


@torch.no_grad()
def _last_fine_stage(model: FrameModel, frame: torch.Tensor) -> nn.Module | None:
    """The last stage of the encoder whose maps have CELLS × CELLS cells or more."""
    sides: dict[nn.Module, int] = {}

    def note(stage: nn.Module, _: object, output: object) -> None:
        # Crops are square, and so are maps, unless channels come last.
        if isinstance(output, torch.Tensor) and output.dim() == 4:
            height, width = output.shape[-2:]
            sides[stage] = height if height == width else 0

    hooks = [stage.register_forward_hook(note) for _, stage in stages(model.encoder)]
    try:
        model.encode(frame)
    finally:
        for hook in hooks:
            hook.remove()
    fine = [stage for stage, side in sides.items() if side >= CELLS]
    return fine[-1] if fine else None
