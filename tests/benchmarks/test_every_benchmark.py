"""What holds for the command line of every benchmark."""

import argparse
import ast
import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
HELPERS = {
    "__init__",
    "demo_runs",
    "plain_scorer",
    "preprocess_contenders",
    "shared",
    "timed_extractor",
}
NAMES = sorted({file.stem for file in FOLDER.glob("*.py")} - HELPERS)


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_has_a_help_text_and_none_can_be_abbreviated(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    parsers: list[argparse.ArgumentParser] = []
    parse = argparse.ArgumentParser.parse_args

    def record(parser: argparse.ArgumentParser) -> argparse.Namespace:
        parsers.append(parser)
        return parse(parser)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", record)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.{name}").main()
    assert ended.value.code == 0
    (parser,) = parsers
    assert not parser.allow_abbrev
    assert all(action.help for action in parser._actions)
    assert f"    python -m benchmarks.{name}" in capsys.readouterr().out, "line breaks are kept"


@pytest.mark.parametrize("name", NAMES)
def test_main_returns_an_exit_code_and_is_called_by_errors_run(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    (main,) = (node for node in tree.body if getattr(node, "name", "") == "main")
    assert ast.unparse(main.returns) == "int"
    assert ast.unparse(tree.body[-1]) == "if __name__ == '__main__':\n    errors.run(main)"
