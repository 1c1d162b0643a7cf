"""The model: sees time, treats every video by itself, and is not moved by padding."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import models
from datasets.clips import collate
from models import ModelConfig

SMALL = ModelConfig(name="resnet18", embed_dim=16)


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return models.build(SMALL).eval()


@pytest.fixture(params=["lstm", "none"])
def any_model(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return models.build(replace(SMALL, temporal=request.param)).eval()


def clips(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(length, 3, 32, 32, generator=generator) for length in lengths]


@torch.no_grad()
def logits(model: nn.Module, items: list[torch.Tensor]) -> torch.Tensor:
    return model(*collate(items))


def test_logits_have_one_row_a_clip_and_one_column_a_class() -> None:
    model = models.build(ModelConfig(name="resnet18", embed_dim=16, num_classes=5)).eval()
    assert logits(model, clips(2, 3)).shape == (2, 5)


def test_an_encoder_that_judges_in_bfloat16_hands_float32_to_the_head(any_model: nn.Module) -> None:
    frames = clips(4)[0]
    with torch.inference_mode():
        exact = any_model.encode(frames)
        any_model.encoder_dtype = torch.bfloat16
        coarse = any_model.encode(frames)
    assert coarse.dtype == torch.float32
    assert not torch.equal(coarse, exact)
    assert torch.allclose(coarse, exact, atol=0.05 * exact.abs().max())


def test_shuffling_frames_changes_the_logits(model: nn.Module) -> None:
    clip = clips(6)[0]
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    assert not torch.allclose(logits(model, [clip]), logits(model, [clip[order]]), atol=1e-4)


def test_the_lstm_itself_sees_the_order_of_frames(model: nn.Module) -> None:
    # With neighbouring changes alike both ways round, only the LSTM can tell forth from back.
    clip = clips(6)[0]
    assert not torch.allclose(logits(model, [clip]), logits(model, [clip.flip(0)]), atol=1e-5)


def test_a_videos_logits_do_not_depend_on_its_batch_neighbours(any_model: nn.Module) -> None:
    first, second, third = clips(4, 4, 4)
    alone = logits(any_model, [first])
    assert torch.allclose(logits(any_model, [first, second])[0], alone[0], atol=1e-5)
    assert torch.allclose(logits(any_model, [third, first])[1], alone[0], atol=1e-5)


def test_padding_changes_nothing(any_model: nn.Module) -> None:
    short, long = clips(2, 7)
    assert torch.allclose(
        logits(any_model, [short, long])[0], logits(any_model, [short])[0], atol=1e-5
    )
    padded, mask = collate([short, long])
    padded[0, 2:] = 1000.0  # whatever stands there must not matter
    with torch.no_grad():
        assert torch.allclose(any_model(padded, mask)[0], logits(any_model, [short])[0], atol=1e-5)


def test_padded_frames_never_enter_the_encoder(any_model: nn.Module) -> None:
    seen: list[int] = []
    any_model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    logits(any_model, clips(2, 7))
    assert seen == [9]


def test_every_frame_reaches_the_gradient(any_model: nn.Module) -> None:
    batch, mask = collate(clips(3, 5))
    batch.requires_grad_()
    any_model(batch, mask).sum().backward()
    used = batch.grad.abs().flatten(2).sum(dim=2) > 0
    assert torch.equal(used, mask)


@torch.no_grad()
def test_without_a_head_a_clips_probabilities_are_the_mean_of_its_frames() -> None:
    torch.manual_seed(0)
    model = models.build(replace(SMALL, temporal="none", num_classes=3)).eval()
    clip = clips(5)[0]
    frames = logits(model, list(clip.unsqueeze(1))).softmax(dim=1)  # (5, 3)
    assert torch.allclose(logits(model, [clip]).exp()[0], frames.mean(dim=0), atol=1e-6)
    assert frames.std(dim=0).min() > 1e-4, "the frames differ"
