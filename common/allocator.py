"""Keeps freed memory in the process, so that the next training step need not fetch it again.

By default, glibc returns large blocks to the system as soon as they are freed. A training step
frees and allocates all activations, and the system clears every page of them anew.
"""

import ctypes
import platform

# Of mallopt: https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html
TRIM_THRESHOLD, MMAP_MAX = -1, -4
LARGEST = 2**31 - 1  # bytes at the end of the heap that are kept


def keep_memory() -> None:
    """Keep freed memory from now on. Memory then stays at its peak until the process ends. Does
    nothing where the C library is not glibc, as on macOS and Windows."""
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(MMAP_MAX, 0)
    libc.mallopt(TRIM_THRESHOLD, LARGEST)
