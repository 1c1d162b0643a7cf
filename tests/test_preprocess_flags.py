"""What flags of preprocess_dfdc.py add: shards, engines, cleaning."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.lock import one_shard, only_writer
from extraction import planning, pool, ray_pool
from tests.helpers.preprocess_runs import PART, flags, read, run, tree


def test_shards_and_a_last_call_write_what_one_call_writes(
    dfdc: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharded = tmp_path / "sharded"
    for shard in ("1/3", "2/3", "3/3"):
        assert run(monkeypatch, *flags(dfdc, sharded), "--shard", shard) == 0
        assert not (sharded / "videos_df.csv").exists(), "no shard knows all rows"
    assert run(monkeypatch, *flags(dfdc, sharded)) == 0
    assert tree(sharded) == tree(output)


def test_a_second_call_for_the_same_folder_or_shard_is_refused(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = flags(dfdc, tmp_path)
    with only_writer(tmp_path):
        assert run(monkeypatch, *words) == 2
    with one_shard(tmp_path, 1, 3):
        assert run(monkeypatch, *words, "--shard", "1/3") == 2
        assert run(monkeypatch, *words) == 2
        for line in capsys.readouterr().err.splitlines():
            assert line.startswith(f"error: another process is writing to {tmp_path}")
        assert not (tmp_path / "crops").exists()


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
