"""The margin that is measured in face crops, beside the one that they were cut with.

    python -m benchmarks.margins FOLDER [FOLDER …]

Cuts the faces that MTCNN finds in a few frames of every .mp4 file at several margins, and measures
the margin of these crops as preprocess_dfdc.py --faces cropped does. Then it measures it without
the grey border in which a crop is searched.
"""

from pathlib import Path

import numpy as np

from benchmarks.shared import find_videos, new_parser
from common import errors
from common.preprocessing import FaceConfig
from faces import cropped
from faces.crop import cut
from faces.decode import read
from faces.detect import FaceDetector

FRAMES = 4  # of every video
MARGINS = (-0.2, -0.14, 0.0, 0.15, 0.3, 0.6)
SIZE = 224  # pixels of a crop
BORDERS = {"with border": cropped.BORDER, "without": 0}

Face = tuple[np.ndarray, np.ndarray]  # frame (H, W, 3) uint8 RGB, and box (4,)


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of .mp4 files")
    faces = find_faces(find_videos(parser.parse_args().folders))
    print(f"{len(faces)} faces; median of the measured margins (10th to 90th percentile), found in")
    print(f"{'cut at':<10}" + "".join(f"{name:<36}" for name in BORDERS))
    detector = FaceDetector(FaceConfig(mode="cropped"))
    for margin in MARGINS:
        crops = [cut(image, box, margin, SIZE) for image, box in faces]
        cells = [describe(measure(crops, detector, border)) for border in BORDERS.values()]
        print(f"{margin:<10g}" + "".join(f"{cell:<36}" for cell in cells), flush=True)
    return 0


def find_faces(videos: list[Path]) -> list[Face]:
    """Return the first face that MTCNN finds in each of FRAMES frames of every video."""
    config = FaceConfig(frames_per_video=FRAMES)
    detector = FaceDetector(config)
    found = (
        (image, detector.search(image)) for video in videos for image in read(video, config).images
    )
    return [(image, faces[0].box) for image, faces in found if faces]


def measure(crops: list[np.ndarray], detector: FaceDetector, border: int) -> list[float | None]:
    """Return the margin measured in each crop; None where no face was found."""
    return [cropped.find_face(crop, detector, border).margin for crop in crops]


def describe(margins: list[float | None]) -> str:
    found = [margin for margin in margins if margin is not None]
    share = f"{len(found) / len(margins):.1%}"
    if not found:
        return share
    low, middle, high = np.quantile(found, (0.1, 0.5, 0.9))
    return f"{middle:z.2f} ({low:z.2f} to {high:z.2f}), {share}"


if __name__ == "__main__":
    errors.run(main)
