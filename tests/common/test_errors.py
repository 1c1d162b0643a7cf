"""An error is one line, whatever names it contains."""

import pytest

from common import errors
from common.errors import DataError, printable


def test_control_characters_are_escaped() -> None:
    assert printable("a\x1b[2J\r\n\u202eb é") == "a\\x1b[2J\\r\\n\\u202eb é"


def test_a_name_in_an_error_cannot_begin_another_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise DataError("no video at 'a\nreal 0.1 b.mp4'")

    with pytest.raises(SystemExit) as ended:
        errors.run(fail)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: no video at 'a\\nreal 0.1 b.mp4'\n"
