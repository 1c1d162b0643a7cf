"""Reads the manifest of a run, or joins those of several collections."""

from typing import Any

from common.errors import UsageError
from datasets import joined, manifest
from datasets.manifest import Manifest
from training.options import ManifestOptions


def read(options: ManifestOptions) -> tuple[Manifest, dict[str, Any]]:
    """Return the manifest to train on and its fingerprint. Raise UsageError if --shares or
    --judge_faces do not fit the manifests, DataError if one of these is invalid or does not fit the
    others."""
    paths = [manifest.find(name) for name in options.csv_file]
    files = [path.resolve() for path in paths]
    if options.shares and len(options.shares) != len(paths):
        raise UsageError(f"--shares has {len(options.shares)} values for {len(paths)} manifests")
    if len(set(files)) < len(files):
        raise UsageError("--csv_file names the same file twice")
    if len(paths) == 1:
        for name in ("shares", "judge_faces"):
            if getattr(options, name):
                raise UsageError(f"--{name} needs several manifests in --csv_file")
        data = manifest.read(paths[0])
        return data, manifest.fingerprint(data)
    manifests = dict(zip(joined.names(paths), map(manifest.read, paths), strict=True))
    judge = next(iter(manifests))
    if options.judge_faces:
        judged = manifest.find(options.judge_faces)
        if judged.resolve() not in files:
            raise UsageError(f"--judge_faces: {judged} is none of the manifests in --csv_file")
        judge = list(manifests)[files.index(judged.resolve())]
    elif len({repr(data.faces) for data in manifests.values()}) > 1:
        raise UsageError(
            "the manifests differ in how crops were made: name the one with the settings for "
            "judging videos with --judge_faces"
        )
    return joined.join(manifests, judge), joined.fingerprint(manifests)


def shares(options: ManifestOptions, data: Manifest) -> dict[str, float]:
    """Return the share of each collection of a joined manifest; empty without --shares."""
    return dict(zip(data.collections, options.shares, strict=True)) if options.shares else {}
