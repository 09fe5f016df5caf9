"""Share a store with others: export it to JSON lines, and import them."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from distil.pipeline.files import InputError, replacing
from distil.teacher import Store, StoredAnswer, key_of, read_answer

BATCH = 1000


def export(store: Store, path: Path) -> int:
    """Write every answer as a JSON line, in the order of keys. Returns how many."""
    count = 0
    with replacing(path) as file:
        for count, row in enumerate(store.rows(), 1):  # noqa: B007 - the count is the result
            file.write(row.line())
    return count


def read_export(path: Path, store: Store) -> tuple[int, int]:
    """Add the answers of an exported file that the store lacks. Returns how many were new and how many were known.

    Raises InputError naming the line that is malformed, or whose key does not fit its request. The lines before it are
    added all the same.
    """
    new = known = 0
    rows = _rows(path)
    while batch := list(itertools.islice(rows, BATCH)):
        added = store.add(batch, imported=True)
        new, known = new + added, known + len(batch) - added
    return new, known


def _rows(path: Path) -> Iterator[StoredAnswer]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _row(line, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} could not be read: {error}.") from error


def _row(line: str, where: str) -> StoredAnswer:
    try:
        row = StoredAnswer.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise InputError(
            f"{where}, {'.'.join(map(str, fault['loc'])) or 'the line itself'}: {fault['msg']}."
        ) from error
    if key_of(row.canonical) != row.key:
        raise InputError(f"{where}, key: it is not that of the request; the line was changed.")
    try:
        read_answer(row.response, row.refusal)
    except ValueError as error:
        raise InputError(f"{where}, response: {error}.") from error
    return row
