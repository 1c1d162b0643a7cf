"""One bad video costs one row; the pool goes on."""

import os
import signal
import time
from pathlib import Path, PosixPath

from faces import pool, store
from faces.pool import Job
from preprocessing import FaceConfig
from tests.video_files import greys, write_video

CONFIG = FaceConfig(frames_per_video=2, face_size=32)


class Crashing(PosixPath):
    """Ends the process that looks at it, as a codec with a bug does."""

    def is_file(self) -> bool:
        os.kill(os.getpid(), signal.SIGSEGV)
        return True


class Hanging(PosixPath):
    def is_file(self) -> bool:
        time.sleep(1000)
        return True


class Greedy(PosixPath):
    def is_file(self) -> bool:
        raise MemoryError


def test_a_video_that_crashes_hangs_or_takes_all_memory_costs_its_own_row(tmp_path: Path) -> None:
    good = tmp_path / "good.mp4"
    write_video(good, greys(4))
    videos = {"good_1": good, "crash": Crashing("x"), "hang": Hanging("x"), "memory": Greedy("x")}
    videos |= {"good_2": good}
    jobs = [Job(video, tmp_path / "crops" / name) for name, video in videos.items()]
    done = list(pool.run(jobs, CONFIG, workers=2, timeout=20))
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
    assert "20 s" in found["hang"]["detail"]
    assert "memory" in found["memory"]["detail"]
