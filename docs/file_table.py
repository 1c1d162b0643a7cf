"""Write the table of files in docs/architecture.md from the first line of each module's docstring.

python -m docs.file_table
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- files -->\n", "<!-- end of files -->\n"
ROOMS = (
    *("flags", "training", "extraction", "faces", "datasets", "models", "scoring", "evaluation"),
    *("inference", "export", "detectors", "common", "demo", "nbs", "benchmarks"),
)


def first_line(file: Path) -> str:
    """Return the first sentence or line of a module's docstring, without a period at its end."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<!et al)\. ", paragraph)[0].rstrip(".")


def table() -> str:
    """Return the table in Markdown: the files of the root, then those of each room."""
    lines = ["| file | what it does |", "|---|---|"]
    for file in sorted(ROOT.glob("*.py")):
        lines.append(f"| `{file.name}` | {first_line(file)} |")
    for room in ROOMS:
        files = sorted((ROOT / room).rglob("*.py"))
        lines.append(f"| **`{room}/`** | {first_line(ROOT / room / '__init__.py')} |")
        for file in files:
            name = file.relative_to(ROOT).as_posix()
            if name != f"{room}/__init__.py":
                lines.append(f"| `{name}` | {first_line(file)} |")
    return "\n".join(lines) + "\n"


def with_table(document: str) -> str:
    """Return `document` with the table between its two markers replaced."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(with_table(text), encoding="utf-8")


if __name__ == "__main__":
    main()
