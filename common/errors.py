"""The project's exceptions. The text of each is one line for the user: what, where, what to do.

PipelineError            base class; entry points print it and exit with code 2
├── UsageError           a flag or a name that is wrong, or flags that contradict each other
├── DataError            metadata, a manifest or crops that are missing or inconsistent
├── WeightsError         pretrained or local weights that cannot be loaded
├── CheckpointError      a checkpoint that is missing, damaged, foreign or unsafe
└── VideoError           a video that cannot be decoded; recorded as a status, never ends a run
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


def run(main: Callable[[], int]) -> None:
    """Run an entry point and exit with its code, or print one line and exit with code 2 for a
    PipelineError or an OSError, with code 130 for Ctrl-C."""
    # A file name that the terminal cannot show must not end a run.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = main()
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except OSError as error:  # a folder that cannot be written, a full disk
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    # Otherwise the interpreter searches everything torch has imported for reference cycles, which
    # takes a second.
    gc.freeze()
    sys.exit(code)
