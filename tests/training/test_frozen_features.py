"""--freeze: what stays as it is, and that kept features stand for the encoder."""

import csv
from pathlib import Path

import pytest
import torch

import models
from common import checkpointing
from common.errors import DataError, UsageError
from common.preprocessing import ClipConfig
from datasets import manifest
from datasets.device_batches import DeviceBatches
from datasets.feature_store import FeatureDataset, FeatureStore, key
from datasets.video_dataset import VideoDataset, collate
from scoring.predict import predict
from tests.helpers.crop_sets import write_crop_set
from tests.helpers.train_flags import options, parse
from tests.helpers.train_runs import run
from training import build, frozen_features
from training.options import ModelOptions

CLIP = ClipConfig(clip_frames=2, crop_size=32)
FLAGS = [
    *("--model_name", "resnet18", "--pretrained", "False", "--embed_dim", "16", "--epochs", "2"),
    *("--crop_size", "32", "--clip_frames", "2", "--batch_size", "4", "--workers", "0"),
    *("--device", "cpu", "--csv_file", "data/videos_df.csv", "--augmentation", "none"),
]


@pytest.fixture
def data(tmp_path: Path) -> manifest.Manifest:
    path = write_crop_set(tmp_path / "data", {"train": 6, "val": 2, "test": 1}, fakes_each=2)
    return manifest.read(path)


def model_options(*words: str) -> ModelOptions:
    return options(ModelOptions, *FLAGS, *words)


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return build.build_model(model_options("--freeze", "all"))[0].eval()


def stored(model: torch.nn.Module, data: manifest.Manifest) -> FeatureStore:
    store = FeatureStore(data, key("resnet18", model.encoder.state_dict(), CLIP, data))
    frozen_features.compute(model.encoder, store, CLIP, workers=0)
    return store


def test_kept_features_give_the_logits_of_the_encoder(
    model: torch.nn.Module, data: manifest.Manifest
) -> None:
    store = stored(model, data)
    for split in ("train", "val"):
        fast = FeatureDataset(data, split, CLIP, train=False, store=store)
        slow = VideoDataset(data, split, CLIP, train=False)
        assert len(fast) == len(slow)
        to_device = DeviceBatches(CLIP, torch.device("cpu"))
        batches = [to_device(collate([data[i] for i in range(6)])) for data in (fast, slow)]
        assert batches[0]["clips"].shape == (6, 2, 512)
        with torch.inference_mode():
            one, other = (model(batch["clips"], batch["mask"]) for batch in batches)
        assert torch.allclose(one, other, atol=1e-6)
        assert predict(model, [batches[0]]) == pytest.approx(predict(model, [batches[1]]))


