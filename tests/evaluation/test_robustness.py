"""Perturbations change what they should, more with every step, and the same way every time."""

import numpy as np
import pandas as pd
import pytest
import torch

from evaluation import robustness
from evaluation.robustness import PERTURBATIONS, SEVERITIES
from scoring.decision_rule import DecisionRule


@pytest.fixture
def clip() -> torch.Tensor:
    """(4, 3, 112, 112) uint8: a colourful pattern that moves."""
    y, x, t = np.mgrid[:112, :112, :4]
    waves = [np.sin((x + shift * y + 3 * t) / (2 + shift)) for shift in range(3)]
    frames = np.stack([127 + 90 * wave for wave in waves]).transpose(3, 0, 1, 2)
    return torch.from_numpy(frames.round().astype(np.uint8))


def changed(clip: torch.Tensor, name: str, severity: int) -> torch.Tensor:
    torch.manual_seed(3)
    return robustness.perturb(clip, name, severity)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_clip_keeps_its_shape_and_loses_more_with_every_step(
    clip: torch.Tensor, name: str
) -> None:
    steps = [changed(clip, name, severity) for severity in range(1, SEVERITIES + 1)]
    assert all(step.shape == clip.shape and step.dtype == torch.uint8 for step in steps)
    losses = [float((step.float() - clip.float()).abs().mean()) for step in steps]
    assert losses[0] > 0
    assert losses == sorted(losses) and losses[-1] > 1.5 * losses[0]
    assert torch.equal(changed(clip, name, 3), steps[2]), "the same draw, the same clip"


def test_there_are_seven_in_five_steps() -> None:
    assert len(PERTURBATIONS) == 7
    assert all(len(amounts) == SEVERITIES for _, amounts in PERTURBATIONS.values())
    assert len(robustness.all_changes()) == 35


def test_noise_differs_from_frame_to_frame_and_occlusion_does_not(clip: torch.Tensor) -> None:
    still = clip[:1].repeat(4, 1, 1, 1)
    noisy = changed(still, "noise", 3)
    assert not torch.equal(noisy[0], noisy[1])
    hidden = changed(still, "occlusion", 3)
    assert torch.equal(hidden[0], hidden[3])


def test_every_step_is_measured() -> None:
    videos = pd.DataFrame(
        {
            "label": [0, 1] * 4,
            "score": [0.1, 0.9, 0.2, 0.8, 0.7, 0.6, 0.1, 0.4],
            "group": list("aabbccdd"),
        }
    )
    videos["p_fake"] = videos["score"]
    found = robustness.measure({("blur", 1): videos, ("blur", 2): videos}, DecisionRule(), seed=0)
    assert [entry["severity"] for entry in found["blur"]] == [1, 2]
    assert found["blur"][0]["false_alarms"]["value"] == pytest.approx(1 / 4)
    assert found["blur"][0]["misses"]["value"] == pytest.approx(1 / 4)
    assert found["blur"][0]["auc"]["value"] == pytest.approx(14 / 16)
