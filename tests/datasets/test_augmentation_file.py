"""Augmentation steps from a YAML file."""

from pathlib import Path

import pytest
import torch

from common.errors import DataError
from datasets import augmentation_file
from datasets.augmentations import STRENGTHS, augment

ROOT = Path(__file__).parents[2]


def steps(folder: Path, text: str) -> list:
    path = folder / "steps.yaml"
    path.write_text(text)
    return augmentation_file.steps(str(path))


def test_the_names_of_strengths_need_no_file() -> None:
    assert augmentation_file.steps("mild") is STRENGTHS["mild"]


def test_the_recipe_of_notebooks_changes_a_picture_and_keeps_its_size() -> None:
    found = augmentation_file.steps(str(ROOT / "recipes" / "augmentation.yaml"))
    assert [change.__name__ for _, change, _ in found] == [
        *("flip", "flip_vertically", "warp", "colour")
    ]
    torch.manual_seed(0)
    clip = torch.randint(0, 255, (2, 3, 24, 24), dtype=torch.uint8)
    changed = augment(clip, found)
    assert changed.shape == clip.shape and not torch.equal(changed, clip)


def test_arguments_that_are_left_out_change_nothing(tmp_path: Path) -> None:
    clip = torch.randint(0, 255, (1, 3, 24, 24), dtype=torch.uint8)
    assert torch.equal(augment(clip, steps(tmp_path, "- {step: warp}")), clip)
    near = augment(clip, steps(tmp_path, "- {step: colour}")).int()
    assert (near - clip.int()).abs().max() <= 1
    upside_down = augment(clip, steps(tmp_path, "- {step: flip_vertically, probability: 1}"))
    assert torch.equal(upside_down, clip.flip(-2))
    assert torch.equal(augment(clip, steps(tmp_path, "- {step: flip, probability: 0}")), clip)


def test_whole_ends_of_a_range_draw_what_is_between_them(tmp_path: Path) -> None:
    ((_, _, ranges),) = steps(tmp_path, "- {step: colour, brightness: [0, 2]}")
    assert isinstance(ranges["brightness"][0], float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flip", "not a list"),
        ("[]", "not a list"),
        ("- {step: flipp}", "no augmentation step 'flipp'.*did you mean flip"),
        ("- flip", "no augmentation step 'flip'"),
        ("- {step: [flip]}", "no augmentation step"),
        ("- {step: flip, probability: 2}", "step 1: probability must be"),
        ("- {step: warp, degree: [0, 1]}", "warp has no argument 'degree', but degrees"),
        ("- {step: warp, degrees: 30}", r"give degrees as \[lowest, highest\]"),
        ("- {step: warp, degrees: [30, -30]}", "give degrees"),
        ("- {step: flip}\n- {step: blur}", "step 2: give sigma"),
        ("- {step: blur, sigma: [true, 2]}", "give sigma"),
        ("- {step: blur, sigma: [0, 2]}", "two numbers from 0.01 to 100"),
        ("- {step: jpeg, quality: [30.5, 90]}", "two integers from 1 to 100"),
        ("- {step: crop, area: [0, 1]}", "give area"),
        ("- {step: warp, degrees: [0, 9999]}", "give degrees"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_step(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        steps(tmp_path, text)
