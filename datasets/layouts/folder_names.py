"""Says what the name of a folder tells about the videos in it: label, split and method.

Only names made of known words say anything: `Real`, `fake_videos`, `real_train`, `Validation`.
`deepfake_in_the_wild` and `real_and_fake_faces` say nothing.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from datasets.manifest import FAKE, REAL

LABELS = dict.fromkeys(("real", "reals", "original", "originals", "pristine", "genuine"), REAL)
LABELS |= dict.fromkeys(("fake", "fakes", "deepfake", "deepfakes", "manipulated", "forged"), FAKE)
LABELS |= dict.fromkeys(("synthesis", "synthetic", "synthesized"), FAKE)
# What made a fake: a trained network, or an editor's ordinary tools.
KINDS = {"deepfake": "deepfake", "deepfakes": "deepfake"}
KINDS |= dict.fromkeys(("shallowfake", "shallowfakes", "cheapfake", "cheapfakes"), "shallowfake")
LABELS |= dict.fromkeys(KINDS, FAKE)
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
SPLITS |= dict.fromkeys(("val", "valid", "validation", "dev"), "val")
# Methods of FaceForensics++. Those of other datasets are named with --fake_folders.
METHODS = {"deepfakes", "deepfakedetection", "face2face", "faceshifter", "faceswap"}
METHODS |= {"neuraltextures"}
# Words for many videos: a folder with such a name says nothing, and is not named after one video.
FILLERS = {
    *("clips", "crops", "data", "dataset", "extracted", "faces", "frames", "images", "imgs", "jpg"),
    *("people", "persons", "photos", "pictures", "png", "sequences", "videos", "celeb", "youtube"),
    *("raw", "c0", "c23", "c40"),
}
# These too may stand beside a label or a split: `fake_video`.
BESIDE = FILLERS | {"clip", "crop", "face", "frame", "image", "img", "person", "sequence", "set"}
BESIDE |= {"video"}


@dataclass(frozen=True)
class FolderName:
    """What the name of one folder says."""

    name: str
    label: int | None = None
    split: str = ""
    method: str = ""
    kind: str = ""  # one of KINDS' values
    is_filler: bool = False  # the name says nothing, and is no name of a video or source either

    @property
    def is_plain(self) -> bool:
        """Whether the name is none of the known ones, such as that of a source or a collection."""
        return self.label is None and not self.split and not self.is_filler


def parse(folders: Sequence[str], fake_folders: Collection[str]) -> list[FolderName]:
    """Return what each of the nested `folders` says, the outermost first. Those called as one of
    `fake_folders` hold fakes, made with a method of that name."""
    parsed: list[FolderName] = []
    for name in folders:
        folder = _parse(name, fake_folders)
        labelled = any(outer.label is not None for outer in parsed)
        # In a folder of fakes, `fake_001` is one of them.
        numbered = folder.label is not None and not folder.method and re.search(r"\d", name)
        parsed.append(FolderName(name) if labelled and numbered else folder)
    return parsed


def _parse(name: str, fake_folders: Collection[str]) -> FolderName:
    if name in fake_folders or name.lower() in METHODS:
        return FolderName(name, FAKE, method=name, kind=KINDS.get(name.lower(), ""))
    words = [word for word in re.split(r"[\W_]+", name.lower()) if word]
    if words and all(word in FILLERS for word in words):
        return FolderName(name, is_filler=True)
    # Without numbers at the ends: `train2` says train, `real2sim` is no known word.
    words = [word for word in (word.strip("0123456789") for word in words) if word]
    labels = {LABELS[word] for word in words if word in LABELS}
    splits = {SPLITS[word] for word in words if word in SPLITS}
    kinds = {KINDS[word] for word in words if word in KINDS}
    known = all(word in LABELS or word in SPLITS or word in BESIDE for word in words)
    if not known or len(labels) > 1 or len(splits) > 1 or len(kinds) > 1:
        return FolderName(name)
    return FolderName(name, next(iter(labels), None), "".join(splits), kind="".join(kinds))
