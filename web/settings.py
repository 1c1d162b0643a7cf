"""The settings of a server: limits, addresses, and how long files are kept."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The fields are flags of serve.py with the same names; `python serve.py --help` explains them.
    An upload is refused above a limit, and deleted after `keep_hours`."""

    folder: Path
    hosts: tuple[str, ...]  # names by which the server may be called
    tokens: frozenset[str]  # empty: everybody who reaches the server may use it
    max_upload: int  # bytes of one file
    max_queue: int  # files that wait, of everybody
    max_disk: int  # bytes of all files that are kept
    keep_hours: float  # 0: delete files as soon as they are judged
    proxies: tuple[str, ...] = ()  # addresses of proxies that have signed users in
    user_header: str = ""  # in which these proxies name the user

    @property
    def uploads(self) -> Path:
        return self.folder / "uploads"

    @property
    def marked(self) -> Path:
        return self.folder / "marked"

    @property
    def drafts(self) -> Path:
        """Pages that a cluster has written, until they are found."""
        return self.folder / "drafts"

    @property
    def pages(self) -> Path:
        return self.folder / "pages"
