"""FaceForensics++ (Rössler et al. 2019), as its download script lays it out.

<root>/original_sequences/<youtube|actors>/<compression>/videos/183.mp4
<root>/manipulated_sequences/<method>/<compression>/videos/183_253.mp4      target_source
<root>[/splits]/{train,val,test}.json           the official split, optional: pairs of ids

A folder of frames (`frames/183/`, `images/183/`) is read where its video is not there.

A fake shows the target's video with the source's face, so both ids must be in one split: they form
a group, and groups that share an id are merged.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from common.errors import DataError
from common.foreign import read_json
from datasets import groups
from datasets.layouts.home import find_home, find_videos
from datasets.manifest import FAKE, REAL, SPLITS

REALS, FAKES = "original_sequences", "manipulated_sequences"


def read(root: Path) -> pd.DataFrame:
    """Return a row for every video on disk. Raise DataError if there is none, or if a split file is
    invalid."""
    expected = f"{REALS}/youtube/c23/videos/*.mp4 and {FAKES}/<method>/c23/videos/*.mp4"
    home = find_home(root, (REALS, FAKES), expected)
    tops = [path for path in home.iterdir() if path.name.lower() in (REALS, FAKES)]
    videos = sorted(video for top in tops for video in find_videos(top))
    if not videos:
        raise DataError(f"no FaceForensics++ in {root}: expected {expected}, found no video")
    rows = [_row(root, home, video) for video in videos]
    group = groups.join(pair for row in rows for pair in row["ids"])
    official = _official_split(root) or _official_split(home)
    for row in rows:
        ids = row.pop("ids")
        row["group"] = group[ids[0][0]]
        row["split"] = official.get(ids[0][0], "")
    return pd.DataFrame(rows)


def _row(root: Path, home: Path, video: Path) -> dict[str, Any]:
    top, collection = video.relative_to(home).parts[:2]
    label = REAL if top.lower() == REALS else FAKE
    name = video.name if video.is_dir() else video.stem
    # 183, 183_253; for actors 01__scene, 01_02__scene__code
    people, *scene = name.split("__")
    target, *source = people.split("_")
    actors = collection in ("actors", "DeepFakeDetection")
    ids = [f"actor {number}" if actors else number for number in (target, *source)]
    return {
        "video_id": video.relative_to(root).as_posix(),
        "path": video.relative_to(root).as_posix(),
        "label": label,
        "source": "__".join([target, *scene[:1]]),
        "method": "" if label == REAL else collection,
        "status": "",
        "detail": "",
        "ids": [(ids[0], other) for other in ids],
    }


def _official_split(root: Path) -> dict[str, str]:
    """Return the split of each id, empty if there are no official files. Raise DataError if one is
    invalid."""
    split_of: dict[str, str] = {}
    for split in SPLITS:
        for path in (root / f"{split}.json", root / "splits" / f"{split}.json"):
            if path.is_file():
                try:
                    pairs = read_json(path)
                    split_of |= {number: split for pair in pairs for number in pair}
                except TypeError as error:
                    raise DataError(
                        f"{path} should hold a list of pairs of ids: {error}"
                    ) from error
    return split_of
