"""The project's exceptions. Each carries one line for the user: what, where, what to do.

PipelineError            anything a user can cause or mend; entry points print it and exit 2
├── UsageError           a flag or a name that cannot be served
├── DataError            metadata, manifest or crops that are missing or inconsistent
├── WeightsError         pretrained or local weights that cannot be had
├── CheckpointError      a checkpoint that is missing, damaged, foreign or unsafe
└── VideoError           one video that cannot be decoded; becomes a row, never ends a run
"""

import gc
import sys
from collections.abc import Callable


class PipelineError(Exception):
    """Base class; its text is shown to the user as it is."""


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
    """What kind of error it is and the beginning of what it says, for the end of a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def run(main: Callable[[], int]) -> None:
    """Run an entry point: exit with its code, or with 2 and one line for a PipelineError or an
    OSError."""
    # A file name that the terminal cannot show must not end a run.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main()
    except PipelineError as error:
        # Out of a loader's process torch brings the error with its whole traceback as text.
        line = str(error).rpartition(f"{type(error).__name__}: ")[2]
        print(f"error: {line.strip()}", file=sys.stderr)
        code = 2
    except OSError as error:  # a folder that cannot be written, a full disk
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    # Else the interpreter looks for cycles in all that torch has imported, which takes a second.
    gc.freeze()
    sys.exit(code)
