"""What the parsers of several commands share: help layout, and flags of one name and meaning.

Abbreviations are refused, and --help shows every default.
"""

import argparse
from dataclasses import fields
from typing import Any, TypeVar

from flags.types import at_least, between

Options = TypeVar("Options")


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Show defaults that say something, and keep the line breaks of descriptions."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        if action.default in (None, []) or action.nargs == 0 or "(default: " in text:
            return text
        if isinstance(action.default, list):
            return f"{text} (default: {' '.join(action.default)})"
        return super()._get_help_string(action)


def new_parser(purpose: str, example: str, positional: str = "") -> argparse.ArgumentParser:
    """Return a parser whose help shows `purpose` and one `example` command. `positional` names the
    arguments without a flag in the usage line."""
    return argparse.ArgumentParser(
        usage=" ".join(filter(None, ["%(prog)s", positional, "[options]"])),
        description=f"{purpose}\n\nexample:\n  {example}",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )


def build_options(kind: type[Options], flags: argparse.Namespace, **others: Any) -> Options:
    """Build the dataclass `kind` from the flags named like its fields; `others` gives fields that
    are not flags."""
    names = {field.name for field in fields(kind)} - others.keys()  # type: ignore[arg-type]
    return kind(**{name: getattr(flags, name) for name in names}, **others)


def add_device(group: argparse._ActionsContainer, default: str, network: str) -> None:
    group.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default=default,
        help=f"where {network} runs; auto: a GPU if there is one",
    )


def add_precision(group: argparse._ActionsContainer, default: str) -> None:
    group.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16"],
        default=default,
        help="number format of the encoder's arithmetic; auto: bfloat16 on a GPU that supports "
        "it, else float32",
    )


def add_prior(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--prior",
        type=between(1e-6, 1 - 1e-6),
        default=0.5,
        metavar="SHARE",
        help="expected share of fakes among the videos; changes p_fake, never a verdict",
    )


def add_loader_workers(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--workers",
        type=at_least(0),
        default=2,
        help="worker processes of each data loader; 0: load in the main process",
    )


def add_engine(group: argparse._ActionsContainer, paths: str) -> None:
    """Add --engine and --ray_address; `paths` names what every node must see."""
    group.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help=f"ray: run on a Ray cluster, whose nodes must all see {paths}",
    )
    group.add_argument(
        "--ray_address",
        default="local",
        help="HOST:PORT of a running cluster; local: start Ray on this machine",
    )
