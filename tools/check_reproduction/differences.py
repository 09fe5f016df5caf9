"""How two outputs differ: the first differing record, the largest weight difference, the values of a JSON file."""

import itertools
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import flatten_dict
import numpy as np
from safetensors.numpy import load_file

Leaves = dict[str, Any]
"""The leaves of a JSON value, by dotted names."""
WIDTH = 160
"""Characters shown of a value or of a line of text."""


def files(path: Path) -> dict[str, Path]:
    """The files of a folder, by their paths inside it. A file alone has the empty path."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {"/".join(one.relative_to(path).parts): one for one in found if one.is_file()}


def describe(name: str, committed: Path | None, fresh: Path | None) -> list[str]:
    """Describe in a few lines how an output differs: which files, and the first difference in the first of them."""
    if committed is None:
        return [f"{name}: the committed output is in no cache and no remote here, so only its hash is known"]
    if fresh is None or not fresh.exists():
        return [f"{name}: was not written here"]
    left, right = files(committed), files(fresh)
    lines = [f"{name}/{path}: only in the committed output" for path in sorted(left.keys() - right.keys())[:3]]
    lines += [f"{name}/{path}: only in this run's output" for path in sorted(right.keys() - left.keys())[:3]]
    changed = [path for path in left if path in right and left[path].read_bytes() != right[path].read_bytes()]
    if len(left) > 1 and changed:
        lines.append(f"{name}: {len(changed)} of {len(left)} files differ: {', '.join(changed[:5])}")
    if changed:
        lines += _difference(f"{name}/{changed[0]}".rstrip("/"), left[changed[0]], right[changed[0]])
    return lines


def _difference(name: str, committed: Path, fresh: Path) -> list[str]:
    left, right = committed.read_bytes(), fresh.read_bytes()
    with suppress(ValueError, KeyError, TypeError):  # no text, not what its name says, or numbers that NumPy lacks
        match Path(name).suffix:
            case ".safetensors":
                if (gaps := _gaps(committed, fresh)) is None:
                    return [f"{name}: other tensors or shapes"]
                largest, tensor = max((float(np.abs(gap).max(initial=0.0)), tensor) for tensor, gap in gaps.items())
                return [f"{name}: weights differ by at most {largest:.3g} ({tensor})"]
            case ".json":
                return [f"{name}: {line}" for line in changes(_leaves(left), _leaves(right))[:8]]
            case _ if b"\0" not in left + right and left.splitlines() != right.splitlines():
                return [f"{name}, {_first_record(left.decode().splitlines(), right.decode().splitlines())}"]
    place = _first_unequal(left, right)
    return [f"{name}: {len(left)} bytes committed, {len(right)} here, the first difference at byte {place}"]


def _first_record(left: list[str], right: list[str]) -> str:
    """The first line in which two texts differ. It is missing, new, or changed in fields where it is JSON."""
    place = _first_unequal(left, right)
    counts = "" if len(left) == len(right) else f" ({len(left)} lines committed, {len(right)} here)"
    head = f"line {place + 1}{counts}: "
    left, right = left[place:], right[place:]
    if left and left[1:2] == right[:1]:
        return f"{head}is missing here: {_cut(left[0])}"
    if right and right[1:2] == left[:1]:
        return f"{head}is new here: {_cut(right[0])}"
    try:
        return head + "; ".join(changes(_leaves(left[0]), _leaves(right[0]))[:5])
    except (ValueError, IndexError):
        return "\n".join([head, *("- " + _cut(line) for line in left[:1]), *("+ " + _cut(line) for line in right[:1])])


def _first_unequal(left: Sequence[Any], right: Sequence[Any]) -> int:
    unequal = (place for place, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)
    return next(unequal, min(len(left), len(right)))


def changes(old: Leaves, new: Leaves) -> list[str]:
    """Each name whose value changed, with both values as JSON. Where there is no value it says `none`."""

    def shown(leaves: Leaves, name: str) -> str:
        return _cut(json.dumps(leaves[name], ensure_ascii=False, default=str)) if name in leaves else "none"

    return [f"{name}: {shown(old, name)} -> {shown(new, name)}" for name in changed_names(old, new)]


def changed_names(left: Leaves, right: Leaves) -> list[str]:
    """The keys that only one of the two has, or that differ in value. The keys of `left` come first."""
    missing = object()
    return [name for name in left | right if left.get(name, missing) != right.get(name, missing)]


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}… ({len(text)} characters)"


def _leaves(text: str | bytes) -> Leaves:
    return flatten(json.loads(text))


def flatten(value: Any) -> Leaves:
    """The leaves of a JSON object under dotted names, list items by number: {"a": [{"b": 1}]} is {"a.0.b": 1}."""
    return flatten_dict.flatten(value, "dot", keep_empty_types=(dict, list), enumerate_types=(list,))


def _gaps(one: Path, other: Path) -> dict[str, np.ndarray] | None:
    """The differences of two files of tensors, by tensor; None where names or shapes differ."""
    left, right = load_file(one), load_file(other)
    if {name: tensor.shape for name, tensor in left.items()} != {name: tensor.shape for name, tensor in right.items()}:
        return None
    return {name: (left[name].astype(np.float64) - right[name]).ravel() for name in left}


def distance(one: Path, other: Path) -> float | None:
    """The distance of two outputs; for a folder, the largest distance of its files.

    For `.safetensors` it is the root mean square of the weights' differences, for `.jsonl` the share of the longer
    file's records that differ. Other outputs have none. It is infinite where a file, or a weight, is in one alone.
    """
    left, right = files(one), files(other)
    if left.keys() != right.keys():
        return math.inf
    found = []
    for name in left:
        if left[name].suffix == ".safetensors":
            gaps = _gaps(left[name], right[name])
            root = math.inf if gaps is None else float(np.sqrt(np.mean(np.hstack([*gaps.values()]) ** 2)))
            found.append(math.inf if math.isnan(root) else root)
        elif left[name].suffix == ".jsonl":
            lines = list(itertools.zip_longest(left[name].open("rb"), right[name].open("rb")))
            found.append(sum(a != b for a, b in lines) / max(len(lines), 1))
    return max(found, default=None)
