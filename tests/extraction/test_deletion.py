"""Videos are deleted after asking, when their crops are safe, and their rows stay."""

import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.preprocess_runs import BAD, PART, flags, read, run, small


def test_deleting_asks_first_and_keeps_what_has_no_crops(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, out = Path(shutil.copytree(dfdc, tmp_path / "in")), tmp_path / "out"
    words = [*flags(root, out), "--delete_videos_when_done"]
    videos = {path for path in root.rglob("*.mp4") if path.name not in BAD}
    for answer in ("no\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert run(monkeypatch, *words) == 0
        assert all(video.exists() for video in videos)
    before = read(out)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert run(monkeypatch, *words) == 0
    assert not any(video.exists() for video in videos)
    assert (root / PART / "text.mp4").exists(), "an unreadable video may be read another time"
    assert run(monkeypatch, *flags(root, out)) == 0
    pd.testing.assert_frame_equal(read(out), before)


@pytest.mark.parametrize("back", [(), ("copy_a.mp4",), ("copy_a.mp4", "copy_b.mp4")])
def test_a_deleted_video_stays_with_its_group(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: tuple[str, ...]
) -> None:
    """Two sources with a video of the same bytes share a split, also when one or both are gone."""
    root, out = Path(shutil.copytree(dfdc, tmp_path / "in")), tmp_path / "out"
    same = next(dfdc.glob("dfdc_train_part_1/*.mp4"))
    files = [root / "dfdc_train_part_0/copy_a.mp4", root / "dfdc_train_part_1/copy_b.mp4"]
    for file in files:
        path = file.with_name("metadata.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {file.name: {"label": "REAL"}}))
        shutil.copy(same, file)
    words = [*flags(root, out), "--val_share", "0"]
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert run(monkeypatch, *words, "--delete_videos_when_done") == 0
    assert not any(file.exists() for file in files)
    for file in files:
        if file.name in back:
            shutil.copy(same, file)
    before = read(out)
    copies = before[before["video_id"].str.contains("copy_")]
    assert copies["source"].nunique() == 2
    assert copies["group"].nunique() == 1
    assert run(monkeypatch, *words) == 0
    pd.testing.assert_frame_equal(read(out), before)


def test_a_deleted_video_that_lost_a_crop_keeps_the_others(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, out = Path(shutil.copytree(dfdc, tmp_path / "in")), tmp_path / "out"
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert run(monkeypatch, *flags(root, out), "--delete_videos_when_done") == 0
    row = read(out).query("status == 'ok'").iloc[0]
    next((out / row["crops"]).glob("*.jpg")).unlink()
    assert run(monkeypatch, *flags(root, out)) == 0
    now = read(out).set_index("video_id").loc[row["video_id"]]
    assert now["status"] == "missing"
    assert "deleted after its extraction" in now["detail"]
    assert len(list((out / row["crops"]).glob("*.jpg"))) == row["frames"] - 1


def test_where_nothing_was_extracted_nothing_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    root = small(tmp_path / "in", {"gone.mp4": {"label": "REAL"}})
    words = [*flags(root, tmp_path / "out"), "--val_share", "0", "--delete_videos_when_done"]
    assert run(monkeypatch, *words) == 0
    assert "no video to delete" in capsys.readouterr().out
