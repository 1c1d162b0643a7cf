"""Facts about a video file that need no decoding."""

import os
from pathlib import Path

import av
from av.error import FFmpegError

from common.files import sha256

NAME_BYTES = 200  # of a file's name that another name begins with: file systems allow 255


def file_facts(path: Path) -> dict[str, str]:
    """Return size and SHA-256 of a file, and if it is a video also container, codec, frame rate,
    resolution and duration, as text."""
    size = f"{path.stat().st_size:,} bytes"
    facts = {"file": path.name, "size": size, "SHA-256": sha256(path)}
    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            facts["container"] = container.format.long_name or container.format.name
            if container.duration:
                facts["duration"] = f"{container.duration / av.time_base:.1f} s"
            if container.streams.video:
                stream = container.streams.video[0]
                if stream.codec_context is not None:
                    facts["codec"] = stream.codec_context.name
                facts["resolution"] = f"{stream.width} x {stream.height}"
                if stream.average_rate:
                    facts["frame rate"] = f"{float(stream.average_rate):.2f} per second"
    except (FFmpegError, OSError, ValueError):  # not a video, or a damaged one
        facts["container"] = "not readable"
    return facts


def derived_name(path: Path, digest: str, ending: str) -> str:
    """Return a name for what is made from a file: its own name and part of its SHA-256 `digest`."""
    stem = os.fsdecode(os.fsencode(path.stem)[:NAME_BYTES])
    return f"{stem}-{digest[:8]}{ending}"
