"""Limits on what a file declares, checked before memory is spent on it."""

from av.video.stream import VideoStream

from common.errors import VideoError

# For the decoder and the frames that are kept, bytes. With torch and a model, a process stays below
# 3 GB.
MEMORY = 2_000_000_000
# Frames that a decoder holds: up to 16 that others are predicted from, one that is being decoded
# and one that is being converted.
DECODER_FRAMES = 18
HELD_BY_ENCODER = 32  # images that the encoder of a marked video holds, about
UNKNOWN_DEPTH = 64  # bits per pixel, if the file does not say
# The search for faces takes time and memory by the pixel, after frames are shrunk to a short side
# of a few hundred pixels. Panoramas have up to 10 times as many pixels along as across.
MAX_RATIO = 32  # of a frame's longer side to its shorter one
SMALL = 4_000_000  # pixels; smaller frames may have any ratio
SHORT_SIDE = 360  # pixels, below which frames are not shrunk to save memory
# If a video's size changes midway, it may grow to this, or to what it was in the beginning.
MIDWAY = 9_000_000  # pixels, a little more than 4096 × 2160


def check_ratio(width: int, height: int) -> None:
    """Raise VideoError for a large frame that is much longer than wide, or that has no size."""
    if not width or not height:
        raise VideoError("no picture in it that FFmpeg can decode")
    if width * height > SMALL and max(width, height) > MAX_RATIO * min(width, height):
        raise VideoError(f"{width} × {height} pixels: the longer side is too long for its width")


def shrink_factor(stream: VideoStream, size: tuple[int, int], frames: int, kept: int) -> int:
    """Return the power of 2 by which frames of `size`, width and height, must be divided so that
    `kept` of them fit into memory: 1 for all usual videos. `frames` is the number of frames in the
    file. Raise VideoError for frames that cannot fit or are too narrow."""
    width, height = size
    check_ratio(width, height)
    depth = UNKNOWN_DEPTH
    if stream.codec_context.format is not None:
        depth = stream.codec_context.format.padded_bits_per_pixel
    decoder = stream.width * stream.height * depth // 8 * min(frames + 1, DECODER_FRAMES)
    factor = 1
    while decoder + kept * width * height * 3 // factor**2 > MEMORY:
        factor *= 2
        if decoder > MEMORY or min(size) < factor * SHORT_SIDE:
            raise VideoError(f"frames of {width} × {height} pixels need too much memory")
    return factor


def max_pixels(stream: VideoStream) -> int:
    """Return how many pixels the decoder of a stream may give a frame."""
    # Codecs decode whole blocks of up to 128 pixels.
    return max((stream.width + 128) * (stream.height + 128), MIDWAY)
