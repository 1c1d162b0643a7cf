"""Opens video files with FFmpeg: the known formats, no other file, the stream of the film."""

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from common.errors import VideoError
from faces import limits

# A damaged file becomes a status with a reason; FFmpeg's own messages would garble the output.
av.logging.set_level(None)

# FFmpeg's names of the formats that are opened. All hold their own pictures. Formats that name
# other files (concat, HLS, DASH, SDP) or devices are not listed, whatever a file's ending says.
# The formats of sound serve to say that a file holds sound.
_VIDEOS = (
    "asf av1 avi dhav dv flv gif h264 hevc ivf live_flv m4v matroska mjpeg mov mpeg mpegts "
    "mpegvideo mxf nut obu ogg rm wtv yuv4mpegpipe"
)
_IMAGES = "apng bmp_pipe image2 jpeg_pipe jpegxl_pipe png_pipe tiff_pipe webp_pipe"
_SOUND = "aac aiff flac mp3 wav"
OPTIONS = {
    "format_whitelist": ",".join(f"{_VIDEOS} {_IMAGES} {_SOUND}".split()),
    "protocol_whitelist": "file",
    "pattern_type": "none",  # an ending with %d is that of one image, not of a sequence
}
# A file in which FFmpeg reads more bytes than this without finding a picture is given up: a sparse
# file of terabytes would take hours. 20 minutes of uncompressed sound have as many bytes.
MAX_GAP = 256 << 20
# Streams that are not films: covers, thumbnails, and tiles of a larger picture.
NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
PICTURES = {"bmp", "gif", "mjpeg", "png", "tiff", "webp"}  # codecs of covers that are not marked


class _OneFile(io.FileIO):
    """A file that ends, for FFmpeg, MAX_GAP bytes after the last picture that was found."""

    gap = 0  # bytes read since then

    def read(self, size: int | None = -1, /) -> bytes:
        if self.gap > MAX_GAP:
            return b""
        data = super().read(size)
        self.gap += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Return the new position, or FFmpeg's code for a position that cannot be, which a damaged
        file may ask for."""
        try:
            return super().seek(offset, whence)
        except OSError as error:
            return -(error.errno or errno.EINVAL)


def _check_gap(files: list[_OneFile]) -> None:
    if any(file.gap > MAX_GAP for file in files):
        raise VideoError(f"no picture in {MAX_GAP >> 20} MB of it")


@dataclass
class OpenVideo:
    """An open file and the stream of its film."""

    container: InputContainer
    stream: VideoStream
    note: str  # what else the file shows, for the user; usually empty
    files: list[_OneFile]

    def packets(self) -> Iterator[av.Packet]:
        """Yield the film's packets in file order, then an empty one. Raise VideoError if no picture
        follows in the next MAX_GAP bytes."""
        try:
            for packet in self.container.demux(self.stream):
                if packet.size:
                    for file in self.files:
                        file.gap = 0
                yield packet
        except IndexError as error:  # raised by PyAV if a new stream begins midway
            raise VideoError("its streams change midway") from error
        _check_gap(self.files)

    def frames(self) -> Iterator[av.VideoFrame]:
        """Yield the frames from the current position on, in presentation order. Raise FFmpegError
        at the first one that cannot be decoded."""
        for packet in self.packets():
            yield from packet.decode()


@contextmanager
def opened(path: Path) -> Iterator[OpenVideo]:
    """Open a video, set to decode on one thread. Raise VideoError if it holds no film, and for
    every FFmpegError that the block raises."""
    with opened_container(path) as (container, files):
        stream, note = film(container)
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels(stream))}
        yield OpenVideo(container, stream, note, files)


@contextmanager
def opened_container(path: Path) -> Iterator[tuple[InputContainer, list[_OneFile]]]:
    """Open a file of any of the known formats; yield its container, and the objects that FFmpeg
    reads it through. Raise VideoError for every FFmpegError, that of another format included."""
    # FFmpeg sees an invented name, so that no part of the real one means anything to it but the
    # ending, which decides between formats that look alike. It opens no file itself.
    name = "video" + (path.suffix if path.suffix.isascii() else "")
    files: list[_OneFile] = []

    def open_file(url: str, flags: int, options: dict[str, str]) -> _OneFile:
        if url != name:
            raise VideoError("it refers to another file")
        files.append(_OneFile(path))
        return files[-1]

    try:
        with av.open(name, metadata_errors="replace", options=OPTIONS, io_open=open_file) as file:
            yield file, files
    except av.error.MemoryError:
        raise  # of the limits of the process, not of the file
    except av.FFmpegError as error:
        _check_gap(files)
        raise VideoError("no video stream that FFmpeg can open") from error
    finally:
        for opened_file in files:
            opened_file.close()


def film(container: InputContainer) -> tuple[VideoStream, str]:
    """Return the stream of the film, and a note if there are several. Raise VideoError if there is
    none."""
    streams = container.streams.video
    films = [stream for stream in streams if not stream.disposition & NO_FILM]
    if not films:
        raise VideoError(_why_no_film(list(streams)))
    films = [stream for stream in films if not _is_picture(stream)] or films
    if films[0].codec_context is None:
        raise VideoError("a codec that FFmpeg does not know")
    return films[0], f"only the first of its {len(films)} films was read" if films[1:] else ""


def _is_picture(stream: VideoStream) -> bool:
    codec = stream.codec_context
    return stream.frames == 1 or (codec is not None and codec.name in PICTURES)


def _why_no_film(streams: list[VideoStream]) -> str:
    if not streams:
        return "no video stream in it"
    if any(stream.disposition & Disposition.dependent for stream in streams):
        return "a picture of several tiles of an unusual kind: convert it to JPEG"
    return "no film in it, only sound and a cover picture"
