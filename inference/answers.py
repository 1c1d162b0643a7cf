"""The answers of an Extractor's process: the windows of a video, and its end."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # slow
    from faces.extract import Extraction


class Window(NamedTuple):
    """One window of a video."""

    extraction: "Extraction"
    seconds: float  # duration of the extraction


@dataclass(frozen=True)
class End:
    """The end of a video: the file that was read, or why it was not."""

    video: Path
    size: int = 0  # in bytes
    seconds: float = 0.0  # time taken since the last window
    sha256: str = ""  # of the bytes that were decoded; empty if the video could not be read
    status: str = ""  # timeout or unreadable, for the whole video; empty if its windows say it
    detail: str = ""  # reason of the status
