"""Scripts and notebooks are converted into each other without loss."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbs import notebook2script
from tests.helpers.commands import ROOT, run_here

NOTEBOOKS = sorted((ROOT / "nbs").glob("*.ipynb"))
SCRIPT = "# %% [markdown]\n# # Title\n\n# %%\n# | export\nX = 1\n\n# %%\nprint(X)\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_script_notebook_is_the_same_file(path: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(notebook2script.converted(notebook2script.read(path), ".py"))
    again = notebook2script.converted(notebook2script.read(script), ".ipynb")
    assert again == path.read_text(encoding="utf-8")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("ab =1\n#%'", min_size=1, max_size=30), min_size=1, max_size=5))
def test_script_notebook_script_is_the_same(tmp_path_factory, bodies: list[str]) -> None:
    folder = tmp_path_factory.mktemp("round")
    cells = "\n\n".join("# %%\n" + f"x = {body!r}" for body in bodies)
    script, notebook = folder / "a.py", folder / "a.ipynb"
    script.write_text(cells + "\n")
    notebook.write_text(notebook2script.converted(notebook2script.read(script), ".ipynb"))
    again = notebook2script.converted(notebook2script.read(notebook), ".py")
    assert again.strip() == script.read_text().strip()


def test_marked_cells_become_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, module = tmp_path / "a.py", tmp_path / "module.py"
    script.write_text(SCRIPT)
    words = [script, "--output", module, "--export"]
    assert run_here(monkeypatch, notebook2script.main, *words) == 0
    assert module.read_text() == "X = 1\n"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.ipynb", "{", ()),
        ("a.ipynb", "[]", ()),
        ("a.ipynb", '{"cells": 3}', ()),
        ("a.py", "x = 1\n", ("--export",)),
        ("missing.py", None, ()),
    ],
)
def test_what_cannot_be_converted_ends_in_one_line(
    name: str,
    content: str | None,
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    words = (tmp_path / name, "--output", tmp_path / "out.py", *words)
    assert run_here(monkeypatch, notebook2script.main, *words) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.py").exists()


def test_another_ending_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(SCRIPT)
    for words in (["--output", tmp_path / "a.txt"], ["--output", tmp_path / "b.ipynb", "--export"]):
        assert run_here(monkeypatch, notebook2script.main, tmp_path / "a.py", *words) == 2
