import pytest
import torch

import models
from models import ModelConfig

NAMES = ["resnet18", "mobilenet_v3_small", "squeezenet1_1", "convnext_tiny", "xception41"]


@pytest.mark.parametrize("name", NAMES)
def test_a_rebuilt_model_is_the_one_that_gave_the_weights(name: str) -> None:
    config = ModelConfig(name=name, embed_dim=8, temporal="transformer")
    built = models.build(config).eval()
    rebuilt = models.rebuild(config, built.state_dict()).eval()
    clips, mask = torch.rand(1, 2, 3, 64, 64), torch.ones(1, 2, dtype=torch.bool)
    with torch.inference_mode():
        assert torch.equal(rebuilt(clips, mask), built(clips, mask))


def test_rebuilding_draws_nothing() -> None:
    weights = models.build(ModelConfig(name="resnet18", embed_dim=8)).state_dict()
    before = torch.get_rng_state()
    models.rebuild(ModelConfig(name="resnet18", embed_dim=8), weights)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_of_another_model_are_refused() -> None:
    weights = models.build(ModelConfig(name="resnet18", embed_dim=16)).state_dict()
    with pytest.raises(RuntimeError, match="size mismatch"):
        models.rebuild(ModelConfig(name="resnet18", embed_dim=8), weights)
