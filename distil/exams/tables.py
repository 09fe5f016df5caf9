"""Rows of a user's file as they are: JSON lines, JSON, CSV, Parquet, a Hugging Face data set in a folder or on the hub.

Every row knows its place (`mine.csv, row 7`), so that a fault in it can be named.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from distil.pipeline.files import InputError, read_yaml_as

KINDS = ".jsonl, .json, .csv, .parquet, a folder of a Hugging Face data set, or a .yaml that names one on the hub"
SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` leaves at the top of its folder


@dataclass(frozen=True)
class TableRow:
    """One row: where it is, and the value in each column."""

    place: str
    values: dict[str, Any]


class HubDataset(BaseModel):
    """A YAML file's content: a data set on the Hugging Face hub at one revision, and perhaps its configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    dataset: str
    revision: str
    config: str | None = None


def read_rows(path: Path, split: str | None = None) -> list[TableRow]:
    """All rows of a file or data set; `split` chooses one of a data set's splits, None takes them all.

    Raises InputError naming file and row when something is missing, malformed, or not UTF-8.
    """
    kind = path.suffix.lower()
    if path.is_dir() or kind in (".parquet", ".yaml", ".yml"):
        return list(_data_set(path, split))
    if split is not None:
        raise InputError(f"{path} is one file without splits: leave the parameter 'split' empty.")
    readers = {".jsonl": _json_lines, ".json": _json, ".csv": _csv}
    if kind not in readers:
        raise InputError(f"{path} is of no kind that is read here: {KINDS}.")
    return list(readers[kind](path, _text(path)))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.") from error
    try:
        return content.decode("utf-8-sig")  # spreadsheets put a mark before UTF-8
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8. Save the file in UTF-8."
        ) from error


def _json_lines(path: Path, text: str) -> Iterator[TableRow]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _object(f"{path}, line {number}", _parsed(f"{path}, line {number}", line))


def _json(path: Path, text: str) -> Iterator[TableRow]:
    """An array of objects, or an object with a single array of them in it, as many exports have."""
    content = _parsed(str(path), text)
    if isinstance(content, dict):
        arrays = [value for value in content.values() if isinstance(value, list)]
        content = arrays[0] if len(arrays) == 1 else [content]
    if not isinstance(content, list):
        raise InputError(f"{path}: an array of objects was expected, one for each problem.")
    for number, value in enumerate(content, 1):
        yield _object(f"{path}, row {number}", value)


def _parsed(place: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{place} is not JSON: {error}.") from error
    except RecursionError as error:
        raise InputError(
            f"{place}: arrays or objects are nested too deeply in it; give a problem a flat object."
        ) from error


def _object(place: str, value: Any) -> TableRow:
    if not isinstance(value, dict):
        raise InputError(f"{place}: an object with a value for each column was expected (found {value!r:.60}).")
    return TableRow(place, value)


def _csv(path: Path, text: str) -> Iterator[TableRow]:
    csv.field_size_limit(2**24)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if double := sorted({name for name in header if header.count(name) > 1}):
            raise InputError(f"{path}, row 1: the column {double[0]!r} comes twice.")
        number = 1  # the header; spreadsheets number rows like this
        for number, values in enumerate(rows, 2):
            if values and len(values) != len(header):
                raise InputError(
                    f"{path}, row {number}: {len(values)} values for {len(header)} columns; quote a value that has a "
                    "comma or a line break in it."
                )
            if values:
                yield TableRow(f"{path}, row {number}", dict(zip(header, values, strict=True)))
    except csv.Error as error:
        raise InputError(f"{path}, row {number + 1}, is not CSV: {error}.") from error


def _data_set(path: Path, split: str | None) -> Iterator[TableRow]:
    """The rows of what the package `datasets` reads, split after split."""
    if path.suffix.lower() == ".parquet" and not path.is_file():
        raise InputError(f"{path} could not be read: there is no such file.")
    pin = (
        read_yaml_as(path, HubDataset, "It names a data set on the hub: 'dataset', 'revision' and perhaps 'config'.")
        if path.suffix.lower() in (".yaml", ".yml")
        else None
    )
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    try:
        import datasets  # slow to import, and an extra
    except ImportError as error:
        raise InputError(
            f"{path}: the package 'datasets' is not installed, and Parquet and Hugging Face data sets need it. "
            "Install it with `make extra NAME=datasets`."
        ) from error
    import tempfile

    try:
        with tempfile.TemporaryDirectory() as cache:  # a stage reads its inputs each time, and leaves nothing behind
            if pin:
                found = datasets.load_dataset(pin.dataset, pin.config, revision=pin.revision)
            elif path.is_file():
                found = datasets.load_dataset("parquet", data_files=str(path), cache_dir=cache)
            elif any((path / name).exists() for name in SAVED):
                found = datasets.load_from_disk(str(path))
            else:
                found = datasets.load_dataset(str(path), cache_dir=cache)
            parts = found if isinstance(found, dict) else {"train": found}
            if split is not None and split not in parts:
                raise InputError(f"{path} has no split {split!r}; it has {', '.join(parts)}.")
            chosen = [split] if split is not None else list(parts)
            for name in chosen:
                where = f"{path}, row" if len(parts) == 1 else f"{path}, {name}, row"
                for number, values in enumerate(_plain(parts[name]), 1):
                    yield TableRow(f"{where} {number}", values)
    except InputError:
        raise
    except Exception as error:  # `datasets` and what it reads with raise errors of a dozen kinds
        what = f"{pin.dataset} at {pin.revision}" if pin else str(path)
        advice = "Check the name and the network, or download it and give its folder." if pin else "Is it a data set?"
        raise InputError(f"{what} could not be read: {(str(error).splitlines() or [''])[0]:.300}. {advice}") from error


def _plain(part: Any) -> Iterable[dict[str, Any]]:
    """A split's rows without decoding pictures or sound, for which more packages would be needed."""
    import datasets

    for name, feature in part.features.items():
        if isinstance(feature, (datasets.Image, datasets.Audio)):
            part = part.remove_columns(name)
    return part
