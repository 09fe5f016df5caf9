"""A store between people: JSON lines out and in, and a table of what is in it."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from distil.pipeline.files import InputError, replacing
from stages.teacher_cot.dialogue import key_of, read_reply
from stages.teacher_cot.store import Store

BATCH = 1000


class Row(BaseModel):
    """One answered request of an exported store."""

    model_config = ConfigDict(extra="forbid")

    key: str
    role: str
    model: str
    endpoint: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float
    refusal: str | None
    tries: int
    seconds: float
    answered_at: str
    request: dict[str, Any]
    response: Any


def export(store: Store, path: Path) -> int:
    """Write every answer as a JSON line, ordered by key; returns how many."""
    count = 0
    with replacing(path) as file:
        for count, row in enumerate(store.rows(), 1):  # noqa: B007 - the count is the result
            del row["imported"]
            row["request"], row["response"] = json.loads(row["request"]), json.loads(row["response"])
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def read_export(path: Path, store: Store) -> tuple[int, int]:
    """Add the answers of an exported file that the store lacks; returns how many were new and how many were known.

    Raises InputError naming the line that is malformed, or whose key is not its request's; what came before it stays.
    """
    counts = {True: 0, False: 0}
    try:
        with path.open(encoding="utf-8") as file:
            batch = []
            for number, line in enumerate(file, 1):
                if line.strip():
                    batch.append(_row(line, f"{path}, line {number}"))
                if len(batch) == BATCH:
                    _add(store, batch, counts)
                    batch = []
            _add(store, batch, counts)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} could not be read: {error}.") from error
    return counts[True], counts[False]


def _add(store: Store, batch: list[dict[str, Any]], counts: dict[bool, int]) -> None:
    for new in store.transact([lambda row=row: store.add(**row) for row in batch]):  # type: ignore[misc]
        counts[new] += 1


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = Row.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise InputError(
            f"{where}, {'.'.join(map(str, fault['loc'])) or 'the line itself'}: {fault['msg']}."
        ) from error
    canonical = json.dumps(row.request, sort_keys=True, separators=(",", ":"))
    if key_of(canonical) != row.key:
        raise InputError(f"{where}, key: it is not that of the request; the line was changed.")
    try:
        if row.response is not None:
            read_reply(row.response, row.model)
        elif row.refusal is None:
            raise ValueError("neither a response nor a refusal")
    except ValueError as error:
        raise InputError(f"{where}, response: {error}.") from error
    response = json.dumps(row.response, separators=(",", ":"))
    return row.model_dump() | {"imported": 1, "request": canonical, "response": response}
