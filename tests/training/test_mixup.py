"""Mixed clips are of two, and their labels weigh as their pixels do."""

from dataclasses import replace

import pytest
import torch

from common.errors import UsageError
from tests.helpers.train_flags import parse
from tests.test_trainer import PLAN, Number, make_training
from trainer import take_step
from training.mixup import MIXES, cutmix, mixup

LABELS = torch.tensor([0, 1, 1, 0])


def clips(side: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Four clips whose pixels tell their number, the last one frame shorter."""
    mask = torch.ones(4, 3, dtype=torch.bool)
    mask[3, 2] = False
    return torch.arange(4.0).view(4, 1, 1, 1, 1).expand(4, 3, 3, side, side).clone(), mask


@pytest.mark.parametrize("seed", range(20))
def test_mixup_is_one_weighted_mean_for_pixels_and_labels(seed: int) -> None:
    torch.manual_seed(seed)
    given, mask = clips()
    mixed, others, share = mixup(given, mask, LABELS)
    assert 0 <= share <= 1
    assert sorted(others.tolist()) == sorted(LABELS.tolist())
    for number in range(4):
        value = mixed[number, 0, 0, 0, 0]
        assert (mixed[number, 0] == value).all()
        partner = (float(value) - share * number) / (1 - share) if share < 1 else number
        assert abs(partner - round(partner)) < 1e-3
        if 0.01 < share < 0.99:
            assert others[number] == LABELS[round(partner)]


@pytest.mark.parametrize("name", MIXES)
def test_where_the_other_clip_has_ended_a_clip_is_itself(name: str) -> None:
    given, mask = clips()
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, *_ = MIXES[name](given, mask, LABELS)
        first, last = mixed[:3, 0].mean(dim=(1, 2, 3)), mixed[:3, 2].mean(dim=(1, 2, 3))
        for number in range(3):
            whole = torch.isclose(first[number], last[number])
            assert whole or torch.isclose(last[number], torch.tensor(float(number)))


@pytest.mark.parametrize("seed", range(20))
def test_cutmix_weighs_labels_by_the_area_that_is_kept(seed: int) -> None:
    torch.manual_seed(seed)
    given, mask = clips()
    before = given.clone()
    mixed, others, share = cutmix(given, mask, LABELS)
    assert torch.equal(given, before), "the loader's batch stays as it was"
    for number in range(4):
        changed = mixed[number, 0, 0] != number
        if changed.any():
            assert float(changed.float().mean()) == pytest.approx(1 - share)
            (partner,) = mixed[number, 0, 0][changed].unique().tolist()
            assert others[number] == LABELS[int(partner)]
            assert torch.equal(mixed[number, 0], mixed[number, 1]), "one place in all frames"


def test_a_step_weighs_both_labels() -> None:
    def all_fake(clips: torch.Tensor, *_: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float]:
        return clips, torch.ones(len(clips), dtype=torch.long), 0.25

    batch = {
        "clips": torch.zeros(2, 1, 3, 2, 2),
        "mask": torch.ones(2, 1, dtype=torch.bool),
        "labels": torch.zeros(2, dtype=torch.long),
    }
    found = []
    for mix in (None, all_fake):
        model = Number()
        with torch.no_grad():
            model.number.fill_(1.0)
        plan = replace(PLAN, mix=mix)
        loss, *_ = take_step(make_training(model), batch, 2, plan)
        found.append(float(loss))
    real, fake = (-torch.tensor([1.0, -1.0]).log_softmax(dim=0)).tolist()
    assert found[0] == pytest.approx(2 * real, rel=1e-4)
    assert found[1] == pytest.approx(2 * (0.25 * real + 0.75 * fake), rel=1e-4)


def test_features_cannot_be_mixed() -> None:
    with pytest.raises(UsageError, match="leave out --mix"):
        parse("--freeze", "all", "--mix", "mixup")
