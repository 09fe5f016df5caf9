"""What a role is asked: the canonical request, and the prompts that it is made from."""

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distil.endpoint import request_body
from distil.pipeline.files import InputError
from stages.teacher_cot.settings import Role, RoleName

PROMPTS = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Request:
    """One question to one role. Equal requests have equal keys, whatever the address of the endpoint."""

    role: RoleName
    endpoint: str
    attempt: int
    body: dict[str, Any]
    max_tokens: int = 0
    """The cap on the reply's tokens, whether the body names it or not."""

    @property
    def model(self) -> str:
        """The model asked for."""
        return self.body["model"]

    @functools.cached_property
    def canonical(self) -> str:
        """The request as JSON with sorted keys."""
        parts = {"attempt": self.attempt, "body": self.body, "endpoint": self.endpoint, "role": self.role}
        return json.dumps(parts, sort_keys=True, separators=(",", ":"))

    @functools.cached_property
    def key(self) -> str:
        """The sha256 of the canonical request."""
        return key_of(self.canonical)

    @property
    def sampling(self) -> dict[str, Any]:
        """The body without the model and the messages."""
        return {name: value for name, value in sorted(self.body.items()) if name not in ("model", "messages")}


def key_of(canonical: str) -> str:
    """The store's key of a canonical request."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def request(
    name: RoleName, role: Role, endpoint: str, attempt: int, *, max_tokens: int | None = None, **values: Any
) -> Request:
    """The request of a role whose prompt's slots are filled with `values`."""
    body = request_body(
        role,
        role.model,
        _messages(name, values),
        max_tokens or role.max_tokens,
        role.temperature_of(attempt),
        None if role.seed is None else role.seed + attempt - 1,
    )
    return Request(name, endpoint, attempt, body, max_tokens or role.max_tokens)


def _messages(name: RoleName, values: dict[str, Any]) -> list[dict[str, str]]:
    turns = []
    for speaker, text in prompt(name):
        # one pass, so that braces in a problem are never taken for slots
        filled = re.sub(r"\{(\w+)\}", lambda slot: str(values[slot[1]]), text)
        turns.append({"role": speaker, "content": filled})
    return turns


@functools.cache
def prompt(name: RoleName) -> tuple[tuple[str, str], ...]:
    """The turns of a role's prompt file, as (speaker, text with `{slots}`). Raises InputError without a User turn."""
    path = PROMPTS / f"{name}.md"
    try:
        parts = re.split(r"^## (System|User)\s*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.") from error
    turns = tuple((speaker.lower(), text.strip()) for speaker, text in zip(parts[1::2], parts[2::2], strict=True))
    if not turns or turns[-1][0] != "user":
        raise InputError(f"{path} needs a '## User' section at its end.")
    return turns
