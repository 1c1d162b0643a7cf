"""A video that fails is recorded as failed; the pool continues with the others."""

import errno
import os
import subprocess
import sys
from pathlib import Path, PosixPath

import pytest

from common.files import file_size
from common.preprocessing import FaceConfig
from extraction import pool, store
from extraction.pool import Job
from tests.helpers.bad_readers import Crashing, Hanging
from tests.helpers.preprocess_runs import extract_here
from tests.helpers.video_files import greys, write_video

pytestmark = pytest.mark.slow

CONFIG = FaceConfig(frames_per_video=2, face_size=32)


class Greedy(PosixPath):
    def is_file(self) -> bool:
        raise MemoryError


class OnFullDisk(PosixPath):
    """A folder in which the last file of a video no longer finds room."""

    def write_text(self, *args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))


def test_a_full_disk_ends_the_run_and_leaves_no_half_written_video(tmp_path: Path) -> None:
    video = tmp_path / "good.mp4"
    write_video(video, greys(4))
    crops = tmp_path / "crops"
    full = Job(video, OnFullDisk(crops / "full"))
    with pytest.raises(OSError, match="No space left"):
        list(pool.run([Job(video, crops / "before"), full], CONFIG, workers=1, timeout=60))
    size = file_size(video)
    assert store.is_done(crops / "before", size)
    assert not (crops / "full").exists()
    list(extract_here([Job(video, crops / "full")], CONFIG, workers=1, timeout=60))
    assert store.is_done(crops / "full", size)
    assert sorted(path.name for path in crops.iterdir()) == ["before", "full"]


def test_a_video_that_crashes_hangs_or_takes_all_memory_costs_its_own_row(tmp_path: Path) -> None:
    good = tmp_path / "good.mp4"
    write_video(good, greys(4))
    videos = {"good_1": good, "crash": Crashing("x"), "memory": Greedy("x")}
    videos |= {"hang": Hanging(tmp_path / "hang"), "good_2": good}
    jobs = [Job(video, tmp_path / "crops" / name) for name, video in videos.items()]
    done = list(pool.run(jobs, CONFIG, workers=2, timeout=4))
    assert len(done) == len(jobs)
    found = {job.folder.name: store.load(job.folder) for job in jobs}
    statuses = {name: record["status"] for name, record in found.items()}
    assert statuses == {
        "good_1": "no_face",
        "crash": "unreadable",
        "hang": "timeout",
        "memory": "unreadable",
        "good_2": "no_face",
    }
    assert "died (exit code -11)" in found["crash"]["detail"]
    assert "4 s" in found["hang"]["detail"]
    assert "memory" in found["memory"]["detail"]


def test_the_first_job_runs_alone_to_estimate_the_others() -> None:
    jobs = [Job(Path(name), Path("crops") / name) for name in "abc"]
    assert pool.batches(jobs) == [jobs[:1], jobs[1:]]


# A main module whose two workers are still starting when the pool is stopped, and slow to end.
# Neither goes on before both are there: one alone could finish both jobs.
SLOW_WORKERS = """
import os, signal, sys, threading, time
from pathlib import Path
from extraction import pool
from common.preprocessing import FaceConfig

folder = Path(sys.argv[1])

def wait_for_workers():
    while len(list(folder.glob("worker_*"))) < 2:
        time.sleep(0.01)

def interrupt():
    wait_for_workers()
    os.kill(os.getpid(), signal.SIGINT)

if __name__ == "__main__":
    threading.Thread(target=interrupt, daemon=True).start()
    jobs = [pool.Job(folder / name, folder / "crops" / name) for name in "ab"]
    try:
        list(pool.run(jobs, FaceConfig(), workers=2, timeout=60))
    except KeyboardInterrupt:
        print("stopped")
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / f"worker_{os.getpid()}").touch()
    wait_for_workers()
    time.sleep(1)
"""


def test_a_worker_that_is_starting_when_the_pool_is_stopped_ends_without_a_word(
    tmp_path: Path, repository: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SLOW_WORKERS)
    run = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "stopped\n", "")
