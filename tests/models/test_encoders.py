"""Where an encoder's weights come from, and what happens when they cannot be had."""

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torchvision import models as torchvision_models

from errors import WeightsError
from models.encoders import load_weights, pretrained_weights, read_weights, resnet

CACHED = Path(torchvision_models.get_model_weights("resnet18").DEFAULT.url).name


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch's cache in a temporary folder, and no network."""

    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    return tmp_path / "hub/checkpoints"


def imagenet_file(path: Path) -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    state = torchvision_models.resnet18(weights=None).state_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    return state


def test_pretrained_weights_come_from_torchs_cache(cache: Path) -> None:
    state = imagenet_file(cache / CACHED)
    encoder, features = resnet("resnet18")
    load_weights(encoder, pretrained_weights("resnet18"), "cache")
    assert features == 512
    assert torch.equal(encoder.conv1.weight, state["conv1.weight"])


def test_without_network_and_cache_the_error_names_every_way_out(cache: Path) -> None:
    with pytest.raises(WeightsError) as raised:
        pretrained_weights("resnet18")
    for hint in ("--pretrained False", "--weights", CACHED, str(cache)):
        assert hint in str(raised.value)


def test_a_local_file_of_another_encoder_is_refused(tmp_path: Path) -> None:
    imagenet_file(tmp_path / "weights.pth")
    encoder, _ = resnet("resnet34")
    with pytest.raises(WeightsError, match="does not fit"):
        load_weights(encoder, read_weights(tmp_path / "weights.pth"), "weights.pth")


def test_a_file_that_is_not_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_text("nothing of the kind")
    with pytest.raises(WeightsError, match="not a file of weights"):
        read_weights(tmp_path / "weights.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="dict of tensors"):
        read_weights(tmp_path / "list.pth")
