"""No cell is a formula, and every text is restored."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.spreadsheets import STARTS, quote, quote_table, unquote, unquote_table


@pytest.mark.parametrize("start", STARTS)
def test_a_formula_becomes_text(start: str) -> None:
    assert quote(f'{start}HYPERLINK("x")') == f'\'{start}HYPERLINK("x")'
    assert quote(f"'{start}a") == f"''{start}a"


@pytest.mark.parametrize("text", ["", "a=1", "clip.mp4", "'quoted'.mp4", "-3", "+0.5", "-1e-05"])
def test_other_texts_and_numbers_stay(text: str) -> None:
    assert quote(text) == text == unquote(text)


@given(st.text("'=+-@\t1a", max_size=6))
def test_every_text_is_restored(text: str) -> None:
    assert unquote(quote(text)) == text


def test_a_table_is_restored_and_its_numbers_stay() -> None:
    table = pd.DataFrame({"=name": ["=1+1", "'=x", "a", ""], "number": [-1.5, 0.0, 2.0, -3.0]})
    text = quote_table(table).to_csv(index=False)
    assert text.splitlines()[:3] == ["'=name,number", "'=1+1,-1.5", "''=x,0.0"]
    read = pd.read_csv(io.StringIO(text), keep_default_na=False)
    pd.testing.assert_frame_equal(unquote_table(read), table)
