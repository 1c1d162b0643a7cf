"""Converts notebooks to scripts and back, and exports marked cells as a module.

    python -m nbs.notebook2script nbs/02_train.ipynb --output train_lesson.py
    python -m nbs.notebook2script train_lesson.py --output again.ipynb
    python -m nbs.notebook2script nbs/Colab_ds_preproc.ipynb --export --output colab.py

A script is in Jupytext's percent format, which editors show as cells. Both directions lose nothing
but results. With --export, the module has only the code cells whose first line is `# | export`.
Needs jupytext: pip install -r requirements-docs.txt
"""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from common import errors
from common.errors import DataError, UsageError, one_line
from common.files import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WITHOUT_HEADER = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "-all"}
MARK = re.compile(r"#\s*\|\s*export\s*\n")  # as nbdev writes it, and as ruff formats it


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path, help="notebook (.ipynb) or script (.py)")
    parser.add_argument("--output", type=Path, required=True, help="file to write: .py or .ipynb")
    parser.add_argument("--export", action="store_true", help="write a module of the marked cells")
    flags = parser.parse_args()
    if flags.output.suffix not in (".py", ".ipynb") or (
        flags.export and flags.output.suffix != ".py"
    ):
        raise UsageError("--output must end with .py or, without --export, with .ipynb")
    notebook = read(flags.input)
    text = exported(notebook) if flags.export else converted(notebook, flags.output.suffix)
    write_text(flags.output, text)
    print(f"written: {flags.output}")
    return 0


def read(path: Path) -> "NotebookNode":
    """Return a notebook or a script as a notebook without results. Raise DataError if it is
    neither, UsageError if jupytext is not installed."""
    try:
        import jupytext
        import nbformat
    except ImportError as error:
        raise UsageError("this needs jupytext: pip install -r requirements-docs.txt") from error
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".ipynb":
            notebook = nbformat.reads(text, as_version=4)
        else:
            notebook = jupytext.reads(text, fmt="py:percent")
        nbformat.validate(notebook)
    except (nbformat.ValidationError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a notebook or a script: {one_line(error)}") from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def converted(notebook: "NotebookNode", suffix: str) -> str:
    """Return a notebook as the text of a file that ends with `suffix`: .py or .ipynb. Cells get
    their numbers as ids, so that the same cells give the same file."""
    import jupytext

    notebook.metadata.clear()
    if suffix == ".py":
        notebook.metadata["jupytext"] = WITHOUT_HEADER
        return jupytext.writes(notebook, fmt="py:percent")
    notebook.metadata.update(METADATA)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return jupytext.writes(notebook, fmt="ipynb").rstrip("\n") + "\n"


def exported(notebook: "NotebookNode") -> str:
    """Return the text of a module that consists of the marked code cells. Raise DataError if no
    cell is marked."""
    sources = [cell.source + "\n" for cell in notebook.cells if cell.cell_type == "code"]
    marked = [source[found.end() :] for source in sources if (found := MARK.match(source))]
    if not marked:
        raise DataError("no code cell begins with the line `# | export`")
    return "\n\n".join(source.strip("\n") + "\n" for source in marked)


if __name__ == "__main__":
    errors.run(main)
