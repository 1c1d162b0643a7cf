"""The loop with a model of one number: what it does when a loss is none, or teaches nothing."""

import copy
import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import nn

import models
from common.errors import DataError, PipelineError
from datasets.video_dataset import Batch
from scoring.aggregate import ClipScore
from trainer import fit, take_step
from training.batch_norm import init_batch_norm_stats
from training.history import EpochRow
from training.loss import make_loss
from training.mixup import MIXES, Mix
from training.moving_average import MovingAverage
from training.optimizer import Schedule
from training.state import Hooks, Plan, Position, Stopped, Training
from training.tasks import Detection

PLAN = Plan(
    epochs=3,
    log_interval=4,
    save_every_steps=0,
    chance_loss=math.log(2),
    max_gradient=1.0,
    accumulate=1,
    precision=torch.float32,
    attack=None,
    mix=None,
)

TASK: Any = Detection(Any)  # type: ignore[arg-type]  # of which the loop uses no data


class Number(nn.Module):
    """Logits (B, 2) that are a number, the same for every clip; from step `fails_at` on not one."""

    def __init__(self, fails_at: int = 10**9) -> None:
        super().__init__()
        self.encoder = nn.Identity()
        self.number = nn.Parameter(torch.zeros(()))
        self.calls, self.fails_at = 0, fails_at

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        value = math.nan if self.training and self.calls >= self.fails_at else 0.0
        return torch.stack([self.number + value, -self.number], dim=-1).expand(len(clips), 2)


