"""Whenever preprocessing is ended, a second run gives what an uninterrupted one gives."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.fixtures import Share
from tests.helpers import preprocess_runs
from tests.helpers.commands import ROOT
from tests.helpers.preprocess_runs import run, tree

pytestmark = pytest.mark.slow

PATIENCE = 120  # seconds after which a run that makes no progress is a failure


def flags(dataset: Path, output: Path, workers: int = 2) -> list[str]:
    return [*preprocess_runs.flags(dataset, output), "--workers", str(workers)]


@pytest.fixture(scope="module")
def whole(share: Share, talking_heads: Path) -> Path:
    """The output of an uninterrupted run on two sources with four fakes each."""

    def extract(output: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            assert run(patch, *flags(talking_heads, output)) == 0

    return share("uninterrupted", extract)


def end_when(
    words: list[str], output: Path, videos: int, number: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Start preprocess_dfdc.py and send a signal to all its processes when `videos` are on disk."""
    process = subprocess.Popen(
        [sys.executable, "preprocess_dfdc.py", *words],
        cwd=ROOT,
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
    return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.mark.parametrize(("videos", "workers"), [(0, 1), (4, 2), (9, 1)])
def test_a_killed_run_and_another_leave_what_one_run_leaves(
    tmp_path: Path,
    talking_heads: Path,
    whole: Path,
    monkeypatch: pytest.MonkeyPatch,
    videos: int,
    workers: int,
) -> None:
    """`python -m benchmarks.kills` kills twenty times."""
    words = flags(talking_heads, tmp_path, workers)
    killed = end_when(words, tmp_path, videos, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert run(monkeypatch, *words) == 0
    assert tree(tmp_path) == tree(whole)


def test_ctrl_c_writes_the_manifest_and_says_how_to_continue(
    tmp_path: Path, talking_heads: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = flags(talking_heads, tmp_path)
    stopped = end_when(words, tmp_path, 2, signal.SIGINT)
    assert stopped.returncode == 130
    assert "Traceback" not in stopped.stderr
    assert "repeat the same command" in stopped.stdout
    table = pd.read_csv(tmp_path / "videos_df.csv")
    listed = [json.loads(path.read_text()) for path in talking_heads.glob("*/metadata.json")]
    assert table["video_id"].nunique() == sum(map(len, listed)), "every video has a row"
    waiting = table["detail"] == "not extracted yet"
    assert waiting.any()
    assert (table.loc[waiting, "status"] == "skipped").all()
    assert run(monkeypatch, *words) == 0
    assert tree(tmp_path) == tree(whole)


def test_a_worker_never_sees_ctrl_c_not_even_while_it_starts(
    tmp_path: Path, talking_heads: Path, whole: Path
) -> None:
    words = [sys.executable, "preprocess_dfdc.py", *flags(talking_heads, tmp_path)]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
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
