"""Reads facts about a video file without decoding it."""

import os
from collections.abc import Generator
from pathlib import Path

import av

from common.errors import VideoError
from common.files import sha256
from faces.containers import film, opened_container

NAME_BYTES = 200  # of a video's name that are kept in a derived name: file systems allow 255


def read_facts(path: Path, digest: str) -> Generator[dict[str, str], None, None]:
    """Yield label → text: first the SHA-256 of the file, which is `digest` unless that is empty,
    then container, duration, codec, resolution and frame rate of the video in it, as far as they
    are known. Raise OSError if the file cannot be read."""
    yield {"SHA-256": digest or sha256(path)}
    facts: dict[str, str] = {}
    try:
        with opened_container(path) as (container, _):
            facts["container"] = container.format.long_name or container.format.name
            if container.duration:
                facts["duration"] = f"{container.duration / av.time_base:.1f} s"
            stream, _ = film(container)
            facts["codec"] = stream.codec_context.name
            if stream.width:  # unknown for animated WebP
                facts["resolution"] = f"{stream.width} x {stream.height}"
            if stream.average_rate:
                facts["frame rate"] = f"{float(stream.average_rate):.2f} frames per second"
    except (VideoError, OSError, ValueError):  # not a video, or damaged
        facts.setdefault("container", "not readable")
    yield facts


def derived_name(path: Path, digest: str, ending: str) -> str:
    """Return a file name for something made from the video `path`: the stem of its name, cut to
    NAME_BYTES, the first 8 digits of its SHA-256 `digest`, and `ending`."""
    stem = os.fsdecode(os.fsencode(path.stem)[:NAME_BYTES])
    return f"{stem}-{digest[:8]}{ending}"
