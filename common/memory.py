"""The peak memory of this process and of its children."""

import sys


def peak_bytes(children: bool = False) -> int | None:
    """Return the largest resident memory so far, in bytes, of this process or, if `children`, of
    the largest child process that has ended; None if the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF)
    return peak.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
