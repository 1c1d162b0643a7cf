"""Which crops form a clip, and that training and scoring decode the same pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import v2

from common.preprocessing import ClipConfig
from datasets import clips
from datasets.transforms import eval_transform, to_input, train_transform
from faces.crop import to_jpeg

SMALL = ClipConfig(clip_frames=4, crop_size=32)


@given(crops=st.integers(1, 200), clip_frames=st.integers(1, 40))
def test_fixed_clips_cover_every_crop_and_stay_inside(crops: int, clip_frames: int) -> None:
    starts = clips.fixed_starts(crops, clip_frames)
    covered = {i for start in starts for i in range(start, min(start + clip_frames, crops))}
    assert covered == set(range(crops))
    assert starts == sorted(set(starts))
    assert starts[-1] == max(0, crops - clip_frames)
    assert len(starts) == max(1, -(-crops // clip_frames))


def test_random_starts_reach_the_first_and_the_last_clip() -> None:
    torch.manual_seed(0)
    assert {clips.random_start(6, 4) for _ in range(100)} == {0, 1, 2}
    assert clips.random_start(3, 4) == 0


def test_decode_gives_rgb_frames_in_order() -> None:
    colours = [(250, 5, 5), (5, 250, 5), (5, 5, 250)]
    jpegs = [to_jpeg(np.full((16, 16, 3), colour, np.uint8), 95) for colour in colours]
    clip = clips.decode(jpegs)
    assert clip.shape == (3, 3, 16, 16)
    assert clip.dtype == torch.uint8
    assert [int(frame.float().mean(dim=(1, 2)).argmax()) for frame in clip] == [0, 1, 2]


@pytest.mark.parametrize("damaged", [b"", b"not a jpeg"])
def test_a_damaged_crop_is_an_error_that_says_which(damaged: bytes) -> None:
    good = to_jpeg(np.zeros((16, 16, 3), np.uint8), 95)
    with pytest.raises(ValueError, match="crop 1 "):
        clips.decode([good, damaged])


def test_collate_pads_at_the_end_and_masks_it() -> None:
    batch, mask = clips.collate([torch.ones(2, 3, 4, 4), torch.ones(5, 3, 4, 4)])
    assert batch.shape == (2, 5, 3, 4, 4)
    assert mask.tolist() == [[True, True, False, False, False], [True] * 5]
    assert batch[0, 2:].abs().sum() == 0


def test_augmentation_is_drawn_once_a_clip_never_per_frame() -> None:
    torch.manual_seed(0)
    frame = torch.randint(0, 256, (1, 3, 40, 40), dtype=torch.uint8)
    clip = frame.repeat(4, 1, 1, 1)
    augmented = [train_transform(SMALL, "mild")(clip) for _ in range(5)]
    for result in augmented:
        assert result.shape == (4, 3, 32, 32)
        assert all(torch.equal(result[0], other) for other in result[1:])
    assert not torch.equal(augmented[0], augmented[1])


def test_evaluation_does_not_draw_anything() -> None:
    clip = torch.randint(0, 256, (4, 3, 40, 40), dtype=torch.uint8)
    transform = eval_transform(SMALL)
    assert torch.equal(transform(clip), transform(clip))
    assert to_input(torch.zeros_like(clip), SMALL).mean(dim=(0, 2, 3)).tolist() == pytest.approx(
        [-m / s for m, s in zip(SMALL.mean, SMALL.std, strict=True)], abs=1e-5
    )


@pytest.mark.parametrize("size", [32, 40, 56])
def test_evaluation_gives_exactly_the_pixels_that_older_checkpoints_saw(size: int) -> None:
    config = ClipConfig(crop_size=size)
    clip = torch.randint(0, 256, (4, 40, 40, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    plain = [
        v2.Resize(size),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(config.mean, config.std),
    ]
    assert torch.equal(to_input(clip, config), v2.Compose(plain)(clip))
