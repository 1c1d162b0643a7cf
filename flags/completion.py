"""Prints shell completion for the commands: flags, their choices and files.

    python -m flags.completion bash >> ~/.bashrc
    python -m flags.completion zsh > FOLDER_IN_FPATH/_video_deepfake_detection

bash completes after `python train.py`, and zsh does so by itself. Needs shtab.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from flags.evaluate import evaluate_parser
from flags.preprocess import preprocess_parser
from flags.score import score_parser
from flags.serve import serve_parser
from flags.train import train_parser

COMMANDS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "preprocess_dfdc.py": preprocess_parser,
    "train.py": train_parser,
    "evaluate.py": evaluate_parser,
    "score.py": score_parser,
    "serve.py": serve_parser,
}
# Completes `python train.py …` as `train.py …`; files after any other script.
AFTER_PYTHON = """
_after_python() {
  case "${COMP_WORDS[1]}" in
    %s)
      COMP_WORDS=("${COMP_WORDS[@]:1}"); (( COMP_CWORD -= 1 ))
      "_shtab_${COMP_WORDS[0]//[^[:alnum:]]/_}" ;;
    *) COMPREPLY=() ;;
  esac
}
complete -o bashdefault -o default -F _after_python python python3 .venv/bin/python
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shell", choices=["bash", "zsh"])
    print(script(parser.parse_args().shell))
    return 0


def script(shell: str) -> str:
    """Return the script that the shell reads. Exit with a message if shtab is not installed."""
    try:
        import shtab
    except ImportError:
        sys.exit("error: completion needs shtab: pip install -r requirements-extras.txt")
    parts = []
    for name, build in COMMANDS.items():
        parser = build()
        parser.prog = name
        for action in parser._actions:
            if action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
        parts.append(shtab.complete(parser, shell))
    if shell == "bash":
        parts.append(AFTER_PYTHON % "|".join(COMMANDS))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
