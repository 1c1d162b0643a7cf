"""The exponential moving average of a model's weights (Polyak and Juditsky 1992)."""

import copy

import torch

from models.frame_rnn import FrameModel


class MovingAverage:
    """A copy of a model whose weights and buffers are the moving average of the model's. The decay
    rises to `decay` over the first steps, so that the random start is soon forgotten."""

    def __init__(self, model: FrameModel, decay: float) -> None:
        self.module = copy.deepcopy(model)
        self.decay = decay
        self.updates = 0
        # Lists, because walking through all modules of a deep model takes milliseconds. Counters,
        # such as batch norm's of batches, have no average.
        averages, values = _tensors(self.module), _tensors(model)
        pairs = list(zip(averages, values, strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Add the model's present weights to the average, in a few operations for all tensors and
        without waiting for the device. The first update copies them."""
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.updates else 0.0
        averages, values = zip(*self._floats, strict=True)
        torch._foreach_lerp_(averages, values, 1 - keep)  # exact for values that do not change
        for average, value in self._counters:
            average.copy_(value)
        self.updates += 1


def _tensors(model: FrameModel) -> list[torch.Tensor]:
    return [*(parameter.detach() for parameter in model.parameters()), *model.buffers()]
