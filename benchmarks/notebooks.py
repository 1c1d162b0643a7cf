"""Runs all notebooks in nbs/ and prints the seconds that each takes.

    python -m benchmarks.notebooks [--output FOLDER]

Draws the videos that they need first, which is not counted. Needs nbclient:
pip install -r requirements-docs.txt
"""

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.shared import measure_seconds, new_parser
from common import errors
from nbs import demo_crops

if TYPE_CHECKING:
    from nbformat import NotebookNode

FOLDER = "nbs"
SECONDS = 600  # that a cell may take


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--output", type=Path, help="folder for the notebooks with their results")
    output = parser.parse_args().output
    prepare()
    for path in sorted(Path(FOLDER).glob("*.ipynb")):
        print(f"{path.name}: {measure_seconds(partial(run_notebook, path, output)):.0f} s")
    return 0


def prepare() -> None:
    """Draw the videos and cut the crops that notebooks need, unless they are there."""
    demo_crops.demo_crops()
    zips = demo_crops.FOLDER / "zips"
    zips.mkdir(exist_ok=True)
    for part in range(2):
        name = f"dfdc_train_part_{part}"
        videos = demo_crops.videos_folder()
        if not (zips / f"{name}.zip").exists():
            shutil.make_archive(str(zips / name), "zip", videos, name)
    shutil.rmtree(demo_crops.FOLDER / "drive", ignore_errors=True)


def run_notebook(path: Path, output: Path | None = None) -> None:
    """Run a notebook in its folder, and write it with its results to `output`. Raise
    CellExecutionError if a cell fails."""
    import nbformat
    from nbclient import NotebookClient

    notebook: NotebookNode = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=SECONDS, resources=resources).execute()
    if output:
        output.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, output / path.name)


if __name__ == "__main__":
    errors.run(main)
