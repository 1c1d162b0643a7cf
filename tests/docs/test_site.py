"""Links lead somewhere, every page is in the site's table of contents, and flags have their rows.

`make docs` builds the site itself, with warnings as errors.
"""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from flags.completion import COMMANDS
from tests.docs.test_commands import documents
from tests.helpers.commands import ROOT

GENERATED = ("docs/notebooks", "docs/reference/flags", "docs/reference/modules")
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def conf() -> ModuleType:
    """The settings of the site, as Sphinx reads them."""
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("conf", ROOT / "docs/conf.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("document", documents(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_relative_links_lead_to_files_and_headings(document: Path) -> None:
    if document.suffix != ".md":
        return
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        path, _, heading = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (document.parent / path).resolve() if path else document
        if target.relative_to(ROOT).as_posix().startswith(GENERATED):
            continue
        assert target.exists(), f"no file for the link {link}"
        if heading and target.suffix == ".md":
            assert heading in headings(target), f"no heading for the link {link}"


def headings(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in found)
    return {heading.replace(" ", "-") for heading in plain}


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    pages = {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
        if not path.relative_to(ROOT).as_posix().startswith((*GENERATED, "docs/_build"))
    }
    listed = set(re.findall(r"^([\w/]+)$", index, re.MULTILINE))
    assert pages - {"index"} <= listed


def test_every_flag_has_a_row(conf: ModuleType, tmp_path: Path) -> None:
    conf.write_flags(tmp_path)
    for name, build in COMMANDS.items():
        page = (tmp_path / f"{Path(name).stem}.md").read_text(encoding="utf-8")
        for action in build()._actions:
            for option in action.option_strings or [str(action.metavar)]:
                assert option in page, f"{name}: no row for {option}"


def test_docstrings_are_shown_as_text_with_code(conf: ModuleType) -> None:
    lines = ["Return `a*b` of *args.", "", "    python x.py --flag"]
    conf.as_plain_text(None, "", "", None, None, lines)
    assert lines[0] == r"Return ``a*b`` of \*args."
    assert "::" in lines, "a command is shown as code"
