"""The layers of --head, and encoders whose feature map is flattened."""

import pytest
import torch

import models
from common.errors import DataError, UsageError
from models import ModelConfig, encoders, projection


def numbers(config: ModelConfig) -> tuple[int, int]:
    """Return the numbers of values in the encoder (weights and running statistics, as Keras counts
    them) and of weights after it."""
    with torch.device("meta"):
        model = models.build(config)
    in_encoder = [
        value for name, value in model.encoder.state_dict().items() if "num_batches" not in name
    ]
    after = [value for name, value in model.named_parameters() if not name.startswith("encoder.")]
    return sum(map(torch.numel, in_encoder)), sum(map(torch.numel, after))


def test_the_still_image_detectors_have_the_published_numbers_of_parameters() -> None:
    vgg = ModelConfig(name="vgg16", head="flatten,2048,2048", temporal="none")
    assert numbers(vgg) == (14_714_688, 55_582_722)
    assert sum(numbers(vgg)) == 70_297_410
    xception = ModelConfig(name="xception", head="512", num_classes=3, temporal="none")
    assert numbers(xception) == (20_861_480, 1_050_627)
    assert sum(numbers(xception)) == 21_912_107


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("resnet18", 512 * 7 * 7),
        ("vgg11", 512 * 7 * 7),
        ("efficientnet_b0", 1280 * 7 * 7),
        ("tf_efficientnet_lite0", 1280 * 7 * 7),
        ("small_cnn", 256 * 8 * 8),
    ],
)
def test_a_flattened_map_has_the_same_number_of_features_for_every_image_size(
    name: str, features: int
) -> None:
    encoder = encoders.build(name, flat=True)
    assert encoder.features == features
    for side in (encoder.spec.size, 96):
        with torch.inference_mode():
            out = encoder.module.eval()(torch.zeros(2, 3, side, side))
        assert out.shape == (2, features)


@pytest.mark.parametrize("name", ["densenet121", "mobilenet_v3_large", "vit_tiny_patch16_224"])
def test_an_encoder_whose_map_cannot_be_had_says_so(name: str) -> None:
    with pytest.raises(UsageError, match=f"feature map of {name} cannot be had"):
        encoders.build(name, flat=True)


def test_layers_are_built_in_the_order_in_which_they_are_named() -> None:
    layers, outputs = projection.build("batch_norm, 8,dropout:0.5,4", 6, 512)
    assert [type(layer).__name__ for layer in layers] == [
        *("BatchNorm", "Linear", "ReLU", "Dropout", "Linear", "ReLU")
    ]
    assert outputs == 4
    assert layers(torch.zeros(3, 6)).shape == (3, 4)
    assert projection.build("", 6, 5)[1] == 5
    assert projection.build("flatten", 6, 5)[1] == 6, "the map itself"


def test_a_single_frame_is_normalised_with_the_running_statistics() -> None:
    """The rest of an epoch may be one picture, which has no variance."""
    layers, _ = projection.build("batch_norm", 3, 1)
    layers(torch.randn(50, 3) + 2)
    one = torch.randn(1, 3)
    trained = layers(one)
    assert torch.allclose(trained, layers.eval()(one))


def test_a_temporal_head_on_a_whole_feature_map_is_refused_before_it_is_built() -> None:
    with pytest.raises(DataError, match="--temporal lstm on 25088 features is too large"):
        models.build(ModelConfig(name="resnet18", head="flatten", temporal="lstm"))


@pytest.mark.parametrize(
    "head",
    [
        *("0", "-3", "8,", "2.5", "flat", "8,flatten", "dropout", "dropout:1", "dropout:nan"),
        *("99999", ",".join(["8"] * 13), "²", "1" * 5000),
    ],
)
def test_a_text_that_names_no_layers_is_refused(head: str) -> None:
    with pytest.raises(DataError, match="--head"):
        ModelConfig(head=head)


def test_layers_too_large_for_memory_are_refused_before_they_are_built() -> None:
    with pytest.raises(DataError, match="25088 × 16384 weights"):
        projection.build("flatten,16384", 25_088, 1)
