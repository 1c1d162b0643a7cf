"""Prepares the pictures that the detector is trained on, as folders with a labels.csv each.

    python -m detectors.material DATA OUTPUT

DATA holds the folders dfdc_faces (tar files and labels.csv), real_faces (pictures and faces.csv)
and gan_faces (real/ and fake/). Writes OUTPUT/dfdc, OUTPUT/real and OUTPUT/gan, for
preprocess_dfdc.py --layout table.
"""

import argparse
import csv
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

from common import errors
from common.errors import DataError
from common.files import replacing
from datasets.layouts import listing


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of the collections")
    parser.add_argument("output", type=Path, help="folder to write to")
    flags = parser.parse_args()
    for prepare, folder in ((dfdc, "dfdc"), (real, "real"), (gan, "gan")):
        (flags.output / folder).mkdir(parents=True, exist_ok=True)
        prepare(flags.data / f"{folder}_faces", flags.output / folder)
    return 0


def dfdc(data: Path, output: Path) -> None:
    """Unpack the crops; their labels.csv already has the columns file, label and source."""
    rows = _read(data / "labels.csv", {"file", "label", "source"})
    for shard in sorted(data.glob("*.tar")):
        with tarfile.open(shard) as archive:
            archive.extractall(output, filter="data")
    _write(output, ["file", "label", "source"], rows)


def real(data: Path, output: Path) -> None:
    """Copy the pictures of real people. Pictures of one person share a group."""
    rows = _read(data / "faces.csv", {"file", "group"})
    for row in rows:
        _copy(data / row["file"], output / row["file"])
    _write(output, ["file", "label", "group"], [{"label": "REAL", **row} for row in rows])


def gan(data: Path, output: Path) -> None:
    """Copy the pictures. Each real is paired with a generated one, as if they had one source: pairs
    keep training balanced."""
    reals, fakes = (sorted(path.name for path in data.glob(f"{k}/*")) for k in ("real", "fake"))
    if len(reals) != len(fakes) or not reals:
        raise DataError(f"{data} holds {len(reals)} real and {len(fakes)} fake pictures, not pairs")
    rows = []
    for own, other in zip(reals, fakes, strict=True):
        for label, name in (("REAL", f"real/{own}"), ("FAKE", f"fake/{other}")):
            _copy(data / name, output / name)
            rows.append({"file": name, "label": label, "source": f"real/{own}"})
    _write(output, ["file", "label", "source"], rows)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with replacing(target) as partial:
        shutil.copyfile(source, partial)


def _read(path: Path, columns: set[str]) -> list[dict[str, str]]:
    """Return the rows of a table. Raise DataError if it is not there, if a column is missing, or if
    it names a file that is not in its folder."""
    if not path.is_file():
        raise DataError(f"no {path}: the first argument is the folder of the collections")
    rows = listing.read_csv(path)
    if not rows or not columns <= set(rows[0]):
        raise DataError(f"{path} has no row, or lacks one of the columns {', '.join(columns)}")
    strange = [row["file"] for row in rows if Path(row["file"]).name != row["file"]]
    if strange:
        raise DataError(f"{path}: {strange[0]!r:.60} is not the name of a file beside it")
    return rows


def _write(folder: Path, columns: list[str], rows: Iterable[dict[str, str]]) -> None:
    with (
        replacing(folder / "labels.csv") as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    errors.run(main)
