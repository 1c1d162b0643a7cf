"""ImageNet weights from a package: they recognise a picture, or are refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import timm
import torch
from sklearn.datasets import load_sample_image

from common.errors import WeightsError
from models import encoders, packaged_weights, weights

NAME = "tf_efficientnet_lite0"
PALACE = 698  # ImageNet's class


def test_the_temple_in_a_picture_is_called_a_palace() -> None:
    """Weights whose order or normalisation were wrong would see nothing in it."""
    picture = load_sample_image("china.jpg")[:, 106:533]
    spec = encoders.build(NAME).spec
    small = cv2.resize(picture, (spec.size, spec.size), interpolation=cv2.INTER_AREA)
    pixels = (small / 255 - np.array(spec.mean)) / np.array(spec.std)
    model = timm.create_model(NAME).eval()
    model.load_state_dict(weights.pretrained(NAME))
    with torch.inference_mode():
        logits = model(torch.from_numpy(pixels).permute(2, 0, 1)[None].float())
    assert logits.argmax() == PALACE


def test_an_encoder_starts_from_them() -> None:
    encoder = encoders.build(NAME)
    before = encoder.module.conv_stem.weight.clone()
    weights.load_encoder(encoder, weights.pretrained(NAME), "the package")
    assert not torch.equal(before, encoder.module.conv_stem.weight)


def test_models_without_a_package_have_none() -> None:
    assert packaged_weights.find("resnet18") is None
    assert packaged_weights.find("tf_efficientnet_lite3") is None


def test_a_file_that_does_not_fit_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"other\.pth does not fit .* other shapes"):
        packaged_weights.rename({"a": torch.zeros(3)}, timm.create_model(NAME), Path("other.pth"))