class Loader:
    """Five batches of a real and a fake; stands for loader, sampler and dataset."""

    batch_size = 2

    def __init__(self, clips: int = 10, problems: tuple[str, ...] = ()) -> None:
        self.batches = self.dataset = self.pixels = self
        self.clips, self.problems = clips, list(problems)

    def video_collections(self) -> dict[str, str]:
        return dict.fromkeys(self.video_labels(), "")

    def video_labels(self) -> dict[str, int]:
        return {f"{label}{number}": label for number in range(5) for label in (0, 1)}

    def __len__(self) -> int:
        return 5

    def sizes(self, skip: int = 0) -> list[int]:
        return [self.batch_size] * (5 - skip // self.batch_size)

    def epoch(self, number: int, skip: int = 0) -> Iterator[dict[str, Any]]:
        for number in range(skip // self.batch_size, 5):
            yield {
                "clips": torch.zeros(2, 1, 3, 2, 2),
                "mask": torch.ones(2, 1, dtype=torch.bool),
                "labels": torch.tensor([0, 1]),
                "video_ids": [f"0{number}", f"1{number}"],
                "tracks": [0, 0],
                "problems": self.problems[:1],
            }


@dataclass
class Seen:
    rows: list[EpochRow] = field(default_factory=list)
    saved: list[Position] = field(default_factory=list)
    asked: int = 0
    stop_at: int = 10**9
    last_epoch: int = 10**9

    def hooks(self) -> Hooks:
        def stop() -> bool:
            self.asked += 1
            return self.asked == self.stop_at

        def save(position: Position) -> None:
            self.saved.append(Position(**vars(position)))

        def after_epoch(row: EpochRow, _: Position, __: list[ClipScore]) -> bool:
            self.rows.append(row)
            return row.epoch < self.last_epoch

        return Hooks(save, after_epoch, stop)


def make_training(model: nn.Module) -> Training:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.125)
    schedule, loss = Schedule(optimizer, "constant", 15), make_loss(0.0, None, 0.0)
    return Training(model, model, optimizer, schedule, loss, None)


def train(
    model: nn.Module,
    seen: Seen,
    plan: Plan = PLAN,
    position: Any = None,
    loader: Any = None,
) -> None:
    training = make_training(model)
    fit(training, loader or Loader(), Loader(), TASK, plan, seen.hooks(), position or Position())


def test_a_loss_that_is_no_number_names_step_rate_and_videos_and_saves_nothing() -> None:
    seen = Seen()
    with pytest.raises(PipelineError) as caught:
        train(Number(fails_at=8), seen)
    for part in ("nan", "epoch 2, step 3", "0.12", "02, 12"):
        assert part in str(caught.value)
    assert [row.epoch for row in seen.rows] == [1], "the epoch before is whole"
    assert not seen.saved


def test_a_loss_that_is_no_number_is_never_saved_within_an_epoch() -> None:
    seen = Seen()
    plan = replace(PLAN, log_interval=1000, save_every_steps=2)
    with pytest.raises(PipelineError, match="epoch 1, step 3"):
        train(Number(fails_at=3), seen, plan)
    assert [position.step for position in seen.saved] == [2]


def test_a_gradient_that_is_no_number_stops_the_run_before_it_is_saved() -> None:
    """With a loss that still is one: the square root's slope at 0 is infinite."""

    class Steep(Number):
        def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return super().forward(clips, mask) + (0 * self.number).sqrt()

    seen = Seen()
    with pytest.raises(
        PipelineError, match=r"non-finite gradient \((nan|inf)\) in epoch 1, step 1"
    ):
        train(Steep(), seen)
    assert not seen.saved
    assert not seen.rows


def test_scores_that_are_no_numbers_are_said() -> None:
    """Weights beyond measure: the loss of every step was still a number."""

    class Broken(Number):
        def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return super().forward(clips, mask) * (1 if self.training else math.nan)

    seen = Seen()
    with pytest.raises(PipelineError, match="non-finite scores in validation"):
        train(Broken(), seen)
    assert not seen.rows


def test_two_epochs_of_guessing_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    train(Number(), Seen())
    assert (
        capsys.readouterr().err.count("the loss has been that of guessing (0.693) for two epochs")
        == 1
    )


def test_steps_are_saved_as_often_as_asked_and_stop_when_asked() -> None:
    seen = Seen(stop_at=4)
    plan = replace(PLAN, log_interval=10, save_every_steps=3)
    with pytest.raises(Stopped):
        train(Number(), seen, plan)
    assert [position.step for position in seen.saved] == [3, 4]
    assert seen.saved[-1].seen == 8
    assert seen.saved[-1].loss_sum == pytest.approx(8 * math.log(2))


def test_a_few_unreadable_clips_are_said_and_many_end_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Five steps, each with a clip that could not be read: of 500, and of 499."""
    seen = Seen(last_epoch=1)
    train(Number(), seen, loader=Loader(500, ("a.jpg is gone",)))
    assert "5 of the epoch's clips could not be read" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"5 of the epoch's 499 clips.*a\.jpg is gone"):
        train(Number(), Seen(), loader=Loader(499, ("a.jpg is gone",)))


def test_the_run_ends_when_an_epoch_is_said_to_be_the_last() -> None:
    seen = Seen(last_epoch=2)
    train(Number(), seen)
    assert [row.epoch for row in seen.rows] == [1, 2]


def test_an_epoch_that_goes_on_counts_every_clip_once() -> None:
    seen = Seen()
    position = Position(epoch=3, step=4, loss_sum=8 * 0.5, right=8.0, seen=8, seconds=1.0)
    train(Number(), seen, position=position)
    assert seen.rows[0].train_loss == pytest.approx((8 * 0.5 + 2 * math.log(2)) / 10)
    assert seen.rows[0].train_acc == pytest.approx(0.9)
    assert [row.epoch for row in seen.rows] == [3]


def test_validation_scores_come_from_the_model_that_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = []

    def judging_copy(training: Training) -> nn.Module:
        copies.append(copy.deepcopy(training.evaluated))
        nn.init.constant_(copies[-1].number, -1.0)
        return copies[-1]

    monkeypatch.setattr(Training, "judging_copy", judging_copy)
    seen = Seen(last_epoch=1)
    train(Number(), seen)
    assert len(copies) == 1
    assert seen.rows[0].val_loss > 1, "the copy's scores, not the model's"


def test_stored_features_are_validated_without_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """They bypass the encoder, and copying it can take longer than the epoch."""
    monkeypatch.setattr(Training, "judging_copy", lambda _: pytest.fail("copied"))
    features, seen = Loader(), Seen(last_epoch=1)
    features.pixels = Loader()
    fit(make_training(Number()), Loader(), features, TASK, PLAN, seen.hooks(), Position())
    assert len(seen.rows) == 1


class Linear(nn.Module):
    """Logits that follow from the clips alone."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.layer(clips.mean(dim=(1, 3, 4)))


def stepped(batch: Batch, **plan: Any) -> tuple[torch.Tensor, list[float]]:
    """The weights after a step of plain SGD, and loss, right ones and the gradient's norm."""
    model = Linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule, loss = Schedule(optimizer, "constant", 1), make_loss(0.0, None, 0.0)
    training = Training(model, model, optimizer, schedule, loss, None)
    size = len(batch["labels"])
    values = take_step(training, batch, size, replace(PLAN, **plan))
    return model.layer.weight.detach(), [float(value) for value in values]


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(1)
    return Batch(
        clips=torch.randn(5, 2, 3, 4, 4),
        mask=torch.ones(5, 2, dtype=torch.bool),
        labels=torch.tensor([0, 1, 1, 0, 1]),
        video_ids=list("abcde"),
        tracks=[0] * 5,
        problems=[],
    )


@pytest.mark.parametrize("parts", [2, 3, 5, 100])
def test_a_batch_in_parts_makes_the_step_of_the_whole(batch: Batch, parts: int) -> None:
    whole, values = stepped(batch)
    weights, same = stepped(batch, accumulate=parts)
    assert torch.allclose(weights, whole, atol=1e-6)
    assert same == pytest.approx(values, rel=1e-5)


def test_gradients_are_clipped_to_the_norm_that_was_asked_for(batch: Batch) -> None:
    start = Linear().layer.weight.detach()
    free, (_, _, norm) = stepped(batch, max_gradient=0.0)
    clipped, _ = stepped(batch, max_gradient=norm / 4)
    assert torch.allclose(clipped - start, (free - start) / 4, atol=1e-6)


def test_bfloat16_computes_coarsely_and_keeps_the_weights_fine(batch: Batch) -> None:
    whole, values = stepped(batch)
    coarse, other = stepped(batch, precision=torch.bfloat16)
    assert coarse.dtype == torch.float32
    assert other != values
    assert other == pytest.approx(values, rel=0.05)
    assert torch.allclose(coarse, whole, atol=0.05)


def test_a_step_learns_from_the_attacked_clips(batch: Batch) -> None:
    seen: list[torch.Tensor] = []

    def attack(model: nn.Module, clips: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        seen.append(clips)
        return clips + 1

    weights, _ = stepped(batch, attack=attack, accumulate=2)
    assert torch.equal(torch.cat(seen), batch["clips"])
    brighter, _ = stepped(Batch(**batch | {"clips": batch["clips"] + 1}), accumulate=2)
    assert torch.equal(weights, brighter)


class Normed(Number):
    """Batch norm over one value a clip: 100 and 110 in the first batch, 20 more in every other."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1, momentum=0.03)
        self.batches = 0

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        values = 100 + 20 * self.batches + 10.0 * torch.arange(len(clips))[:, None]
        self.batches += self.training
        self.norm(values)
        return super().forward(clips, mask)


def mean_after(first: float, batches: int) -> float:
    """The running mean after `batches` more, which begin at 120 and 130."""
    for number in range(1, batches + 1):
        first = 0.97 * first + 0.03 * (105 + 20 * number)
    return first


def test_running_statistics_begin_with_the_first_batch_and_not_at_0_and_1() -> None:
    """Else a run of few steps is evaluated by numbers that its network never had."""
    model = Normed()
    train(model, Seen(), replace(PLAN, epochs=1))
    assert model.norm.running_mean.item() == pytest.approx(mean_after(105, 4))
    assert model.norm.running_var.item() == pytest.approx(50)
    assert model.norm.momentum == 0.03


def test_they_begin_with_all_parts_of_the_first_batch() -> None:
    training = make_training(Normed())
    norm = training.model.norm
    with init_batch_norm_stats(training.model):
        for values in (100.0, 104.0), (200.0, 204.0):
            norm.train()(torch.tensor(values)[:, None])
    assert norm.running_mean.item() == pytest.approx((102 + 202) / 2)


@pytest.mark.parametrize("position", [Position(epoch=2), Position(epoch=1, step=1, seen=2)])
def test_a_run_that_goes_on_keeps_its_running_statistics(position: Position) -> None:
    model = Normed()
    model.norm.num_batches_tracked += 7
    model.norm.running_mean += 50
    left = 5 if position.step == 0 else 4
    model.batches = 1
    train(model, Seen(), replace(PLAN, epochs=position.epoch), position)
    assert model.norm.running_mean.item() == pytest.approx(mean_after(50, left))


def test_pretrained_statistics_are_kept() -> None:
    model = Normed()
    model.norm.num_batches_tracked += 10**6
    model.norm.running_mean += 50
    train(model, Seen(), replace(PLAN, epochs=1))
    assert model.norm.running_mean.item() == pytest.approx(mean_after(50, 4), abs=1e-3)


@pytest.mark.parametrize("temporal", ["none", "lstm", "transformer", "attention"])
@pytest.mark.parametrize("mix", [None, MIXES["mixup"], MIXES["cutmix"]])
def test_a_step_reads_no_value_from_the_device(
    temporal: str, mix: Mix | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reading would wait for all computation so far. The device meta has no values at all."""
    monkeypatch.setattr(torch, "autocast", lambda *_: nullcontext())  # meta has none either
    config = models.ModelConfig(name="resnet18", temporal=temporal, embed_dim=8)
    model = models.build(config).to("meta")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule, loss = Schedule(optimizer, "one_cycle", 5), make_loss(0.1, None, 0.0)
    average = MovingAverage(model, 0.9)
    training = Training(model, model, optimizer, schedule, loss, average)
    batch = Batch(
        clips=torch.zeros(4, 3, 3, 32, 32, device="meta"),
        mask=torch.tensor([[True] * 3, [True, False, False]] * 2),
        labels=torch.zeros(4, dtype=torch.int64, device="meta"),
        video_ids=list("abcd"),
        tracks=[0] * 4,
        problems=[],
    )
    for value in take_step(training, batch, 4, replace(PLAN, mix=mix, accumulate=2)):
        assert value.device.type == "meta"
