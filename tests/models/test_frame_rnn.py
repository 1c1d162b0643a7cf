"""The model: sees time, treats every video by itself, and is not moved by padding."""

import pytest
import torch
from torch import nn

import models
from datasets.clips import collate
from models import ModelConfig

SMALL = ModelConfig("resnet18", embed_dim=16)


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return models.build(SMALL).eval()


def clips(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(length, 3, 32, 32, generator=generator) for length in lengths]


@torch.no_grad()
def logits(model: nn.Module, items: list[torch.Tensor]) -> torch.Tensor:
    return model(*collate(items))


def test_logits_have_one_row_a_clip_and_one_column_a_class() -> None:
    model = models.build(ModelConfig("resnet18", embed_dim=16, num_classes=5)).eval()
    assert logits(model, clips(2, 3)).shape == (2, 5)


def test_shuffling_frames_changes_the_logits(model: nn.Module) -> None:
    clip = clips(6)[0]
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    assert not torch.allclose(logits(model, [clip]), logits(model, [clip[order]]), atol=1e-4)


def test_the_lstm_itself_sees_the_order_of_frames(model: nn.Module) -> None:
    # With neighbouring changes alike both ways round, only the LSTM can tell forth from back.
    clip = clips(6)[0]
    assert not torch.allclose(logits(model, [clip]), logits(model, [clip.flip(0)]), atol=1e-5)


def test_a_videos_logits_do_not_depend_on_its_batch_neighbours(model: nn.Module) -> None:
    first, second, third = clips(4, 4, 4)
    alone = logits(model, [first])
    assert torch.allclose(logits(model, [first, second])[0], alone[0], atol=1e-5)
    assert torch.allclose(logits(model, [third, first])[1], alone[0], atol=1e-5)


def test_padding_changes_nothing(model: nn.Module) -> None:
    short, long = clips(2, 7)
    assert torch.allclose(logits(model, [short, long])[0], logits(model, [short])[0], atol=1e-5)
    padded, mask = collate([short, long])
    padded[0, 2:] = 1000.0  # whatever stands there must not matter
    with torch.no_grad():
        assert torch.allclose(model(padded, mask)[0], logits(model, [short])[0], atol=1e-5)


def test_padded_frames_never_enter_the_encoder(model: nn.Module) -> None:
    seen: list[int] = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    logits(model, clips(2, 7))
    assert seen == [9]


def test_every_frame_reaches_the_gradient(model: nn.Module) -> None:
    batch, mask = collate(clips(3, 5))
    batch.requires_grad_()
    model(batch, mask).sum().backward()
    used = batch.grad.abs().flatten(2).sum(dim=2) > 0
    assert torch.equal(used, mask)
