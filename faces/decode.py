"""Frames out of a video file: (T, H, W, 3) uint8 RGB, upright.

Both decoders run on one thread: extraction uses one process per core instead, and scoring
must see the same pixels as training did.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import decord_video, pyav_video, sampling
from faces.frames import Frames, Pick
from faces.sampling import WHOLE, Span

READERS: dict[str, Callable[[Path, Pick], Iterator[Frames]]] = {
    "pyav": pyav_video.read,
    "decord": decord_video.read,
}


def read(path: Path, config: FaceConfig) -> Frames:
    """The frames of the whole video that `config` asks for. Raise VideoError as read_windows."""
    (frames,) = read_windows(path, config, WHOLE)
    return frames


def read_windows(path: Path, config: FaceConfig, span: Span) -> Iterator[Frames]:
    """What `config` asks for of each window of `span`, one after the other: the file is decoded
    once, and no more than a window's frames are in memory.

    Raise VideoError when the file holds no video or less than half of its frames can be read. When
    only the tail is lost, the frames before it are given, those of the last window say so in
    `detail`, and nothing comes after it.
    """
    _check(path)
    if config.sampling == "keyframe":
        yield from pyav_video.read_key_frames(path, config, span)
        return
    nothing_yet = True
    for frames in READERS[config.decoder](path, _pick(config, span)):
        if nothing_yet and not frames.images:
            raise VideoError("not one frame could be decoded")
        damaged = frames.decoded < frames.total
        if damaged and 2 * frames.decoded < frames.total:
            raise VideoError(f"only {frames.decoded} of {frames.total} frames could be decoded")
        if damaged:
            frames.detail = f"damaged: {frames.decoded} of {frames.total} frames could be decoded"
        yield frames
        if damaged:
            return
        nothing_yet = False
        del frames  # or two windows' frames would be in memory


def _pick(config: FaceConfig, span: Span) -> Pick:
    def pick(total: int, fps: float) -> list[list[int]]:
        found = []
        for window in sampling.windows(total, fps, config.frames_per_video, span):
            if config.sampling == "consecutive":
                chosen = sampling.consecutive(
                    len(window), config.frames_per_video, config.run_frames
                )
            else:
                chosen = sampling.uniform(len(window), config.frames_per_video)
            found.append([window[i] for i in chosen])
        return found

    return pick


def _check(path: Path) -> None:
    if not path.is_file():
        raise VideoError("not a file")
    if path.stat().st_size == 0:
        raise VideoError("the file is empty")
    try:
        path.open("rb").close()
    except PermissionError as error:
        raise VideoError("no permission to read it") from error