@pytest.mark.slow
def test_training_from_features_is_training_through_the_frozen_encoder(
    data: manifest.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same curve, whether features were computed in this run, in another one, or are not kept:
    --freeze 6 leaves all stages as they are and goes through them at every step."""
    monkeypatch.chdir(data.folder.parent)
    rows, heads = [], []
    for name, freeze in (("first", "all"), ("again", "all"), ("slow", "6")):
        assert run(monkeypatch, *FLAGS, "--freeze", freeze, "--run_name", name) == 0
        with Path(f"checkpoints/{name}/history.csv").open(newline="") as file:
            curve = [(row["train_loss"], row["val_loss"]) for row in csv.DictReader(file)]
        rows.append([float(loss) for pair in curve for loss in pair])
        heads.append(checkpointing.load(Path(f"checkpoints/{name}/best.pt")).weights)
    assert rows[0] == rows[1]
    assert rows[2] == pytest.approx(rows[0], abs=1e-6)
    for name, weights in heads[0].items():
        assert torch.allclose(weights, heads[2][name], atol=1e-5)
    assert run(monkeypatch, "--resume", "checkpoints/first", "--epochs", "3", "--force") == 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3, 6])
def test_frozen_stages_and_their_statistics_stay_and_the_others_learn(
    data: manifest.Manifest, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.chdir(data.folder.parent)
    torch.manual_seed(0)
    start = models.build(models.ModelConfig(name="resnet18", embed_dim=16)).encoder.state_dict()
    assert run(monkeypatch, *FLAGS, "--freeze", str(count), "--run_name", "run") == 0
    weights = checkpointing.load(Path("checkpoints/run/epoch_002.pt")).weights
    stages = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]
    for name, before in start.items():
        frozen = stages.index(name.split(".")[0]) < count
        same = torch.equal(weights[f"encoder.{name}"], before)
        assert same is frozen, name


def test_other_weights_preprocessing_or_data_have_features_of_their_own(
    model: torch.nn.Module, data: manifest.Manifest, tmp_path: Path
) -> None:
    weights = model.encoder.state_dict()
    changed = weights | {"conv1.weight": weights["conv1.weight"] + 1e-6}
    other = manifest.read(write_crop_set(tmp_path / "other", {"train": 5, "val": 2}, fakes_each=2))
    keys = [
        key("resnet18", weights, CLIP, data),
        key("resnet34", weights, CLIP, data),
        key("resnet18", changed, CLIP, data),
        key("resnet18", weights, ClipConfig(clip_frames=2, crop_size=40), data),
        key("resnet18", weights, CLIP, other),
    ]
    assert len(set(keys)) == len(keys)
    longer = ClipConfig(clip_frames=4, crop_size=32)
    assert key("resnet18", weights, longer, data) == keys[0], "frames are kept one by one"


def test_parts_that_are_there_are_not_computed_again(
    model: torch.nn.Module, data: manifest.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.feature_store.PART", 10)  # 24 tracks: three parts
    store = stored(model, data)
    (store.folder / "00001.npy").unlink()  # as if killed before
    kept = store.folder / "00000.npy"
    kept.write_bytes(kept.read_bytes())
    written = kept.stat().st_mtime_ns
    assert store.missing() == [1]
    store = stored(model, data)
    assert store.missing() == []
    assert kept.stat().st_mtime_ns == written
    assert sorted(path.name for path in store.folder.iterdir()) == [
        "00000.npy",
        "00001.npy",
        "00002.npy",
    ]


def test_the_test_split_is_never_read(model: torch.nn.Module, data: manifest.Manifest) -> None:
    assert set(stored(model, data).tracks["split"]) == {"train", "val"}


@pytest.mark.parametrize("part", [256, 1])
def test_crops_that_cannot_be_read_are_replaced_in_training_and_named_in_validation(
    model: torch.nn.Module, data: manifest.Manifest, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """Also where a part holds no other track."""
    monkeypatch.setattr("datasets.feature_store.PART", part)
    for video in ("train0_fake1.mp4", "val0.mp4"):
        next((data.folder / "crops/part" / video / "track_0").iterdir()).write_bytes(b"damaged")
    store = stored(model, data)
    dataset = FeatureDataset(data, "train", CLIP, train=True, store=store)
    index = dataset.rows["video_id"].tolist().index("part/train0_fake1.mp4")
    item = dataset[index]
    assert (item["label"], item["video_id"] == "part/train0_fake1.mp4") == (1, False)
    assert "train0_fake1.mp4" in item["problems"][0]
    with pytest.raises(DataError, match=r"val0\.mp4.*repair them"):
        FeatureDataset(data, "val", CLIP, train=False, store=store)[0]


def test_a_damaged_part_is_named(model: torch.nn.Module, data: manifest.Manifest) -> None:
    store = stored(model, data)
    path = store.folder / "00000.npy"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"00000\.npy is damaged"):
        store.read(store.tracks.iloc[0], slice(0, 2))


def test_flags_that_do_not_go_together_are_refused(
    model: torch.nn.Module, data: manifest.Manifest
) -> None:
    words = ("--sbi", "0.5", "--adversarial", "pgd", "--encoder_lr", "0.1")
    with pytest.raises(UsageError, match="leave out --sbi, --adversarial, --encoder_lr"):
        parse("--freeze", "all", *words)
    with pytest.raises(UsageError, match=r"6 stages \(1 conv1.*6 layer4"):
        build.build_model(model_options("--freeze", "7"))


@pytest.mark.parametrize("text", ["0", "-1", "some", "1.5", ""])
def test_freeze_is_all_none_or_a_number_of_stages(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(f"--freeze={text}")
    assert "--freeze" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["vgg11", "efficientnet_b0", "convnext_tiny", "test_vit"])
def test_encoders_have_stages(name: str) -> None:
    with torch.device("meta"):
        model = models.build(models.ModelConfig(name=name, embed_dim=16))
    model.freeze(2)
    learns = [parameter.requires_grad for parameter in model.encoder.parameters()]
    assert 0 < learns.index(True) < len(learns)
    assert all(learns[learns.index(True) :]), "the first ones, and no later one"
