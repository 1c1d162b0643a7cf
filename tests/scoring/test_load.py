"""A checkpoint is loaded, or refused in one line: never a traceback."""

from pathlib import Path
from typing import Any

import pytest
import torch

from common.errors import CheckpointError
from scoring.load import load_detector


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("model", {"name": 3}),
        ("model", {"embed_dim": "16"}),
        ("model", {"temporal_layers": 0}),
        ("model", {"more": 1}),
        ("clip", {"clip_frames": 0}),
        ("clip", {"crop_size": "a"}),
        ("clip", {"mean": [0.5]}),
        ("clip", {"std": [0.2, 0.0, 0.2]}),
        ("clip", {"std": [0.2, float("nan"), 0.2]}),
        ("faces", {"face_size": -1}),
        ("faces", {"margin": True}),
        ("judgement", {"aggregation": {}}),
        ("judgement", {"slope": -1.0}),
        ("familiar", {"codec": 3}),
        (None, {"trained_on": None}),
        (None, {"trained_on": [[1]]}),
        (None, {"format": torch.zeros(2)}),
        (None, {"weights": {"a": 1}}),
    ],
)
def test_odd_contents_are_one_line(
    calibrated: Path, tmp_path: Path, part: str | None, changes: dict[str, Any]
) -> None:
    values = torch.load(calibrated, weights_only=True)
    if part is None:
        values |= changes
    else:
        whole = {"familiar": {"codec": ["h264"], "bits_per_pixel": [], "face_px": []}}
        values[part] = (values[part] or whole[part]) | changes
    path = tmp_path / "odd.pt"
    torch.save(values, path)
    with pytest.raises(CheckpointError, match=r"odd\.pt") as caught:
        load_detector(path, torch.device("cpu"))
    assert "\n" not in str(caught.value)
