"""Real DFDC faces, one frame a video, as a manifest that train.py reads.

python -m benchmarks.single_frames FOLDER --output data/dfdc_faces

FOLDER holds labels.csv (file, shard, label, source) and the tar files of crops that it names. Split
by source. Also prints how well the size of the JPEG files alone tells fake from real: what a
detector must beat.
"""

import argparse
import shutil
import tarfile
from pathlib import Path

import pandas as pd
from sklearn.metrics import roc_auc_score

from common import crop_files, errors
from common.preprocessing import FaceConfig
from datasets import manifest, splits

FACES = FaceConfig(frames_per_video=1, detector="none: the crops came as they are")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path, default=Path("data/dfdc_faces"))
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    flags = parser.parse_args()
    labels = pd.read_csv(flags.folder / "labels.csv")
    flags.output.mkdir(parents=True, exist_ok=True)
    places = {}
    for name in sorted(labels["shard"].unique()):
        shutil.copyfile(flags.folder / name, flags.output / name)
        places |= read_places(flags.output / name)
    table = rows(labels, places, flags.seed)
    path = flags.output / "videos_df.csv"
    manifest.write_record(path, {"faces": FACES.to_dict(), "input": str(flags.folder)})
    manifest.write(path, table)
    print(pd.crosstab(table["label"].map(dict(enumerate(manifest.CLASSES))), table["split"]))
    for split in ("val", "test"):
        part = table[table["split"] == split]
        sizes = [len(crop_files.read(flags.output, crops, 1)[0]) for crops in part["crops"]]
        auc = roc_auc_score(part["label"], sizes)
        print(f"AUC of the JPEG's size, {split}: {max(auc, 1 - auc):.3f}")
    print(f"manifest: {path}")
    return 0


def read_places(path: Path) -> dict[str, crop_files.Place]:
    """File name → the bytes of the tar file that hold it, header included."""
    with tarfile.open(path, "r:") as tar:
        members = tar.getmembers()
    return {
        member.name: crop_files.Place(path.name, member.offset, _whole_blocks(member))
        for member in members
    }


def _whole_blocks(member: tarfile.TarInfo) -> int:
    blocks = -(-member.size // tarfile.BLOCKSIZE)
    return member.offset_data - member.offset + blocks * tarfile.BLOCKSIZE


def rows(labels: pd.DataFrame, places: dict[str, crop_files.Place], seed: int) -> pd.DataFrame:
    """A track of one crop per video."""
    table = pd.DataFrame(
        {
            "video_id": labels["file"],
            "path": labels["file"],
            "label": (labels["label"] == "FAKE").map({True: manifest.FAKE, False: manifest.REAL}),
            "source": labels["source"],
            "group": labels["source"],
            "split": splits.assign(labels["source"], seed, val_share=0.1, test_share=0.1),
            "crops": [str(places[name]) for name in labels["file"]],
            "width": labels["original_width"],
            "height": labels["original_height"],
        }
    )
    fixed = {"method": "", "status": "ok", "detail": "", "track": 0, "frames": 1, "fps": 0.0}
    return table.assign(**fixed)


if __name__ == "__main__":
    errors.run(main)
