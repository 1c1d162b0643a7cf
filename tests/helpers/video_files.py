"""Small real video files for the tests: sound ones, and ones that are damaged in a known way."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition

from inference.file_facts import read_facts

# The matrix of a tkhd box for a picture that was filmed with the camera on its side: shown
# turned by 90° clockwise. 16.16 fixed point, the last column 2.30 (ISO/IEC 14496-12, 8.3.2).
QUARTER_TURN = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
MATRIX_IN_TKHD = 4 + 4 + 20 + 8 + 8  # type, version and flags, times and ids, reserved, layer


def facts(path: Path) -> dict[str, str]:
    """What a page says about a file."""
    return {label: text for part in read_facts(path, "") for label, text in part.items()}


def write_video(
    path: Path, images: list[np.ndarray], fps: int = 25, index_first: bool = True
) -> Path:
    """Write frames (H, W, 3) uint8 RGB as H.264, nearly without loss, with B-frames.

    `index_first` puts the index before the pictures (faststart), so that a cut end leaves it.
    """
    flags = {"movflags": "+faststart"} if index_first else {}
    with av.open(str(path), "w", format="mp4", options=flags) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"crf": "4", "preset": "fast"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_images(folder: Path, images: list[np.ndarray]) -> Path:
    """Write frames (H, W, 3) uint8 RGB as 1.png, 2.png, … in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images, 1):
        bgr = np.ascontiguousarray(image[..., ::-1])
        assert cv2.imwrite(str(folder / f"{number}.png"), bgr)
    return folder


def write_as(
    path: Path, images: list[np.ndarray], codec: str, pixels: str, title: str = ""
) -> Path:
    """Frames (H, W, 3) uint8 RGB, 25 a second, in the container of the path's ending."""
    with av.open(str(path), "w") as container:
        if title:
            container.metadata["title"] = title
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """Half a second of a tone, and no picture."""
    rate = 16_000
    wave = np.sin(np.arange(rate // 2) * 2 * np.pi * 440 / rate).astype(np.float32)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_with_sound(path: Path, images: list[np.ndarray], seconds: int) -> Path:
    """25 frames a second and a tone of `seconds`, in the container of the path's ending."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.height, video.width = images[0].shape[:2]
        video.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 16_000 * seconds), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16_000
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def turn(path: Path, matrix: bytes = QUARTER_TURN) -> Path:
    """Mark a file, as telephones do, as one to be shown turned: by 90° clockwise, or by another
    matrix."""
    data = path.read_bytes()
    assert data.count(b"tkhd") == 1
    start = data.index(b"tkhd") + MATRIX_IN_TKHD
    path.write_bytes(data[:start] + matrix + data[start + 36 :])
    return path


def cut(source: Path, path: Path, share: float) -> Path:
    """The first `share` of the bytes of `source`."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def cut_index(source: Path, path: Path) -> Path:
    """`source`, written without `index_first`, up to its index, which is at its end."""
    data = source.read_bytes()
    start = data.rindex(b"moov") - 4
    assert start > data.index(b"mdat"), "the index is not at the end"
    path.write_bytes(data[:start])
    return path


def read_images(path: Path) -> list[np.ndarray]:
    """Every frame as (H, W, 3) uint8 RGB, as it is stored: not turned."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def greys(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frame i is all of grey level 20 + 7 i, which `grey_index` reads."""
    assert count <= 32
    return [np.full((height, width, 3), 20 + 7 * i, np.uint8) for i in range(count)]


def grey_index(image: np.ndarray) -> int:
    return round((float(image.mean()) - 20) / 7)


def side_by_side(left: list[np.ndarray], right: list[np.ndarray]) -> list[np.ndarray]:
    """One picture of two, as long as the shorter."""
    return [np.hstack(pair) for pair in zip(left, right, strict=False)]


def noisy(images: list[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """With noise over it, so that every frame takes about as many bytes as the next."""
    rng = np.random.default_rng(seed)
    return [cv2.add(image, rng.integers(0, 12, image.shape, dtype=np.uint8)) for image in images]


def write_at(
    path: Path, images: list[np.ndarray], times: list[int], codec: str = "libx264", unit: int = 25
) -> Path:
    """Frames shown at `times`, in units of 1 / `unit` second, in the container of the path's
    ending."""
    base = Fraction(1, unit)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = base
        for time, image in zip(times, images, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_streams(
    path: Path, films: dict[str, list[np.ndarray]], cover: np.ndarray | None = None
) -> Path:
    """A second of silence, after one video stream for each entry of codec → frames, and after the
    `cover`, marked as one."""
    with av.open(str(path), "w") as container:
        streams = []
        if cover is not None:
            streams.append((container.add_stream("mjpeg", rate=1), [cover]))
            streams[0][0].disposition = Disposition.attached_pic
        streams += [(container.add_stream(codec, rate=25), films[codec]) for codec in films]
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        for stream, images in streams:
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if stream.name == "mjpeg" else "yuv420p"
        for stream, images in streams:
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())
        silence = np.zeros((1, 16_000), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path
