"""A request that is asked once: the same one has the same name in the store, whoever asks it and when."""

import functools
import hashlib
import json
from dataclasses import dataclass

from distil.endpoint import Body
from distil.teacher.settings import RoleName


@dataclass(frozen=True)
class Request:
    """One question to one role. Equal requests have equal keys, whatever the address of the endpoint."""

    role: RoleName
    endpoint: str
    attempt: int
    body: Body
    max_tokens: int = 0
    """The cap on the reply's tokens, whether the body names it or not."""
    picture_tokens: int = 0
    """The most tokens that the pictures of its prompt may count."""

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
    def sampling(self) -> Body:
        """The body without the model and the messages."""
        return {name: value for name, value in sorted(self.body.items()) if name not in ("model", "messages")}


def key_of(canonical: str) -> str:
    """The store's key of a canonical request."""
    return hashlib.sha256(canonical.encode()).hexdigest()
