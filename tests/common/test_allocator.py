"""Memory that was freed is used again without the system."""

import platform
import subprocess
import sys

import pytest

# Prints the page faults of 20 blocks of 32 MiB that are filled and freed one after the other.
PROBE = """
import resource, sys
from common import allocator
if sys.argv[1] == "keep":
    allocator.keep_memory()
for turn in range(21):
    if turn == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(32 * 2**20)[::4096] = b"x" * (8 * 2**10)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_blocks_that_were_freed_cause_no_page_faults() -> None:
    def faults(mode: str) -> int:
        ended = subprocess.run(
            [sys.executable, "-c", PROBE, mode], capture_output=True, text=True, check=True
        )
        return int(ended.stdout)

    assert faults("keep") * 10 < faults("return")
