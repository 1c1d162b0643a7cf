"""Reads JSON and YAML that may come from somebody else, within limits on size, depth and types.

Parsers alone are not enough: a nesting of a few kilobytes ends in a RecursionError, and a few lines
of YAML with aliases stand for gigabytes. Standard library only, except for YAML.
"""

import json
import math
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from common.errors import DataError

MAX_JSON_BYTES = 2**26  # the metadata of all of DFDC take a quarter of it
MAX_YAML_BYTES = 2**16  # PyYAML needs a second for this
MAX_DEPTH = 32  # of lists, tuples and dicts within each other
MAX_VALUES = 10_000_000  # in all; a list that is contained twice counts twice
MAX_INTEGER = 2**64  # converting much larger ones to text or to a float fails
PLAIN = (str, int, float, bool, type(None))


def read_json(path: Path) -> Any:
    """Return the content of a JSON file in UTF-8, UTF-16 or UTF-32, with or without a byte order
    mark.

    Raise DataError, on one line that begins with the path, if the file is missing, cannot be read
    or is too large, if it is not JSON, if a dict has two values for one key, and for values that
    `check_plain` does not accept.
    """
    return _parse(str(path), "JSON", _load_json, _read_bytes(path, MAX_JSON_BYTES))


def parse_json(data: bytes, name: str) -> Any:
    """Return the value of JSON `data`, as `read_json` does. `name` is the beginning of the message
    of a DataError."""
    return _parse(name, "JSON", _load_json, data)


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file. Raise DataError as `read_json` does, and for anchors,
    aliases and tags."""
    return _parse(str(path), "YAML", _load_yaml, _read_bytes(path, MAX_YAML_BYTES))


def check_plain(value: Any, leaves: tuple[type, ...] = PLAIN) -> None:
    """Raise ValueError unless `value` consists of lists, tuples and dicts that contain `leaves`, is
    at most MAX_DEPTH deep, and has at most MAX_VALUES values, of which the floats are finite and
    the integers less than MAX_INTEGER in magnitude."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_VALUES:
            raise ValueError(f"it has more than {MAX_VALUES:,} values")
        for kind in set(map(type, level)):
            if not issubclass(kind, (*leaves, list, tuple, dict)):
                raise ValueError(f"a {kind.__name__} cannot be used as a value")
        if not all(map(math.isfinite, (v for v in level if type(v) is float))):
            raise ValueError("a number is not finite")
        if any(abs(v) >= MAX_INTEGER for v in level if type(v) is int):
            raise ValueError("an integer is too large")
        level = list(islice(chain.from_iterable(map(_items, level)), MAX_VALUES + 1))
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return chain(value.keys(), value.values())
    return value if isinstance(value, (list, tuple)) else ()


def _read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes; raise DataError for others.
    Reading a pipe would block."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is not a file")
        if found.st_size > limit:
            raise DataError(f"{path} has {found.st_size:,} bytes, more than the limit of {limit:,}")
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _parse(name: str, language: str, load: Callable[[str], Any], data: bytes) -> Any:
    try:
        value = load(data.decode(json.detect_encoding(data)))
        check_plain(value)
    except RecursionError as error:
        raise DataError(f"{name} cannot be read as {language}: it is nested too deeply") from error
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{name} cannot be read as {language}: {reason}") from error
    return value


def _load_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique_keys)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the dict of `pairs`. Raise ValueError if a key has two values: the parser alone would
    drop the first one."""
    values = dict(pairs)
    if len(values) < len(pairs):
        for key, value in pairs:
            if values[key] != value:
                raise ValueError(f"two values for {key!r}")
    return values


def _load_yaml(text: str) -> Any:
    import yaml  # slow to import

    try:
        _check_events(yaml.parse(text, yaml.SafeLoader))
        _check_keys(yaml.compose(text, yaml.SafeLoader))
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _check_events(events: Iterator[Any]) -> None:
    """Raise ValueError for an alias or a tag, and as soon as the nesting is too deep: the parser
    itself yields events without recursion."""
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError("anchors and aliases (& and *) are not supported: write the value out")
        if getattr(event, "tag", None):
            raise ValueError(f"tags (!) are not supported, such as {event.tag:.60}")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _check_keys(node: Any) -> None:
    """Raise ValueError if a mapping in a YAML node, at any depth, has a key twice."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        keys = set()
        for key, value in node.value:
            if str(key.value) in keys:
                raise ValueError(f"two values for {key.value!r}")
            keys.add(str(key.value))
            _check_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(value)
