"""Lists the detectors that ship with the repository: name, size, figures, licence.

python -m detectors
"""

from pathlib import Path
from typing import Any

import detectors
from common import errors, foreign


def main() -> int:
    for name in detectors.names():
        print("\n".join(describe(detectors.FOLDER / name)))
    return 0


def describe(folder: Path) -> list[str]:
    """Return the lines about the detector in a folder. Raise DataError if its file is damaged."""
    values: dict[str, Any] = foreign.read_json(folder / detectors.FILE)
    about, clip = values["about"], values["clip"]
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    default = " (default)" if folder.name == detectors.DEFAULT else ""
    return [
        f"{folder.name}{default}: {values['model']['name']}, {values['model']['temporal']}, "
        f"{clip['crop_size']} px, {size:.1f} MB",
        *(f"  {name}: {text}" for name, text in about["figures"].items()),
        f"  licence: {about['licence']}",
        f"  model card: {about['card']}",
    ]


if __name__ == "__main__":
    errors.run(main)
