"""What a user says about a server, and about the requests that it understands."""

from typing import Any, Literal

from pydantic import Field

from distil.pipeline.command import Params

Body = dict[str, Any]
"""A JSON object that a server defines: a request, or a message in it. Servers differ in their fields."""


class Endpoint(Params):
    """One OpenAI-compatible server or account, and the pace that it allows.

    A header's value that begins with `$` names an environment variable.
    """

    base_url: str | None = None
    api_key_env: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    timeout: float = Field(120, gt=0)  # seconds of silence before a request is given up
    deadline: float = Field(1800, gt=0)  # seconds before a request that still trickles is given up
    concurrency: int = Field(32, ge=1)
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)


class Dialect(Params):
    """How requests to one model are worded, since servers differ in the fields that they accept."""

    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    omit: list[Literal["temperature", "seed", "max_tokens", "max_completion_tokens"]] = Field(default_factory=list)
    extra_body: Body = Field(default_factory=dict)
    answers_as: str | None = None  # the model's name in replies, where it is not the one asked for


class Patience(Params):
    """How often a request is sent, and how long to wait in between: twice as long each time, up to `longest_wait`."""

    tries: int = Field(30, ge=1)
    first_wait: float = 0.5
    longest_wait: float = 60


def request_body(
    dialect: Dialect,
    model: str,
    messages: list[Body],
    max_tokens: int,
    temperature: float | None = None,
    seed: int | None = None,
) -> Body:
    """The JSON of a request. A temperature or seed of None is not sent."""
    body: Body = {"model": model, "messages": messages, dialect.limit_field: max_tokens}
    body |= {name: value for name, value in (("temperature", temperature), ("seed", seed)) if value is not None}
    return {name: value for name, value in body.items() if name not in dialect.omit} | dialect.extra_body
