"""Every encoder by its name gives D features a frame, and takes its own weights."""

import copy
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

import models
from common import errors
from common.errors import UsageError
from models import __main__ as listing
from models import encoders

# They compute their widths with tensors, or more memory than it is worth.
NOT_ON_META = [name for name in encoders.torchvision_names() if name.startswith("regnet")]
LIGHT = [name for name in encoders.torchvision_names() if name not in NOT_ON_META]
FAMILIES = {re.match(r"[a-z]+", name)[0]: name for name in reversed(LIGHT)}
BEYOND = ["xception41", "legacy_xception", "tf_efficientnet_b0", "convnextv2_atto", "ghostnet_100"]


def on_meta(name: str) -> tuple[encoders.Encoder, torch.Size]:
    """An encoder and the shape that it gives for two images, without computing anything."""
    with torch.device("meta"):
        encoder = encoders.build(name)
        images = torch.empty(2, 3, encoder.spec.size, encoder.spec.size)
        return encoder, encoder.module.eval()(images).shape


def test_torchvisions_convolutional_classifiers_are_all_there() -> None:
    names = encoders.torchvision_names()
    assert {"resnet152", "vgg16", "efficientnet_b0", "convnext_tiny", "densenet121"} <= set(names)
    assert len(names) > 60
    assert not any("vit" in name or "swin" in name for name in names)


@pytest.mark.parametrize(
    "name",
    [
        *FAMILIES.values(),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in LIGHT
            if name not in FAMILIES.values()
        ),
        *BEYOND,
    ],
)
def test_an_encoder_gives_its_features_for_every_image(name: str) -> None:
    encoder, shape = on_meta(name)
    assert shape == (2, encoder.features)
    assert len(encoder.spec.mean) == len(encoder.spec.std) == 3


def test_a_regnet_gives_its_features_too() -> None:
    encoder = encoders.build("regnet_y_400mf")
    assert encoder.module.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, encoder.features)


@pytest.mark.parametrize(
    ("name", "size", "mean"),
    [("inception_v3", 299, 0.485), ("legacy_xception", 299, 0.5), ("resnet18", 224, 0.485)],
)
def test_size_and_normalisation_follow_the_encoder(name: str, size: int, mean: float) -> None:
    spec = on_meta(name)[0].spec
    assert (spec.size, spec.mean[0]) == (size, mean)


@pytest.mark.parametrize(
    "name",
    [
        *("resnet18", "densenet121", "efficientnet_b0", "googlenet"),
        "levit_128s",  # timm's, with lists of modules
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("convnext_tiny", "hrnet_w18_small", "xcit_nano_12_p16_224")
        ),
    ],
)
def test_blocks_that_are_computed_twice_change_neither_gradients_nor_statistics(name: str) -> None:
    torch.manual_seed(0)
    plain = encoders.build(name).module.train()
    saving = copy.deepcopy(plain)
    encoders.recompute_blocks(saving)
    saving = copy.deepcopy(saving)  # as the moving average does
    size = 224 if name.startswith(("levit", "xcit")) else 64
    images = torch.randn(3, 3, size, size)
    for module in (plain, saving):
        torch.manual_seed(1)  # of dropout and of paths that are left out
        module(images).square().mean().backward()
    assert plain.state_dict().keys() == saving.state_dict().keys()
    for (key, one), other in zip(plain.named_parameters(), saving.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad), key
    for (key, one), other in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert "num_batches" in key or torch.allclose(one, other, atol=1e-6), key


