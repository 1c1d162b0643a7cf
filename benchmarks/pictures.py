"""Still images a second: prepared and trained on, beside plain loops with PIL and torchvision.

    python -m benchmarks.pictures [--count 2000]

Draws pictures of 256 px: half of them blurred noise, half faces of the demo. Prepares them with
preprocess_dfdc.py, whole and with face search, and with a loop that opens, converts, resizes and
saves each with PIL. Then trains the small CNN for an epoch on crops of 128 px with train.py, and
with ImageFolder, torchvision's transforms and a plain loop.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

import models
from benchmarks.shared import measure_seconds, new_parser
from common import errors
from common.errors import PipelineError
from demo.contents import draw_faces
from flags.types import at_least
from training import history

SIDE, SIZE, CROP = 256, 224, 128  # of a picture, of its crop, of the model's input, in pixels
FACES = 20  # different faces, of which the pictures are variants
BATCH = 32


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--count", type=at_least(20), default=2000, help="number of pictures")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        draw(root / "pictures", count)
        measured: dict[str, Callable[[], object]] = {
            "preprocess_dfdc.py --faces whole": partial(preprocess, root, "whole"),
            "preprocess_dfdc.py --faces detect": partial(preprocess, root, "detect"),
            "plain loop with PIL, one process": partial(prepare_plainly, root),
        }
        for text, work in measured.items():
            print(f"prepared: {count / measure_seconds(work):6.0f} a second, {text}", flush=True)
        print(f"trained:  {train(root):6.0f} a second, train.py")
        print(f"trained:  {train_plainly(root):6.0f} a second, plain loop")
    return 0


def draw(folder: Path, count: int) -> None:
    """Write `count` pictures, half of them faces, as real and fake in equal parts."""
    random = np.random.default_rng(0)
    faces = [draw_faces(np.random.default_rng(number)) for number in range(FACES)]
    for name in ("real", "fake"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        noise = random.random((SIDE, SIDE, 3)).astype(np.float32)
        image = cv2.GaussianBlur(noise, (0, 0), 2)
        if number % 2:
            square = faces[number % FACES][:, 40:280]
            image = cv2.resize(square, (SIDE, SIDE)) * 0.95 + image * 0.05
        pixels = (image * 255).clip(0, 255).astype(np.uint8)
        path = folder / ("fake" if number % 4 < 2 else "real") / f"p{number}.jpg"
        cv2.imwrite(str(path), pixels[:, :, ::-1])


def preprocess(root: Path, faces: str) -> None:
    command = [sys.executable, "preprocess_dfdc.py", "--layout", "folders", "--faces", faces]
    command += ["--input", str(root / "pictures"), "--output", str(root / faces)]
    run([*command, "--face_size", str(SIZE)])


def prepare_plainly(root: Path) -> None:
    """Resize every picture with PIL and save it as JPEG."""
    for path in (root / "pictures").rglob("*.jpg"):
        target = root / "plain" / path.relative_to(root / "pictures")
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(
                target, quality=95
            )


def train(root: Path) -> float:
    """Return the pictures a second of an epoch of train.py."""
    flags = ["--csv_file", str(root / "whole" / "videos_df.csv"), "--dataset", "image"]
    flags += ["--model_name", "small_cnn", "--pretrained", "False", "--crop_size", str(CROP)]
    flags += ["--batch_size", str(BATCH), "--balance", "none", "--epochs", "1", "--device", "cpu"]
    flags += ["--checkpoints", str(root / "runs"), "--run_name", "pictures"]
    run([sys.executable, "train.py", *flags])
    return history.read(root / "runs" / "pictures")[0].clips_per_second


def train_plainly(root: Path) -> float:
    """Return the pictures a second of an epoch of a plain loop: the same model, ImageFolder, and
    transforms like those of --augmentation mild."""
    steps = [
        transforms.RandomResizedCrop(CROP, scale=(0.8, 1)),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.2, 0.2, 0.2, 0.02),
        transforms.ToTensor(),
        transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ]
    data = datasets.ImageFolder(str(root / "pictures"), transforms.Compose(steps))
    loader = DataLoader(data, BATCH, shuffle=True, num_workers=2)
    model = models.build(models.ModelConfig(name="small_cnn", temporal="none"))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    started = time.perf_counter()
    for images, labels in loader:
        clips, mask = images.unsqueeze(1), torch.ones(len(images), 1, dtype=torch.bool)
        loss = nn.functional.cross_entropy(model(clips, mask), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return len(data) / (time.perf_counter() - started)


def run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise PipelineError(f"{command[1]} failed: {ended.stderr.strip()}")


if __name__ == "__main__":
    errors.run(main)
