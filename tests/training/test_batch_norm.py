"""The first running statistics of batch norm."""

from torch import nn, rand
from torch._dynamo.testing import CompileCounter

from training.batch_norm import init_batch_norm_stats


def test_the_first_step_is_not_compiled_as_it_differs_from_all_others() -> None:
    counter = CompileCounter()
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, momentum=0.03))
    model.compile(backend=counter)
    with init_batch_norm_stats(model):
        model(rand(4, 2))
    assert (counter.frame_count, model[1].momentum) == (0, 0.03)
    for _ in range(2):
        model(rand(4, 2))
    assert counter.frame_count == 1
