"""Where an encoder's weights come from, and what happens when they cannot be had."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest
import timm
import torch
from safetensors.torch import save_file
from torchvision import models as torchvision_models

from common import checkpointing, detector_folder
from common.errors import WeightsError
from models import encoders, weights

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


def imagenet_file(path: Path, name: str = "resnet18") -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    state = torchvision_models.get_model(name, weights=None).state_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    return state


def test_pretrained_weights_come_from_torchs_cache(cache: Path) -> None:
    state = imagenet_file(cache / CACHED)
    encoder = encoders.build("resnet18")
    weights.load_encoder(encoder, weights.pretrained("resnet18"), "cache")
    assert torch.equal(encoder.module.conv1.weight, state["conv1.weight"])


def test_without_network_and_cache_the_error_names_every_way_out(cache: Path) -> None:
    with pytest.raises(WeightsError) as raised:
        weights.pretrained("resnet18")
    for hint in ("--pretrained False", "--weights", CACHED, str(cache)):
        assert hint in str(raised.value)


def test_timms_weights_that_cannot_be_had_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, pretrained: bool) -> None:
        raise ConnectionError("no\nnetwork")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(WeightsError, match="--pretrained False") as raised:
        weights.pretrained("legacy_xception")
    assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("ignore:The default weight initialization")  # of the test's own model
@pytest.mark.parametrize("name", ["mnasnet0_5", "squeezenet1_1", "googlenet"])
def test_a_file_with_its_classifier_fits_without_it(tmp_path: Path, name: str) -> None:
    state = imagenet_file(tmp_path / "weights.pth", name)
    encoder = encoders.build(name)
    weights.load_encoder(encoder, weights.read(tmp_path / "weights.pth"), "weights.pth")
    for key, value in encoder.module.state_dict().items():
        assert torch.equal(value, state[key])


def test_old_names_in_a_file_of_a_densenet_fit(tmp_path: Path) -> None:
    state = imagenet_file(tmp_path / "new.pth", "densenet121")
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", k): v for k, v in state.items()}
    assert set(old) != set(state)
    torch.save(old, tmp_path / "old.pth")
    encoder = encoders.build("densenet121")
    weights.load_encoder(encoder, weights.read(tmp_path / "old.pth"), "old.pth")
    for key, value in encoder.module.state_dict().items():
        assert torch.equal(value, state[key])


def test_all_of_a_timm_classifier_is_left_out(tmp_path: Path) -> None:
    """Of some it is more than the last layer."""
    with torch.device("meta"):
        whole = timm.create_model("shvit_s1", pretrained=False).state_dict()
        weights.load_encoder(encoders.build("shvit_s1"), whole, "meta")


def test_a_safetensors_file_of_timm_fits(tmp_path: Path) -> None:
    torch.manual_seed(1)
    state = timm.create_model("ghostnet_100", pretrained=False).state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    encoder = encoders.build("ghostnet_100")
    weights.load_encoder(encoder, weights.read(tmp_path / "weights.safetensors"), "file")
    assert torch.equal(encoder.module.conv_stem.weight, state["conv_stem.weight"])


def test_the_encoder_of_a_detector_of_this_project_is_a_start(
    checkpoint: Path, tmp_path: Path
) -> None:
    """Of a run's checkpoint and of a detector that ships."""
    content = checkpointing.load(checkpoint)
    detector_folder.write(tmp_path, checkpointing.to_values(content))
    for path in (checkpoint, tmp_path / detector_folder.WEIGHTS):
        encoder = encoders.build(content.model["name"])
        weights.load_encoder(encoder, weights.read(path), "file")
        for key, value in encoder.module.state_dict().items():
            assert torch.allclose(value, content.weights[f"encoder.{key}"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("own", "other"), [("resnet18", "resnet34"), ("resnet34", "resnet18")])
def test_a_local_file_of_another_encoder_is_refused(tmp_path: Path, own: str, other: str) -> None:
    imagenet_file(tmp_path / "weights.pth", own)
    with pytest.raises(WeightsError, match="does not fit"):
        weights.load_encoder(
            encoders.build(other), weights.read(tmp_path / "weights.pth"), "weights.pth"
        )


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_that_is_not_of_weights_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"weights.{ending}"
    path.write_text("nothing of the kind")
    with pytest.raises(WeightsError, match="not a weights file"):
        weights.read(path)


def test_a_file_of_other_things_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="dict of tensors"):
        weights.read(tmp_path / "list.pth")


