"""bash completes flags and choices of every command, as it does when a user presses Tab."""

import shutil
import subprocess
from pathlib import Path

import pytest

from flags import completion


@pytest.fixture(scope="module")
def sourced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "script.sh"
    path.write_text(completion.script("bash"))
    return path


def complete(script: Path, *words: str) -> list[str]:
    """Return what bash offers for the last of `words`."""
    quoted = " ".join(f"'{word}'" for word in words)
    line = (
        f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1};"
        f"spec=($(complete -p '{words[0]}')); call=${{spec[-2]}}; "
        f"$call '{words[0]}' '{words[-1]}' '{words[-2]}';"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    bash = shutil.which("bash")
    assert bash
    run = subprocess.run([bash, "-c", line], capture_output=True, text=True, check=True)
    return run.stdout.split()


@pytest.mark.parametrize("command", completion.COMMANDS)
def test_flags_are_completed(sourced: Path, command: str) -> None:
    assert complete(sourced, command, "--vers") == ["--version"]
    assert complete(sourced, "python", command, "--vers") == ["--version"]


def test_choices_are_completed(sourced: Path) -> None:
    assert complete(sourced, "python", "train.py", "--temporal", "l") == ["lstm"]


def test_other_scripts_are_left_alone(sourced: Path) -> None:
    assert complete(sourced, "python", "other.py", "--vers") == []


def test_zsh_gets_a_script_for_every_command() -> None:
    text = completion.script("zsh")
    assert all(f"compdef _shtab_{name.replace('.', '_')}" in text for name in completion.COMMANDS)