def test_what_a_block_computes_inside_is_not_kept() -> None:
    def kept(save: bool) -> int:
        encoder = encoders.build("resnet18").module.train()
        if save:
            encoders.recompute_blocks(encoder)
        sizes: list[int] = []

        def note(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        images = torch.zeros(2, 3, 64, 64)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            encoder(images)
        return sum(sizes)

    assert kept(True) < 0.6 * kept(False)


def test_a_chain_of_layers_without_blocks_is_refused() -> None:
    with pytest.raises(UsageError, match="without blocks"):
        encoders.recompute_blocks(on_meta("vgg11")[0].module)


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_encoders_that_normalise_again_themselves_do_so(name: str) -> None:
    """torchvision switches it on where it loads their weights, and so must we."""
    assert on_meta(name)[0].module.transform_input


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "legacy_xception"])
def test_batch_norm_averages_over_many_batches(name: str) -> None:
    norms = [m for m in on_meta(name)[0].module.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert all(norm.momentum <= encoders.BATCH_NORM_MOMENTUM for norm in norms)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "ghostnet_100"])
def test_a_model_with_any_encoder_gives_logits_and_learns(name: str) -> None:
    model = models.build(models.ModelConfig(name=name, embed_dim=8))
    mask = torch.tensor([[True, True], [True, False]])
    logits = model(torch.randn(2, 2, 3, 64, 64), mask)
    assert logits.shape == (2, 2)
    logits.sum().backward()
    assert all(p.grad is not None for p in model.encoder.parameters())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet51", "did you mean resnet5"),
        ("xeption", "python -m models lists all"),
        ("", "unknown"),
        ("legacy_xception.no_such", "has no pretrained tag 'no_such'; it has legacy_xception"),
    ],
)
def test_an_unknown_name_is_one_line(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        encoders.build(name)


def test_an_image_that_is_too_small_is_said_before_any_work() -> None:
    with torch.device("meta"):
        encoder = encoders.build("inception_v3")
        with pytest.raises(UsageError, match="inception_v3 cannot process images of 40 × 40"):
            encoders.check_size(encoder, "inception_v3", 40)
        encoders.check_size(encoder, "inception_v3", 96)


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator:
    def call(*words: str) -> list[list[str]]:
        monkeypatch.setattr(sys, "argv", ["models", *words])
        with pytest.raises(SystemExit) as caught:
            errors.run(listing.main)
        assert not caught.value.code
        return [line.split() for line in capsys.readouterr().out.splitlines()[1:]]

    return call


def test_the_list_names_every_encoder_with_its_parameters(listed) -> None:
    rows = {row[0]: row for row in listed()}
    assert set(rows) == set(encoders.torchvision_names())
    assert rows["resnet152"][1:] == ["60.2", "M", "224", "torchvision"]
    assert ["legacy_xception", "22.9", "M", "299", "timm"] in listed("*xception")


def test_names_are_unique_to_one_library(tmp_path: Path) -> None:
    """What both have is torchvision's: an older checkpoint means the same model."""
    assert "resnet50" in encoders.timm_names()
    assert type(encoders.build("resnet50").module).__module__.startswith("torchvision")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "current"),
    [
        ("xception", "legacy_xception"),
        ("xception.tf_in1k", "legacy_xception.tf_in1k"),
        ("tf_efficientnet_b4_ns", "tf_efficientnet_b4.ns_jft_in1k"),
        ("tf_efficientnet_b4.ns_jft_in1k", "tf_efficientnet_b4.ns_jft_in1k"),
        ("legacy_xception", "legacy_xception"),
        ("resnet50.a1_in1k", "resnet50.a1_in1k"),  # timm's, though torchvision has a resnet50
    ],
)
def test_old_names_of_timm_and_pretrained_tags_are_known(name: str, current: str) -> None:
    assert encoders.timm_name(name) == current
    with torch.device("meta"):
        encoder, known = encoders.build(name), timm.create_model(current, pretrained=False)
    config = timm.data.resolve_model_data_config(known)
    assert encoder.spec.size == config["input_size"][-1]
    assert encoder.spec.mean == config["mean"], "of the tag's weights"
    assert encoder.module.state_dict().keys() <= known.state_dict().keys()


def test_pretrained_tags_can_be_listed(listed) -> None:
    assert ["legacy_xception.tf_in1k", "22.9", "M", "299", "timm"] in listed("*xception.*")
