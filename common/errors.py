"""The project's exceptions, each with a one-line message: what is wrong, where, what to do.

PipelineError            base class; entry points print it and exit with code 2
├── UsageError           a wrong flag or name, or flags that contradict each other
├── DataError            metadata, a manifest or crops that are missing or inconsistent
├── WeightsError         pretrained or local weights that cannot be loaded
├── CheckpointError      a checkpoint that is missing, damaged, unsafe, or not of this project
└── VideoError           a video that cannot be decoded; recorded as its status, the run continues
"""

import gc
import sys
from collections.abc import Callable


class PipelineError(Exception):
    pass


class UsageError(PipelineError):
    pass


class DataError(PipelineError):
    pass


class WeightsError(PipelineError):
    pass


class CheckpointError(PipelineError):
    pass


class VideoError(PipelineError):
    pass


def one_line(error: Exception) -> str:
    """Return the type and the first 200 characters of an exception's message on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def printable(text: str) -> str:
    """Return `text` with characters that are not printable escaped, so that a file name can neither
    imitate another line nor control the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def run(main: Callable[[], int]) -> None:
    """Run an entry point and exit with the code that it returns. Exit with code 2 and one line on
    stderr for a PipelineError or an OSError, and with code 130 for Ctrl-C."""
    # A file name that the terminal cannot show must not end a run.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = main()
    except (PipelineError, OSError) as error:  # OSError: a read-only folder, a full disk
        print(f"error: {printable(str(error))}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    # Without this, the interpreter searches all objects of torch for reference cycles when it
    # exits, which takes a second.
    gc.freeze()
    sys.exit(code)
