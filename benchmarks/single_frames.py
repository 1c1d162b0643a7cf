"""Makes a manifest of real DFDC faces, one frame of each video, that train.py reads.

    python -m benchmarks.single_frames FOLDER --output data/dfdc_faces

FOLDER contains labels.csv (file, shard, label, source, original_width, original_height) and the tar
files of crops that its column "shard" names. Splits by source. Also prints the AUC of the size of
the JPEG files alone, which a detector must exceed.
"""

import shutil
import tarfile
from pathlib import Path

import pandas as pd

from benchmarks.shared import new_parser
from common import crop_files, errors
from common.crop_files import Location
from common.errors import DataError
from common.preprocessing import FaceConfig
from datasets import manifest, splits
from flags.types import at_least
from scoring import metrics

FACES = FaceConfig(frames_per_video=1, detector="none: the crops came as they are")
COLUMNS = ("file", "shard", "label", "source", "original_width", "original_height")


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folder", type=Path, help="folder of labels.csv and the tar files")
    parser.add_argument(
        "--output", type=Path, default=Path("data/dfdc_faces"), help="folder of the manifest"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the split")
    flags = parser.parse_args()
    labels = read_labels(flags.folder / "labels.csv")
    flags.output.mkdir(parents=True, exist_ok=True)
    locations: dict[str, Location] = {}
    for name in sorted(labels["shard"].unique()):
        shutil.copyfile(flags.folder / name, flags.output / name)
        locations |= read_locations(flags.output / name)
    table = make_table(labels, locations, flags.seed)
    path = flags.output / "videos_df.csv"
    manifest.write_record(path, {"faces": FACES.to_dict(), "input": str(flags.folder)})
    manifest.write(path, table)
    print(pd.crosstab(table["label"].map(dict(enumerate(manifest.CLASSES))), table["split"]))
    for split in ("val", "test"):
        auc = size_auc(flags.output, table[table["split"] == split])
        print(f"AUC of the JPEG's size, {split}: {'none' if auc is None else f'{auc:.3f}'}")
    print(f"manifest: {path}")
    return 0


def read_labels(path: Path) -> pd.DataFrame:
    """Read labels.csv. Raise DataError if it lacks one of COLUMNS."""
    try:
        labels = pd.read_csv(path)
    except ValueError as error:
        raise DataError(f"{path} is not a CSV file: {error}") from error
    absent = [name for name in COLUMNS if name not in labels]
    if absent:
        raise DataError(f"{path} lacks the columns {', '.join(absent)}")
    return labels


def read_locations(path: Path) -> dict[str, Location]:
    """Return the bytes of a tar file that contain each file, header included. Raise DataError for a
    damaged tar file."""
    try:
        with tarfile.open(path, "r:") as tar:
            members = tar.getmembers()
    except tarfile.TarError as error:
        raise DataError(f"{path} is not a tar file: {error}") from error
    return {member.name: Location(path.name, member.offset, _length(member)) for member in members}


def _length(member: tarfile.TarInfo) -> int:
    """Return the bytes of a file's header and whole blocks."""
    blocks = -(-member.size // tarfile.BLOCKSIZE)
    return member.offset_data - member.offset + blocks * tarfile.BLOCKSIZE


def make_table(labels: pd.DataFrame, locations: dict[str, Location], seed: int) -> pd.DataFrame:
    """Return the rows of the manifest: one track of one crop for each video. Raise DataError for a
    file that no tar file contains."""
    missing = [name for name in labels["file"] if name not in locations]
    if missing:
        raise DataError(f"{len(missing)} files of labels.csv are in no shard, first {missing[0]!r}")
    table = pd.DataFrame(
        {
            "video_id": labels["file"],
            "path": labels["file"],
            "label": (labels["label"] == "FAKE").map({True: manifest.FAKE, False: manifest.REAL}),
            "source": labels["source"],
            "group": labels["source"],
            "split": splits.assign(labels["source"], seed, val_share=0.1, test_share=0.1),
            "crops": [str(locations[name]) for name in labels["file"]],
            "width": labels["original_width"],
            "height": labels["original_height"],
        }
    )
    constant = {"method": "", "status": "ok", "detail": "", "track": 0, "frames": 1, "fps": 0.0}
    return table.assign(**constant)


def size_auc(folder: Path, videos: pd.DataFrame) -> float | None:
    """Return the AUC of the size of the JPEG files, whichever class has the larger ones."""
    sizes = [len(crop_files.read(folder, crops, frames=1)[0]) for crops in videos["crops"]]
    auc = metrics.auc(videos["label"].to_numpy(), pd.Series(sizes).to_numpy())
    return None if auc is None else max(auc, 1 - auc)


if __name__ == "__main__":
    errors.run(main)
