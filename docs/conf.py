"""Settings of the documentation site: make docs.

Pages of flags and of modules are generated, so that they cannot be out of date. Notebooks are run
before (python -m benchmarks.notebooks --output docs/notebooks) and shown with their results.
"""

import argparse
import re
import sys
from pathlib import Path

from pygments.lexers.special import TextLexer

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # Sphinx starts elsewhere; the only place that does this

from common.version import VERSION  # noqa: E402
from docs.file_table import ROOMS  # noqa: E402
from flags.completion import COMMANDS  # noqa: E402

project = "Video deepfake detection"
version = release = VERSION
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {VERSION}"
html_show_copyright = False
templates_path: list[str] = []
nb_execution_mode = "off"
nb_merge_streams = True
nb_output_stderr = "remove"  # progress bars
myst_heading_anchors = 4
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_mock_imports = ["ray", "fastai", "webdataset", "tensorboard"]
# Links to files of the repository, which are no pages of the site.
suppress_warnings = ["myst.xref_missing", "mystnb.unknown_mime_type"]
MARKUP = re.compile(r"[\\*|_`]")  # characters that reStructuredText or Markdown may interpret
LEFT_OUT = ("demo", "benchmarks", "nbs")  # rooms without pages of modules


def setup(app: object) -> None:
    write_flags(ROOT / "docs/reference/flags")
    write_modules(ROOT / "docs/reference/modules")
    app.add_lexer("mermaid", TextLexer)  # type: ignore[attr-defined]  shown as text
    app.connect("source-read", link_notebooks)  # type: ignore[attr-defined]
    app.connect("autodoc-process-docstring", as_plain_text)  # type: ignore[attr-defined]


def link_notebooks(app: object, page: str, source: list[str]) -> None:
    """Turn links to notebooks of the repository into links to their pages."""
    source[0] = re.sub(r"\]\((?:\.\./)+nbs/", "](/notebooks/", source[0])


def write_flags(folder: Path) -> None:
    """Write a page for each command with its groups of flags."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, build in COMMANDS.items():
        parser = build()
        parser.prog = name
        lines = [f"# {name}", "", "```text", parser.description or "", "```", ""]
        for group in parser._action_groups:
            if group._group_actions:
                lines += [f"## {group.title or 'options'}", "", "| flag | |", "|---|---|"]
                lines += [row(parser, action) for action in group._group_actions] + [""]
        (folder / f"{Path(name).stem}.md").write_text("\n".join(lines), encoding="utf-8")


def row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return the row of a flag in its table."""
    formatter = parser._get_formatter()
    shown = formatter._format_action_invocation(action)
    text = formatter._expand_help(action) if action.help else ""
    explained = escape(" ".join(text.split())).replace("<", "&lt;")
    shown = shown.replace("|", r"\|")
    return f"| `{shown}` | {explained} |"


def write_modules(folder: Path) -> None:
    """Write a page for each room with its modules."""
    folder.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        if room in LEFT_OUT:
            continue
        lines = [room, "=" * len(room), "", f".. automodule:: {room}", ""]
        for file in sorted((ROOT / room).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts).removesuffix(".__init__")
            if parts[-1] != "__main__" and module != room:
                lines += [module, "-" * len(module), "", f".. automodule:: {module}", ""]
        (folder / f"{room}.rst").write_text("\n".join(lines), encoding="utf-8")


def as_plain_text(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Turn a docstring, which is plain text with `code`, into lines of reStructuredText."""
    paragraphs = "\n".join(lines).strip().split("\n\n")
    result: list[str] = []
    for paragraph in paragraphs:
        own = paragraph.split("\n")
        if any(line.startswith((" ", "-", "<")) for line in own):  # a list, or a command
            result += ["::", "", *(f"    {line}" for line in own), ""]
        else:
            result += [escape(line) for line in own] + [""]
    lines[:] = result


def escape(line: str) -> str:
    """Return a line in which only `code` is markup, or nothing if a backtick has no partner."""
    pieces = line.split("`")
    if len(pieces) % 2 == 0:
        return MARKUP.sub(r"\\\g<0>", line)
    texts = [
        f"``{piece}``" if number % 2 else MARKUP.sub(r"\\\g<0>", piece)
        for number, piece in enumerate(pieces)
    ]
    return "".join(texts)
