"""The peak memory of reading one file, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.helpers.commands import ROOT

READ = """
import re, sys
from pathlib import Path
from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import decode

try:
    result = len(decode.read(Path(sys.argv[1]), FaceConfig()).images)
except VideoError:
    result = 0
status = Path("/proc/self/status").read_text()  # ru_maxrss includes the process that started it
print(result, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
"""


def reading_memory(video: Path) -> tuple[int, int]:
    """Return the number of frames that were read, 0 if the file was refused, and the peak memory in
    MB; print both."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(video)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    frames, peak = map(int, done.stdout.split())
    print(f"{video.name}: {frames} frames, {peak} MB")
    return frames, peak
