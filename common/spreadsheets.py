"""Cells of CSV files that a spreadsheet would execute, and how they are quoted.

A cell that begins with one of STARTS is a formula to Excel and LibreOffice, and a file name may
come from somebody else. With an apostrophe in front it is text.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow
    import pandas as pd

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# Texts that are quoted; with more apostrophes in front too, so that unquoting restores every text.
EXECUTED = re.compile(rf"'*[{re.escape(''.join(STARTS))}]")
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)


def quote(text: str) -> str:
    """Return `text` with an apostrophe in front if a spreadsheet would execute it. Numbers stay."""
    return f"'{text}" if EXECUTED.match(text) and not NUMBER.fullmatch(text) else text


def unquote(text: str) -> str:
    """Return the text that `quote` was given."""
    return text[1:] if text.startswith("'") and EXECUTED.match(text) else text


def quote_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a copy of `table` with all texts quoted, also the names of its columns."""
    cells = table.map(lambda cell: quote(cell) if isinstance(cell, str) else cell)
    return cells.rename(columns=lambda name: quote(str(name)))


def unquote_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table that `quote_table` was given."""
    cells = table.map(lambda cell: unquote(cell) if isinstance(cell, str) else cell)
    return cells.rename(columns=unquote)
