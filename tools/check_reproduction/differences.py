"""How two outputs differ: the first differing record, the largest weight difference, the values of a JSON file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tools.check_reproduction import trees

TEXT = (".jsonl", ".csv", ".tsv", ".txt", ".md", ".yaml", ".yml", ".html", ".svg", ".json", ".py")
WIDTH = 160
"""Characters shown of a value or of a line of text."""


def describe(name: str, committed: Path | None, fresh: Path | None) -> list[str]:
    """Say in a few lines how an output differs: which files, and what differs first in the first of them."""
    if committed is None:
        return [f"{name}: the committed output is in no cache and no remote here, so only its hash is known"]
    if fresh is None or not fresh.exists():
        return [f"{name}: was not written here"]
    left, right = trees.files(committed), trees.files(fresh)
    lines = [f"{name}/{path}: only in the committed output" for path in sorted(left.keys() - right.keys())[:3]]
    lines += [f"{name}/{path}: only in this run's output" for path in sorted(right.keys() - left.keys())[:3]]
    changed = [path for path in left if path in right and left[path].read_bytes() != right[path].read_bytes()]
    if len(left) > 1 and changed:
        lines.append(f"{name}: {len(changed)} of {len(left)} files differ: {', '.join(changed[:5])}")
    if changed:
        shown = f"{name}/{changed[0]}".rstrip("/")
        lines += _difference(shown, left[changed[0]], right[changed[0]])
    return lines


def _difference(name: str, committed: Path, fresh: Path) -> list[str]:
    suffix = Path(name).suffix
    try:
        if suffix == ".safetensors":
            return [f"{name}: {weights(committed, fresh)}"]
        if suffix == ".json":
            return [f"{name}: {line}" for line in values(committed, fresh)[:8]]
        if suffix in TEXT:
            return [f"{name}, {line}" for line in first_record(committed, fresh)]
    except (ValueError, KeyError, TypeError):
        pass  # not what its name says, or numbers that NumPy lacks: compared as bytes
    left, right = committed.read_bytes(), fresh.read_bytes()
    place = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    return [f"{name}: {len(left)} bytes committed, {len(right)} here, the first difference at byte {place}"]


def first_record(committed: Path, fresh: Path) -> list[str]:
    """The first line in which two text files differ: as lost, as added, or by its fields where it is JSON."""
    left, right = committed.read_text("utf-8").splitlines(), fresh.read_text("utf-8").splitlines()
    common = (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)
    place = next(common, min(len(left), len(right)))
    counts = "" if len(left) == len(right) else f" ({len(left)} lines committed, {len(right)} here)"
    head = f"line {place + 1}{counts}: "
    rest_left, rest_right = left[place:], right[place:]
    if rest_left and rest_left[1:2] == rest_right[:1]:
        return [f"{head}is missing here: {_cut(rest_left[0])}"]
    if rest_right and rest_right[1:2] == rest_left[:1]:
        return [f"{head}is new here: {_cut(rest_right[0])}"]
    try:
        one, other = json.loads(rest_left[0]), json.loads(rest_right[0])
    except (ValueError, IndexError):
        return [f"{head}\n- {_cut(rest_left[0] if rest_left else '')}\n+ {_cut(rest_right[0] if rest_right else '')}"]
    return [head + "; ".join(_changed(flatten(one), flatten(other))[:5])]


def values(committed: Path, fresh: Path) -> list[str]:
    """The names under which two JSON files differ, each with both values."""
    return _changed(flatten(json.loads(committed.read_bytes())), flatten(json.loads(fresh.read_bytes())))


def _changed(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    return [f"{name}: {_shown(left, name)} -> {_shown(right, name)}" for name in changed_names(left, right)]


def changed_names(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    """The keys that only one of the two has, or that have another value in each; those of `left` first."""
    names = [*left, *(name for name in right if name not in left)]
    return [name for name in names if name not in left or name not in right or left[name] != right[name]]


def _shown(values: dict[str, Any], name: str) -> str:
    return _cut(json.dumps(values[name], ensure_ascii=False)) if name in values else "none"


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}… ({len(text)} characters)"


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of a JSON value under dotted names: {"a": {"b": 1}} is {"a.b": 1}; list items are numbered."""
    if isinstance(value, dict) and value:
        items: Any = value.items()
    elif isinstance(value, list) and value:
        items = enumerate(value)
    else:
        return {prefix: value}
    return {
        name: leaf
        for key, child in items
        for name, leaf in flatten(child, f"{prefix}.{key}" if prefix else str(key)).items()
    }


def weights(committed: Path, fresh: Path) -> str:
    """The largest difference between two files of tensors, and in which tensor it is."""
    left, right = load_file(committed), load_file(fresh)
    if {name: tensor.shape for name, tensor in left.items()} != {name: tensor.shape for name, tensor in right.items()}:
        return "other tensors or shapes"
    gaps = {name: float(np.abs(left[name] - right[name]).max(initial=0.0)) for name in left}
    worst = max(gaps, key=gaps.__getitem__)
    return f"weights differ by at most {gaps[worst]:.3g} ({worst})"


def distance(one: Path, other: Path) -> float | None:
    """How far apart two outputs are; of a folder the largest number of its files.

    For `.safetensors` the root mean square of the weights' differences, for `.jsonl` the share of records that differ;
    None where there is neither.
    """
    left, right = trees.files(one), trees.files(other)
    found = [_distance(left[name], right[name]) for name in sorted(left.keys() & right.keys())]
    return max((gap for gap in found if gap is not None), default=None)


def _distance(one: Path, other: Path) -> float | None:
    if one.suffix == ".safetensors":
        left, right = load_file(one), load_file(other)
        if left.keys() != right.keys() or any(left[name].shape != right[name].shape for name in left):
            return float("inf")
        gap = np.concatenate([(left[name].astype(np.float64) - right[name]).ravel() for name in left])
        return float(np.sqrt(np.mean(gap**2)))
    if one.suffix == ".jsonl":
        lines = list(zip(one.open("rb"), other.open("rb"), strict=False))
        return sum(a != b for a, b in lines) / max(len(lines), 1)
    return None
