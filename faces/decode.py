"""Reads sampled frames of a video file: (H, W, 3) uint8 RGB, upright.

Both decoders use one thread, because extraction runs one process per core, and scoring must see the
same pixels as training.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import decord_video, image_folder, pillow_formats, pyav_video, sampling
from faces.frames import ChooseFrames, Frames, WholeVideo
from faces.sampling import WHOLE, Span
from faces.timeline import Timeline

READERS: dict[str, Callable[[Path, ChooseFrames], Iterator[Frames]]] = {
    "pyav": pyav_video.read,
    "decord": decord_video.read,
}


def read(path: Path, config: FaceConfig) -> Frames:
    """Return the frames that `config` samples from the whole video. Raise VideoError if the file
    cannot be read or fewer than half of its frames can be decoded."""
    (frames,) = read_windows(path, config, WHOLE)
    return frames


def read_windows(path: Path, config: FaceConfig, span: Span) -> Iterator[Frames]:
    """Yield the frames that `config` samples from each window of `span`. The file is decoded only
    once, and only one window's frames are in memory.

    Raise VideoError, possibly after some windows, if the file holds no video or fewer than half of
    its frames can be decoded. If less of the file is lost, the window in which the loss begins has
    fewer frames, its `detail` says so, and no window follows.
    """
    if path.is_dir():
        yield image_folder.read(path, config)
        return
    _check_readable(path)
    reader = READERS[config.decoder]
    if (special := pillow_formats.reader(path)) is not None:
        reader = special.read
    elif config.sampling == "keyframe":
        yield from pyav_video.read_key_frames(path, config, span)
        return
    first = True
    for frames in reader(path, _uniform(config, span)):
        if first and not frames.images:
            raise VideoError("not one frame could be decoded")
        total = frames.timeline.total
        damaged = frames.decoded < total
        if 2 * frames.decoded < total:
            raise VideoError(f"only {frames.decoded} of {total} frames could be decoded")
        if damaged:
            damage = f"damaged: {frames.decoded} of {total} frames could be decoded"
            frames.detail = "; ".join(filter(None, [damage, frames.detail]))
        yield frames
        if damaged:
            return
        first = False
        del frames  # otherwise two windows' frames would be in memory


def every_frame(path: Path) -> AbstractContextManager[WholeVideo]:
    """Open a video to read all its frames, whatever decoder sampled some of them."""
    reader = pillow_formats.reader(path) or pyav_video
    video: AbstractContextManager[WholeVideo] = reader.every_frame(path)
    return video


def _uniform(config: FaceConfig, span: Span) -> ChooseFrames:
    def choose(timeline: Timeline) -> list[list[int]]:
        wanted = config.frames_per_video
        return [
            [window[i] for i in sampling.uniform(len(window), wanted)]
            for window in sampling.windows(timeline, wanted, span)
        ]

    return choose


def _check_readable(path: Path) -> None:
    """Raise VideoError if `path` is not a file, is empty or may not be read."""
    if not path.is_file():
        raise VideoError("not a file")
    if path.stat().st_size == 0:
        raise VideoError("the file is empty")
    try:
        path.open("rb").close()
    except PermissionError as error:
        raise VideoError("no permission to read it") from error
