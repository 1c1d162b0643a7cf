"""Draw pictures of three classes, animals, faces and vehicles, to train a content classifier on.

    python -m demo.contents --output DIR

DIR/<class>/SEED_*.jpg, each on a background of the demo's videos.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from common import errors
from demo.animate import draw_shot, render
from demo.scene import FRAME_HEIGHT, FRAME_WIDTH, draw_background
from flags.types import at_least

SIDE = 256
Colour = tuple[float, float, float]


def draw_faces(rng: np.random.Generator) -> np.ndarray:
    return render(draw_shot(rng, 1, 25), 0)[0]


def draw_vehicles(rng: np.random.Generator) -> np.ndarray:
    """Draw a car or a bus from the side."""
    image, (x, y), unit = _canvas(rng)
    body, glass, black = _colour(rng), _colour(rng), (0.05, 0.05, 0.05)
    length, height = int(unit * rng.uniform(1.6, 2.4)), int(unit * rng.uniform(0.4, 0.9))
    cv2.rectangle(image, (x - length, y - height), (x + length, y), body, -1, cv2.LINE_AA)
    roof = int(length * rng.uniform(0.45, 0.95))
    cv2.rectangle(image, (x - roof, y - 2 * height), (x + roof, y - height), body, -1, cv2.LINE_AA)
    for left in np.linspace(x - roof + 6, x + roof - 6, int(rng.integers(3, 6)))[:-1]:
        pane = (int(left), y - 2 * height + 6), (int(left + roof / 3), y - height - 2)
        cv2.rectangle(image, *pane, glass, -1, cv2.LINE_AA)
    for wheel in (-0.6, 0.6):
        centre, radius = (int(x + wheel * length), y), int(unit * 0.4)
        cv2.circle(image, centre, radius, black, -1, cv2.LINE_AA)
        cv2.circle(image, centre, radius // 2, (0.7, 0.7, 0.7), -1, cv2.LINE_AA)
    return image


def draw_animals(rng: np.random.Generator) -> np.ndarray:
    """Draw an animal on four legs from the side."""
    image, (x, y), unit = _canvas(rng)
    fur, length = _colour(rng), int(unit * rng.uniform(1.2, 1.8))
    thick = int(unit * 0.22)
    for leg in (-0.8, -0.5, 0.5, 0.8):
        top = (int(x + leg * length), y - unit)
        cv2.line(image, top, (top[0] + int(rng.integers(-9, 10)), y), fur, thick, cv2.LINE_AA)
    cv2.ellipse(image, (x, y - unit), (length, int(unit * 0.6)), 0, 0, 360, fur, -1, cv2.LINE_AA)
    tail = (x - length, y - unit), (x - int(length * 1.5), y - int(unit * rng.uniform(1, 2)))
    cv2.line(image, *tail, fur, max(2, thick // 2), cv2.LINE_AA)
    head, size = (x + length, y - int(unit * rng.uniform(1.4, 2))), int(unit * 0.5)
    cv2.circle(image, head, size, fur, -1, cv2.LINE_AA)
    for side in (-1, 1):
        ear = [(side * size, -int(size * 1.7)), (0, -size // 2), (side * size, 0)]
        cv2.fillConvexPoly(image, np.array([np.add(head, point) for point in ear]), fur)
    cv2.circle(image, (head[0] + size // 3, head[1]), max(2, size // 6), (0, 0, 0), -1)
    return image


CLASSES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "animals": draw_animals,
    "faces": draw_faces,
    "vehicles": draw_vehicles,
}


def _canvas(rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int], int]:
    """Return a background (H, W, 3), the point where something stands in it, and the length that
    its size depends on, in pixels."""
    image = np.ascontiguousarray(draw_background(rng))
    x = int(FRAME_WIDTH * rng.uniform(0.4, 0.6))
    y = int(FRAME_HEIGHT * rng.uniform(0.7, 0.85))
    return image, (x, y), int(FRAME_HEIGHT * rng.uniform(0.14, 0.2))


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.uniform(0.1, 0.9, 3).tolist()
    return red, green, blue


def generate(output: Path, count: int, seed: int) -> None:
    """Write `count` pictures of each class, SIDE × SIDE pixels."""
    for name, draw in CLASSES.items():
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in tqdm(range(count), desc=name, unit="picture"):
            rng = np.random.default_rng((seed, len(name), number))
            image = draw(rng)
            left = (image.shape[1] - image.shape[0]) // 2
            square = image[:, left : left + image.shape[0]]
            small = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            noisy = small + rng.normal(0, 0.02, small.shape)
            pixels = (noisy.clip(0, 1) * 255).round().astype(np.uint8)
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
            cv2.imwrite(str(folder / f"{seed}_{number:05d}.jpg"), pixels[:, :, ::-1], quality)


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw pictures of three classes.")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--count", type=at_least(2), default=300, help="pictures of each class")
    parser.add_argument("--seed", type=at_least(0), default=0, help="random seed")
    args = parser.parse_args()
    generate(args.output, args.count, args.seed)
    return 0


if __name__ == "__main__":
    errors.run(main)
