"""Every flag reaches what it is about."""

from pathlib import Path

import pytest
import torch

from common.preprocessing import ClipConfig
from datasets import manifest
from datasets.loaders import ClipLoader, TrainingLoader
from tests.helpers.crop_sets import write_crop_set
from tests.helpers.train_flags import options
from training import build
from training.options import DataOptions, LoopOptions, ModelOptions, OptimizerOptions
from training.state import Training

CLIP = ClipConfig(clip_frames=2, crop_size=32)
LOGITS, LABELS = torch.tensor([[1.0, -1.0], [0.5, 0.2]]), torch.tensor([0, 1])


@pytest.fixture
def data(tmp_path: Path) -> manifest.Manifest:
    """Three fakes for each real."""
    return manifest.read(write_crop_set(tmp_path, {"train": 2, "val": 2}, fakes_each=3, frames=3))


SHARED = [
    *("--model_name", "resnet18", "--pretrained", "False", "--embed_dim", "8"),
    *("--crop_size", "32", "--workers", "0", "--balance", "none"),
]


def build_loaders(data: manifest.Manifest, *words: str) -> tuple[TrainingLoader, ClipLoader]:
    given = options(DataOptions, *SHARED, *words)
    return build.build_loaders(given, data, CLIP, torch.device("cpu"))


def build_parts(data: manifest.Manifest, *words: str) -> tuple[Training, torch.nn.Module]:
    torch.manual_seed(0)
    model, _ = build.build_model(options(ModelOptions, *SHARED, *words))
    loader, _ = build_loaders(data, *words)
    given = options(OptimizerOptions, *SHARED, *words)
    return build.build_training(given, model, loader), model


@pytest.mark.parametrize(
    "words",
    [("--label_smoothing", "0.2"), ("--class_weights", "balanced"), ("--focal_gamma", "2")],
    ids=lambda words: words[0],
)
def test_the_loss_is_the_one_asked_for(data: manifest.Manifest, words: tuple[str, ...]) -> None:
    plain, asked = (build_parts(data, *given)[0].loss(LOGITS, LABELS) for given in ((), words))
    assert not torch.allclose(plain, asked)


def test_balanced_weights_count_a_rare_real_more(data: manifest.Manifest) -> None:
    plain, _ = build_parts(data)
    weighed, _ = build_parts(data, "--class_weights", "balanced")
    ratio = weighed.loss(LOGITS, LABELS) / plain.loss(LOGITS, LABELS)
    assert ratio.tolist() == pytest.approx([2.0, 2 / 3])


def test_encoder_and_head_have_the_rates_asked_for(data: manifest.Manifest) -> None:
    words = ("--lr", "0.01", "--encoder_lr", "0.001", "--schedule", "constant")
    training, model = build_parts(data, *words)
    rate = {
        id(p): group["lr"] for group in training.optimizer.param_groups for p in group["params"]
    }
    inside = {id(parameter) for parameter in model.encoder.parameters()}
    assert len(rate) == len(list(model.parameters())), "each parameter once"
    assert all(lr == (0.001 if name in inside else 0.01) for name, lr in rate.items())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_the_optimizer_is_the_one_asked_for(
    data: manifest.Manifest, name: str, kind: type[torch.optim.Optimizer]
) -> None:
    optimizer = build_parts(data, "--optimizer", name, "--weight_decay", "0.3")[0].optimizer
    assert type(optimizer) is kind
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.3}


def test_what_is_judged_is_the_average_where_there_is_one(data: manifest.Manifest) -> None:
    plain, model = build_parts(data)
    assert plain.evaluated is model
    averaged, model = build_parts(data, "--ema", "0.5")
    assert averaged.evaluated is averaged.average.module is not model


def test_the_plan_is_the_one_asked_for(data: manifest.Manifest) -> None:
    words = "--max_gradient 3 --accumulate 5 --precision bfloat16 --epochs 7 --log_interval 2"
    given = options(LoopOptions, *words.split(), "--save_every_steps", "9")
    loader, _ = build_loaders(data)
    loss = build_parts(data)[0].loss
    plan = build.build_plan(given, loss, loader, CLIP, torch.device("cpu"))
    assert (plan.max_gradient, plan.accumulate, plan.precision) == (3.0, 5, torch.bfloat16)
    assert (plan.epochs, plan.log_interval, plan.save_every_steps) == (7, 2, 9)
    assert plan.chance_loss == pytest.approx(0.6931, abs=1e-4)
    assert plan.attack is None
    hardened = options(LoopOptions, "--adversarial", "fgsm", "--epsilon", "0.25")
    plan = build.build_plan(hardened, loss, loader, CLIP, torch.device("cpu"))
    clips, mask = 0.1 * torch.randn(1, 2, 3, 32, 32), torch.ones(1, 2, dtype=torch.bool)
    changed = plan.attack(build_parts(data)[1], clips, mask, torch.tensor([1]))
    most = (changed - clips).abs().amax(dim=(0, 1, 3, 4)) * torch.tensor(CLIP.std)
    assert most.tolist() == pytest.approx([0.25] * 3), "in the units of the pixels"


def test_blocks_are_computed_twice_only_when_asked(data: manifest.Manifest) -> None:
    for words, asked in (((), False), (("--grad_checkpoint", "True"), True)):
        block = build_parts(data, *words)[1].encoder.layer1[0]
        assert ("forward" in vars(block)) is asked


def test_the_encoder_is_compiled_only_when_asked(data: manifest.Manifest) -> None:
    for words, asked in (((), False), (("--compile", "True"), True)):
        model = build_parts(data, *words)[1]
        assert (model.encoder._compiled_call_impl is not None) is asked
        assert next(iter(model.state_dict())) == "encoder.conv1.weight"


def test_clips_are_drawn_as_asked(data: manifest.Manifest) -> None:
    words = ("--augmentation", "none", "--sbi", "0.5", "--seed", "3")
    loader, _ = build_loaders(data, *words)
    assert (loader.dataset.sbi, loader.dataset.seed) == (0.5, 3)
    plain, _ = build_loaders(data, "--seed", "3")
    assert not torch.equal(loader.dataset[0]["clip"], plain.dataset[0]["clip"])


def test_validation_takes_no_more_clips_at_once_than_a_step(data: manifest.Manifest) -> None:
    words = ("--batch_size", "8", "--accumulate", "3")
    loader, val_loader = build_loaders(data, *words)
    assert (loader.batches.size, val_loader.batches.size) == (8, 3)
