"""What flags of preprocess_dfdc.py add: shards, engines, cleaning, faces taken over."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction import planning, pool, ray_pool
from tests.helpers.preprocess_runs import PART, flags, read, run, tree
from tests.helpers.video_files import write_video


def test_shards_and_a_last_call_write_what_one_call_writes(
    dfdc: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharded = tmp_path / "sharded"
    for shard in ("1/3", "2/3", "3/3"):
        assert run(monkeypatch, *flags(dfdc, sharded), "--shard", shard) == 0
        assert not (sharded / "videos_df.csv").exists(), "no shard knows all rows"
    assert run(monkeypatch, *flags(dfdc, sharded)) == 0
    assert tree(sharded) == tree(output)


@given(st.lists(st.text(), min_size=1), st.integers(1, 9))
def test_every_video_is_in_one_shard_and_its_group_with_it(names: list[str], n: int) -> None:
    videos = pd.DataFrame({"group": names})
    shards = [planning.shard(videos, k, n) for k in range(1, n + 1)]
    assert sorted(index for shard in shards for index in shard.index) == list(range(len(names)))
    seen = [set(shard["group"]) for shard in shards]
    assert sum(map(len, seen)) == len(set(names)), "no group is in two shards"


def test_the_ray_engine_gets_what_the_local_one_gets(
    dfdc: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster itself is in faces/test_ray_pool.py."""
    seen = []

    def on_cluster(jobs: list[pool.Job], **rest: Any) -> Iterator[float]:
        seen.append(rest.pop("address"))
        return pool.run(jobs, **rest, workers=1)

    monkeypatch.setattr(ray_pool, "run", on_cluster)
    words = flags(dfdc, tmp_path / "other")[:-2]  # without --workers
    assert run(monkeypatch, *words, "--engine", "ray", "--ray_address", "host:1") == 0
    assert seen == ["host:1"]
    assert tree(tmp_path / "other") == tree(output)


def test_cleaning_lists_and_leaves_out(
    dfdc: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(shutil.copytree(dfdc, tmp_path / "in"))
    part = root / PART
    metadata = json.loads((part / "metadata.json").read_text())
    real = next(entry["original"] for entry in metadata.values() if "original" in entry)
    shutil.copy(part / real, part / "zz_copy.mp4")
    (part / "metadata.json").write_text(json.dumps(metadata | {"zz_copy.mp4": {"label": "REAL"}}))
    words = flags(root, output)
    assert run(monkeypatch, *words, "--clean") == 0
    listed = pd.read_csv(output / "cleaning.csv")
    assert listed["video_id"].tolist() == [f"{PART}/zz_copy.mp4"]
    assert listed["reason"].tolist() == ["exact_duplicate"]
    statuses = read(output).set_index("video_id")["status"]
    assert statuses[f"{PART}/zz_copy.mp4"] == "ok"
    assert run(monkeypatch, *words, "--drop_dirty") == 0
    statuses = read(output).set_index("video_id")["status"]
    assert statuses[f"{PART}/zz_copy.mp4"] == "skipped"
    assert statuses[f"{PART}/{real}"] == "ok"


def test_fakes_take_the_faces_of_their_original_over_and_say_so(
    heads: list[list[np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    part, out = tmp_path / "in" / PART, tmp_path / "out"
    part.mkdir(parents=True)
    write_video(part / "real.mp4", heads[0])
    write_video(part / "a_fake.mp4", [cv2.GaussianBlur(image, (0, 0), 2) for image in heads[0]])
    elsewhere = [np.roll(image, 70, axis=1) for image in heads[0]]
    write_video(part / "b_fake.mp4", elsewhere)
    fake = {"label": "FAKE", "original": "real.mp4"}
    metadata = {"real.mp4": {"label": "REAL"}, "a_fake.mp4": fake, "b_fake.mp4": fake}
    (part / "metadata.json").write_text(json.dumps(metadata))
    words = [*flags(tmp_path / "in", out), "--val_share", "0", "--reuse_boxes", "True"]
    assert run(monkeypatch, *words) == 0
    said = capsys.readouterr().out
    assert "faces of another video reused in 1 of 3 videos: 6 of 18 faces" in said
    files = {path.parent.name: path.read_text() for path in out.glob("crops/*/*/video.json")}
    reused = {name: json.loads(text)["reused"] for name, text in files.items()}
    assert reused == {"real.mp4": False, "a_fake.mp4": True, "b_fake.mp4": False}
