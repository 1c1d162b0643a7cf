"""Every command in every document exists and takes the flags that it is shown with."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flags.completion import COMMANDS
from tests.helpers.commands import ROOT

PATTERNS = ("*.md", "docs/**/*.md", "detectors/*.md", ".github/**/*.md", "nbs/*.ipynb")
SKIPPED = ("docs/_build", "docs/notebooks")
PYTHON = r"(?:\.venv/bin/)?python3?"
# A command line: in a block, or between backticks.
LINE = re.compile(rf"^\s*((?:{PYTHON}|make|torchrun|score\.py|train\.py)\s.*)$", re.MULTILINE)
INLINE = re.compile(rf"`((?:{PYTHON}|make|torchrun)\s[^`]+|[a-z_]+\.py --[^`]+)`")
BLOCK = re.compile(r"```(\S*)\n(.*?)```", re.DOTALL)
SHELLS = ("", "bash", "sh", "console", "text")
# Commands that need neither data nor time.
RUNNABLE = (
    "python -m models",
    "python -m detectors",
    "python -m common.doctor",
    "python -m flags.completion bash",
)


def documents() -> list[Path]:
    found = {path for pattern in PATTERNS for path in ROOT.glob(pattern)}
    return sorted(p for p in found if not p.relative_to(ROOT).as_posix().startswith(SKIPPED))


def text_of(path: Path) -> str:
    """Return the text of a document, or of a notebook's explanations."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def commands(path: Path) -> Iterator[str]:
    """Yield the command lines of a document, without comments."""
    text = text_of(path)
    blocks = [block.replace("\\\n", " ") for kind, block in BLOCK.findall(text) if kind in SHELLS]
    lines = [line for block in blocks for line in LINE.findall(block)]
    for line in (*lines, *(" ".join(words.split()) for words in INLINE.findall(text))):
        yield re.split(r"\s+#\s|\s{3,}(?=\()| > | >> | \| ", line)[0].strip()


ALL = [(path.relative_to(ROOT).as_posix(), line) for path in documents() for line in commands(path)]


@pytest.mark.parametrize(("document", "command"), sorted(set(ALL)))
def test_a_command_exists_and_takes_its_flags(document: str, command: str) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        names = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        assert set(names) <= set(targets)
        return
    scripts = [number for number, word in enumerate(words) if word in COMMANDS]
    if scripts:
        arguments = [w for w in words[scripts[0] + 1 :] if w not in ("…", "[options]")]
        check_flags(words[scripts[0]], arguments)
    elif "-m" in words:
        module = words[words.index("-m") + 1]
        assert module == "pip" or importlib.util.find_spec(module), f"no module {module}"
    elif words[0] != "torchrun" and len(words) > 1 and words[1].endswith(".py"):
        assert (ROOT / words[1]).exists(), f"no file {words[1]}"


def check_flags(script: str, words: list[str]) -> None:
    """Fail unless the script's parser knows the flags, and takes their values if all are there."""
    parser = COMMANDS[script]()
    known = {name: action for action in parser._actions for name in action.option_strings}
    for position, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, _, value = word.partition("=")
        assert name in known, f"{script} has no {name}"
        values = [value] if value else words[position + 1 : position + 2]
        choices = known[name].choices
        if choices and values and re.fullmatch(r"[a-z0-9_]+", values[0]):
            assert values[0] in map(str, choices), f"{script} {name} has no choice {values[0]}"


def test_commands_are_found() -> None:
    assert len(ALL) > 100
    assert ("README.md", "python train.py --model_name resnet152 --epochs 50") in ALL


@pytest.mark.slow
@pytest.mark.parametrize("command", RUNNABLE)
def test_commands_without_data_run(command: str) -> None:
    words = [sys.executable, *command.split()[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
