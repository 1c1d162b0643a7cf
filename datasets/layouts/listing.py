"""Reads lists of videos that came with a dataset, and finds the videos that they name.

A list is somebody else's file: neither its size nor its names are trusted.
"""

import csv
import io
import os
from pathlib import Path

from common.errors import DataError
from common.media_files import is_data_folder

MAX_BYTES = 1 << 28  # a list of all 128,154 videos of DFDC has 15 MB


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file in UTF-8, with or without a byte order mark. Raise DataError if
    it cannot be read or is too large."""
    try:
        return list(csv.DictReader(io.StringIO(read_text(path), newline=""), restval=""))
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from error


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark. Raise DataError if it
    cannot be read or is too large."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} is larger than {MAX_BYTES >> 20} MB: not a list of videos")
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as text: {error}") from error


class Listed:
    """Finds videos that a list names, in the list's folder or, if it is not there, in the folders
    below it (an archive may unpack into a folder of its own)."""

    def __init__(self, list_file: Path) -> None:
        self._list = list_file
        self._folder = list_file.parent
        self._below: dict[str, list[Path]] | None = None

    def find(self, name: str) -> tuple[Path, str, str]:
        """Return the path of the video `name` relative to the list's folder, and its status and
        detail before it is opened; both are empty if it is on disk. Raise DataError if it is in
        several folders."""
        path = Path(name)
        if not name.isprintable() or path.name != name:
            return path, "unreadable", "refused: not a plain file name"
        status, detail = self._look(path)
        others = self._search().get(name, []) if status == "missing" else []
        if len(others) > 1:
            raise DataError(f"{self._list} lists {name}, which is in {others[0]} and {others[1]}")
        return (others[0], *self._look(others[0])) if others else (path, status, detail)

    def find_path(self, name: str) -> tuple[Path, str, str]:
        """As `find`, for a name that is a path relative to the list's folder."""
        path = Path(name)
        if not name.isprintable() or path.is_absolute() or ".." in path.parts:
            return path, "unreadable", "refused: not a path below the list"
        return (path, *self._look(path))

    def _look(self, path: Path) -> tuple[str, str]:
        # os.path, because pathlib raises for circular links and for names that are too long.
        real = os.path.realpath(self._folder / path)
        home = os.path.join(os.path.realpath(self._folder), "")
        if not real.startswith(home):
            return "unreadable", "refused: the file lies outside its folder"
        if not os.path.isfile(real):
            return "missing", f"listed in {self._list.name}, not on disk"
        return "", ""

    def _search(self) -> dict[str, list[Path]]:
        """Return the paths of files in the data folders below the list's folder, by name."""
        if self._below is None:
            self._below = {}
            for parent, folders, names in os.walk(self._folder):
                folders[:] = sorted(filter(is_data_folder, folders))
                for name in names if Path(parent) != self._folder else ():
                    path = Path(parent, name).relative_to(self._folder)
                    self._below.setdefault(name, []).append(path)
        return self._below
