"""Whenever preprocessing is ended, a second run gives what an uninterrupted one gives."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.preprocess_runs import tree

PATIENCE = 120  # seconds after which a run that makes no progress is a failure


def command(dataset: Path, output: Path) -> list[str]:
    return [
        *(sys.executable, "preprocess_dfdc.py", "--input", str(dataset), "--output", str(output)),
        *("--val_share", "0.3", "--test_share", "0", "--undersample", "False", "--seed", "1"),
        *("--frames_per_video", "6", "--face_size", "64", "--workers", "2"),
    ]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, talking_heads: Path) -> Path:
    """Two sources with four fakes each."""
    root = tmp_path_factory.mktemp("interrupted")
    for part in sorted(talking_heads.glob("dfdc_train_part_*")):
        shutil.copytree(part, root / part.name)
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, dataset: Path, repository: Path) -> Path:
    """What an uninterrupted run writes."""
    output = tmp_path_factory.mktemp("whole")
    subprocess.run(command(dataset, output), cwd=repository, check=True, capture_output=True)
    return output


def end_when(
    run: list[str], repository: Path, output: Path, videos: int, number: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Start `run` and send a signal to all its processes when `videos` are on disk."""
    process = subprocess.Popen(
        run,
        cwd=repository,
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + PATIENCE
    while len(list(output.glob("crops/*/*/video.json"))) < videos and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(run, process.returncode, out, err)


@pytest.mark.parametrize("videos", [0, 3, 9])
def test_a_killed_run_and_another_leave_what_one_run_leaves(
    tmp_path: Path, dataset: Path, whole: Path, repository: Path, videos: int
) -> None:
    run = command(dataset, tmp_path)
    killed = end_when(run, repository, tmp_path, videos, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    subprocess.run(run, cwd=repository, check=True, capture_output=True)
    assert tree(tmp_path) == tree(whole)


def test_ctrl_c_writes_the_manifest_and_says_how_to_continue(
    tmp_path: Path, dataset: Path, whole: Path, repository: Path
) -> None:
    run = command(dataset, tmp_path)
    stopped = end_when(run, repository, tmp_path, 2, signal.SIGINT)
    assert stopped.returncode == 130
    assert "Traceback" not in stopped.stderr
    assert "the same command continues" in stopped.stdout
    table = pd.read_csv(tmp_path / "videos_df.csv")
    listed = [json.loads(path.read_text()) for path in dataset.glob("*/metadata.json")]
    assert table["video_id"].nunique() == sum(map(len, listed)), "every video has a row"
    waiting = table["detail"] == "not extracted yet"
    assert waiting.any()
    assert (table.loc[waiting, "status"] == "skipped").all()
    subprocess.run(run, cwd=repository, check=True, capture_output=True)
    assert tree(tmp_path) == tree(whole)


def test_a_worker_never_sees_ctrl_c_not_even_while_it_starts(
    tmp_path: Path, dataset: Path, whole: Path, repository: Path
) -> None:
    run = command(dataset, tmp_path)
    with subprocess.Popen(
        run, cwd=repository, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None:
            for child in children.read_text().split() if children.exists() else ():
                os.kill(int(child), signal.SIGINT)
            time.sleep(0.05)
        _, err = process.communicate()
    assert process.returncode == 0, err.decode()
    assert b"Traceback" not in err
    assert tree(tmp_path) == tree(whole)
