"""--faces of preprocess_dfdc.py: pictures that are face crops already, or are taken whole."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.errors import DataError
from common.preprocessing import FaceConfig
from datasets import manifest
from datasets.video_dataset import VideoDataset
from faces.crop import cut
from faces.detect import FaceDetector
from tests.fixtures import CLIP
from tests.helpers.preprocess_runs import run
from tests.helpers.video_files import write_images

MARGIN = 0.1


@pytest.fixture(scope="module")
def pictures(
    tmp_path_factory: pytest.TempPathFactory,
    heads: list[list[np.ndarray]],
    detector: FaceDetector,
) -> Path:
    """Six face crops in real/ and in fake/, with a margin of MARGIN, and one without a face."""
    root = tmp_path_factory.mktemp("pictures")
    for label, frames in zip(("real", "fake"), heads, strict=True):
        (root / label).mkdir()
        for number, frame in enumerate(frames[::2]):
            crop = cut(frame, detector.search(frame)[0].box, MARGIN, 120)
            cv2.imwrite(str(root / label / f"{label}_{number}.png"), crop[..., ::-1])
    cv2.imwrite(str(root / "real" / "grey.png"), np.full((50, 80, 3), 90, np.uint8))
    return root


def flags(pictures: Path, output: Path, mode: str) -> list[str]:
    return [
        *("--input", str(pictures), "--output", str(output), "--layout", "folders"),
        *("--faces", mode, "--frames_per_video", "1", "--face_size", "64"),
        *("--undersample", "False", "--val_share", "0.2", "--test_share", "0"),
    ]


def test_face_crops_are_taken_as_they_are_and_their_margin_is_recorded(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *flags(pictures, tmp_path, "cropped")) == 0
    assert "measured in 12 of 13 pictures" in capsys.readouterr().out
    data = manifest.read(tmp_path / "videos_df.csv")
    assert (data.table["status"] == "ok").all()
    assert data.faces.mode == "cropped"
    assert data.faces.margin == pytest.approx(MARGIN, abs=0.05)
    sizes = data.table.set_index("video_id")["face_px"]
    assert sizes.pop("real/grey.png") == 0
    assert sizes.to_numpy() == pytest.approx(120 / (1 + 2 * MARGIN), rel=0.1)
    assert len(VideoDataset(data, "train", CLIP, train=True, sbi=1.0)[0]["clip"]) == 1
    again = (tmp_path / "videos_df.csv").read_bytes()
    assert run(monkeypatch, *flags(pictures, tmp_path, "cropped")) == 0
    assert "13 done before" in capsys.readouterr().out
    assert (tmp_path / "videos_df.csv").read_bytes() == again
    assert run(monkeypatch, *flags(pictures, tmp_path, "detect")) == 2
    assert "mode cropped → detect" in capsys.readouterr().err


def test_whole_pictures_need_no_face_and_get_no_self_blends(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, *flags(pictures, tmp_path, "whole")) == 0
    data = manifest.read(tmp_path / "videos_df.csv")
    assert (data.table["status"] == "ok").all()
    assert (data.faces.mode, data.faces.margin) == ("whole", 0.0)
    assert len(VideoDataset(data, "train", CLIP, train=True, augmentation="strong"))
    with pytest.raises(DataError, match="leave out --sbi"):
        VideoDataset(data, "train", CLIP, train=True, sbi=0.5)


@pytest.mark.parametrize(
    ("mode", "more", "words"),
    [
        ("cropped", ["--margin", "0.2"], "--margin needs --faces detect"),
        ("whole", ["--margin", "0.2"], "--margin needs --faces detect"),
        ("whole", ["--device", "cuda"], "--device needs --faces detect"),
    ],
)
def test_flags_of_detection_are_refused_without_detection(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mode: str,
    more: list[str],
    words: str,
) -> None:
    assert run(monkeypatch, *flags(pictures, tmp_path, mode), *more) == 2
    assert words in capsys.readouterr().err


def test_pictures_without_any_face_are_no_face_crops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("real", "fake"):
        write_images(tmp_path / "in" / label, [np.full((50, 80, 3), 90, np.uint8)])
    words = [*flags(tmp_path / "in", tmp_path / "out", "cropped"), "--val_share", "0"]
    assert run(monkeypatch, *words) == 2
    assert "use --faces whole" in capsys.readouterr().err
    assert not (tmp_path / "out" / "videos_df.csv").exists()


def test_settings_stored_before_there_were_modes_are_those_of_detection() -> None:
    stored = FaceConfig().to_dict()
    del stored["mode"]
    assert FaceConfig.from_dict(stored) == FaceConfig()


def test_face_crops_that_are_cut_again_get_a_warning(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for margin, warned in (("0.1", False), ("0.8", True)):
        words = [*flags(pictures, tmp_path / margin, "detect"), "--margin", margin]
        assert run(monkeypatch, *words) == 0
        assert ("outside the picture for 12 of 12 faces" in capsys.readouterr().err) == warned


def test_crops_made_before_there_were_modes_are_continued(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*flags(pictures, tmp_path, "detect"), "--margin", "-0.1"]
    assert run(monkeypatch, *words) == 0
    first = (tmp_path / "videos_df.csv").read_bytes()
    path = tmp_path / "crops" / "faces.json"
    stored = json.loads(path.read_text())
    assert stored.pop("mode") == "detect"
    assert stored["margin"] == -0.1
    path.write_text(json.dumps(stored))
    assert run(monkeypatch, *words) == 0
    assert (tmp_path / "videos_df.csv").read_bytes() == first
