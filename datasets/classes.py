"""The classes of pictures in a manifest of the layout `classes`, as labels to learn."""

from dataclasses import replace

from common.errors import DataError, UsageError
from datasets.manifest import CLASSES, Manifest


def are_content(classes: list[str]) -> bool:
    """Return whether a checkpoint with these classes is a content classifier, not a detector."""
    return classes != list(CLASSES)


def names(data: Manifest) -> list[str]:
    """Return the classes of the rows with crops, sorted. Raise UsageError if a row has none."""
    found = data.table.loc[data.table["status"] == "ok", "class"]
    if found.empty or (found == "").any():
        raise UsageError(
            "--task content needs a manifest with classes: make it with preprocess_dfdc.py "
            "--layout classes"
        )
    return sorted(set(found))


def labelled(data: Manifest, classes: list[str]) -> Manifest:
    """Return the manifest with the position of each row's class in `classes` as its label. Raise
    DataError if a class is unknown."""
    numbers = {name: number for number, name in enumerate(classes)}
    unknown = sorted(set(data.table["class"]) - numbers.keys() - {""})
    if unknown:
        raise DataError(
            f"the class {unknown[0]!r} is none of those that were learned: {', '.join(classes)}"
        )
    labels = [numbers.get(name, -1) for name in data.table["class"]]
    return replace(data, table=data.table.assign(label=labels))


def check_splits(data: Manifest, classes: list[str]) -> None:
    """Raise DataError if a class lacks pictures in the training or the validation split."""
    for split in ("train", "val"):
        absent = sorted(set(classes) - set(data.tracks(split)["class"]))
        if absent:
            raise DataError(
                f"the {split} split has no picture of the class {absent[0]!r}: add pictures of it, "
                "or choose another --seed or --val_share of preprocess_dfdc.py"
            )
