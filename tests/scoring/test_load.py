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
        ("model", {"embed_dim": 0}),
        ("model", {"embed_dim": 10**9}),
        ("model", {"temporal_layers": 0}),
        ("model", {"temporal_layers": 10**6}),
        ("model", {"temporal_layers": 4, "embed_dim": 4000}),
        ("model", {"num_classes": 10**9}),
        ("model", {"num_classes": 1}),
        ("model", {"dropout": "x"}),
        ("model", {"dropout": 7.0}),
        ("model", {"more": 1}),
        ("clip", {"clip_frames": 0}),
        ("clip", {"clip_frames": 10**9}),
        ("clip", {"crop_size": "a"}),
        ("clip", {"crop_size": 10**9}),
        ("clip", {"clip_frames": 10**5, "crop_size": 1000}),
        ("clip", {"mean": [0.5]}),
        ("clip", {"std": [0.2, 0.0, 0.2]}),
        ("clip", {"std": [0.2, float("nan"), 0.2]}),
        ("faces", {"face_size": -1}),
        ("faces", {"face_size": 10**9}),
        ("faces", {"frames_per_video": 10**9}),
        ("faces", {"jpeg_quality": 101}),
        ("faces", {"margin": True}),
        ("faces", {"margin": 1e308}),
        ("faces", {"margin": -0.5}),
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


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64])
def test_weights_of_another_type_are_refused(
    calibrated: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    """They would replace those of the model, and the first clip would end in an error."""
    values = torch.load(calibrated, weights_only=True)
    values["weights"]["classify.weight"] = values["weights"]["classify.weight"].to(dtype)
    torch.save(values, tmp_path / "odd.pt")
    with pytest.raises(CheckpointError, match="its weights do not fit its model"):
        load_detector(tmp_path / "odd.pt", torch.device("cpu"))
