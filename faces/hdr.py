"""Tone mapping: frames of high dynamic range as a screen of standard range shows them.

PQ and HLG are decoded to light (ITU-R BT.2100), converted from the colours of BT.2020 to those of
BT.709 (BT.2087), compressed as BT.2390 describes and encoded for a screen of standard range
(BT.1886). Reference white, 203 cd/m² (BT.2408), becomes the white of the image; a peak of
1000 cd/m² is assumed, as HLG does. Colours of BT.2020 alone are converted without compression.
"""

from functools import cache

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc

WHITE, PEAK = 203.0, 1000.0  # cd/m²
GAMMA = 2.4  # of a screen of standard range
ROWS = 64  # converted at a time, to save memory
STEPS = 1 << 16
# Linear BT.2020 → linear BT.709, both in the order blue, green, red.
TO_709 = np.array(
    [[1.1187, -0.1006, -0.0182], [-0.0083, 1.1329, -0.1246], [-0.0728, -0.5876, 1.6605]],
    np.float32,
)
LUMINANCE = np.array([[0.0593, 0.6780, 0.2627]], np.float32)  # of BT.2020: blue, green, red


def is_hdr(frame: av.VideoFrame) -> bool:
    """Return whether a frame has the transfer curve or the colours of HDR television."""
    curves = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
    return frame.color_trc in curves or frame.color_primaries == ColorPrimaries.BT2020


def to_sdr(image: np.ndarray, curve: int) -> np.ndarray:
    """Return an image (H, W, 3) uint16 BGR of BT.2020 with the transfer `curve`, a ColorTrc, as
    (H, W, 3) uint8 BGR of BT.709."""
    result = np.empty(image.shape, np.uint8)
    for top in range(0, len(image), ROWS):
        light = _decoder(curve)[image[top : top + ROWS]]  # 1 is the peak
        if curve == ColorTrc.ARIB_STD_B67:  # the brighter the scene, the more contrast
            light *= cv2.transform(light, LUMINANCE)[..., None] ** np.float32(0.2)
        light = np.clip(cv2.transform(light, TO_709), 0, 1)
        result[top : top + ROWS] = _encoder(curve)[(np.sqrt(light) * (STEPS - 1)).astype(np.uint16)]
    return result


@cache
def _decoder(curve: int) -> np.ndarray:
    """Return the light (STEPS,) float32 of each code value; 1 is the peak. It is that of the screen
    for PQ and BT.2020 without HDR, that of the scene for HLG."""
    code = np.linspace(0, 1, STEPS)
    if curve == ColorTrc.SMPTE2084:
        light = np.minimum(_pq_to_light(code) / PEAK, 1)
    elif curve == ColorTrc.ARIB_STD_B67:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    else:
        light = code**GAMMA
    return light.astype(np.float32)


@cache
def _encoder(curve: int) -> np.ndarray:
    """Return the code value (STEPS,) uint8 of each square root of light; 1 is the peak."""
    light = np.linspace(0, 1, STEPS) ** 2
    if curve in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67):
        light = _compressed(light * PEAK) / WHITE
    return np.round(255 * np.clip(light, 0, 1) ** (1 / GAMMA)).astype(np.uint8)


def _compressed(light: np.ndarray) -> np.ndarray:
    """Return light up to PEAK, cd/m², compressed to at most WHITE: the curve of BT.2390-11, 5.4.1,
    which leaves dark and middle tones as they are and bends smoothly from a knee on."""
    peak = _light_to_pq(np.array(PEAK))
    code, limit = _light_to_pq(light) / peak, _light_to_pq(np.array(WHITE)) / peak
    knee = 1.5 * limit - 0.5
    t = np.maximum(code - knee, 0) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * limit
    )
    return _pq_to_light(np.where(code < knee, code, bent) * peak)


# The constants of the PQ curve, SMPTE ST 2084.
_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128


def _pq_to_light(code: np.ndarray) -> np.ndarray:
    power = code ** (1 / _M2)
    light: np.ndarray = 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return light


def _light_to_pq(light: np.ndarray) -> np.ndarray:
    power = (light / 10_000) ** _M1
    code: np.ndarray = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return code