def _in_a_training_checkpoint(state: dict) -> dict:
    return {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}, "optimizer": {}}


def _compiled_then_parallel(state: dict) -> dict:
    return {"model": {f"module._orig_mod.{k}": v for k, v in state.items()}}


def _as_a_part_of_a_model(state: dict) -> dict:
    kept = {f"model.{k}": v for k, v in state.items() if not k.startswith(("fc.", "classifier."))}
    return {"model": {"name": "resnet18"}, "weights": kept}


@pytest.mark.parametrize(
    "wrap", [_in_a_training_checkpoint, _compiled_then_parallel, _as_a_part_of_a_model]
)
def test_wrapped_weights_fit(tmp_path: Path, wrap: Callable[[dict], dict]) -> None:
    state = imagenet_file(tmp_path / "plain.pth")
    torch.save(wrap(state), tmp_path / "wrapped.pth")
    encoder = encoders.build("resnet18")
    weights.load_encoder(encoder, weights.read(tmp_path / "wrapped.pth"), "wrapped.pth")
    for key, value in encoder.module.state_dict().items():
        assert torch.equal(value, state[key])


@pytest.mark.filterwarnings("ignore:The default weight initialization")
def test_weights_of_a_wrapped_module_keep_their_version(tmp_path: Path) -> None:
    """MNASNet refuses a state dict without one."""
    torch.manual_seed(5)
    module = torch.nn.DataParallel(torchvision_models.get_model("mnasnet0_5", weights=None))
    torch.save({"state_dict": module.state_dict()}, tmp_path / "parallel.pth")
    encoder = encoders.build("mnasnet0_5")
    weights.load_encoder(encoder, weights.read(tmp_path / "parallel.pth"), "parallel.pth")
    assert torch.equal(encoder.module.layers[0].weight, module.module.layers[0].weight)


def test_wrapped_weights_of_another_encoder_and_of_other_parts_are_refused(tmp_path: Path) -> None:
    state = imagenet_file(tmp_path / "plain.pth", "squeezenet1_1")
    parts = {f"module.{key}": value for key, value in state.items()} | {"other.bias": torch.ones(1)}
    for name, values in {
        "squeezenet1_0": _in_a_training_checkpoint(state),
        "squeezenet1_1": parts,
    }.items():
        torch.save(values, tmp_path / "wrapped.pth")
        read = weights.read(tmp_path / "wrapped.pth")
        with pytest.raises(WeightsError, match="does not fit"):
            weights.load_encoder(encoders.build(name), read, "wrapped.pth")


def test_a_dict_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    values: dict = {}
    values["model"] = values
    assert weights._unwrap(values, depth=3) is None
    torch.save({"model": {"model": {"a": 1}}, 3: torch.ones(1)}, tmp_path / "nested.pth")
    with pytest.raises(WeightsError, match="has none under state_dict, model_state_dict"):
        weights.read(tmp_path / "nested.pth")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "as torch before 1.6"])
def test_every_format_of_torch_is_read_parameters_too(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "weights.pth"
    state = torchvision_models.get_model("resnet18", weights=None).state_dict(keep_vars=True)
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=zipped)
    assert torch.equal(weights.read(path)["conv1.weight"], state["conv1.weight"])


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "as torch before 1.6"])
def test_weights_that_would_fill_the_memory_are_refused_before_they_do(
    tmp_path: Path, zipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Large:
        def __reduce__(self) -> tuple[type, tuple[int]]:
            return bytearray, (10**10,)

    monkeypatch.setattr(torch, "load", None)
    path = tmp_path / "weights.pth"
    content = {"a": torch.zeros(1), "b": Large()}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="refers to __builtin__ bytearray"):
        weights.read(path)


def test_compressed_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imagenet_file(tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "small.pth", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for name in plain.namelist():
            small.writestr(name, plain.read(name))
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(WeightsError, match="compressed"):
        weights.read(tmp_path / "small.pth")
