"""Computes heat maps of the evidence for FAKE in a face, by HiResCAM (Draelos & Carin 2020).

Grad-CAM (Selvaraju et al. 2017) gives each feature map a single weight, and locates evidence less
exactly (docs/benchmarks.md).

Shapes: T frames, C channels, H, W; a feature map has D channels, h, w. K classes.
"""

import torch
import torch.nn.functional as F
from captum.attr import LayerGradientXActivation
from torch import nn

from models.encoders import stages
from models.frame_rnn import FrameModel

MIN_CELLS = 14  # along each side of a feature map: as in ResNet's third stage at 224 px


def heatmaps(model: FrameModel, clip: torch.Tensor) -> torch.Tensor | None:
    """Return heat maps (T, H, W) in [0, 1] of a clip (T, C, H, W) float: 1 where a frame's evidence
    for FAKE is strongest, 0 where it is at most the median of the frame. Return None if the
    encoder's feature maps are too coarse.

    They are relative to the frame, because in a stage before the last one the products of gradient
    and activation do not sum to the logit: of some fakes they are negative everywhere. And where a
    frame is judged alone, its gradient is small if the verdict is clear.
    """
    model.eval()
    clip = clip.to(next(model.parameters()).device)
    layer = _last_fine_stage(model, clip[:1])
    if layer is None:
        return None
    mask = torch.ones(1, len(clip), dtype=torch.bool)

    def fake_logit(frames: torch.Tensor) -> torch.Tensor:
        logits = model(frames[None], mask).float()  # (1, K)
        return logits[:, 1:].logsumexp(dim=1) - logits[:, 0]

    # cuDNN computes no gradients of an LSTM in evaluation mode.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        attribution = LayerGradientXActivation(fake_logit, layer).attribute(clip)  # (T, D, h, w)
    attribution = attribution.detach().float().sum(dim=1, keepdim=True)  # may be bfloat16
    middle = attribution.flatten(1).median(dim=1).values  # (T,)
    attribution = (attribution - middle[:, None, None, None]).relu()
    attribution = F.interpolate(attribution, clip.shape[-2:], mode="bilinear", align_corners=False)
    maps = attribution[:, 0]  # (T, H, W)
    return (maps / maps.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)).cpu()


@torch.no_grad()
def _last_fine_stage(model: FrameModel, frame: torch.Tensor) -> nn.Module | None:
    """Return the encoder's last stage whose feature maps of `frame` (1, C, H, W) have at least
    MIN_CELLS × MIN_CELLS values; None if there is no such stage."""
    sides: dict[nn.Module, int] = {}

    def record_side(stage: nn.Module, _: object, output: object) -> None:
        # Crops are square, so feature maps are too, unless channels are their last dimension.
        if isinstance(output, torch.Tensor) and output.dim() == 4:
            height, width = output.shape[-2:]
            sides[stage] = height if height == width else 0

    hooks = [stage.register_forward_hook(record_side) for _, stage in stages(model.encoder)]
    try:
        model.encode(frame)
    finally:
        for hook in hooks:
            hook.remove()
    fine = [stage for stage, side in sides.items() if side >= MIN_CELLS]
    return fine[-1] if fine else None
