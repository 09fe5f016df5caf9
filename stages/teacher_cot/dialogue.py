"""What is asked of the endpoint and what comes back: the canonical request, the prompts, and the reply."""

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distil.pipeline.files import InputError
from stages.teacher_cot.settings import Role, RoleName

PROMPTS = Path(__file__).parent / "prompts"
THINKING = re.compile(r"\s*(?:<think>)?(.*?)(?:</think>\s*|\Z)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Request:
    """One question to one role. Equal requests have equal keys, whatever the address of the endpoint."""

    role: RoleName
    endpoint: str
    attempt: int
    body: dict[str, Any]

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
    def max_tokens(self) -> int:
        """The cap on the reply's tokens."""
        return self.body.get("max_tokens") or self.body["max_completion_tokens"]

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
    body: dict[str, Any] = {"model": role.model, "messages": _messages(name, values)}
    body[role.limit_field] = max_tokens or role.max_tokens
    if (temperature := role.temperature_of(attempt)) is not None:
        body["temperature"] = temperature
    if role.seed is not None:
        body["seed"] = role.seed + attempt - 1
    return Request(name, endpoint, attempt, body | role.extra_body)


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


@dataclass(frozen=True)
class Usage:
    """The tokens of one exchange as its server counted them; `cached_tokens` are among `prompt_tokens`."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int = 0


@dataclass(frozen=True)
class Reply:
    """What a model said: its reply, its reasoning where it showed any, and what that used."""

    text: str
    reasoning: str
    finish_reason: str
    usage: Usage

    @property
    def truncated(self) -> bool:
        """Whether the reply stopped at its token cap."""
        return self.finish_reason == "length"

    @property
    def all_thoughts(self) -> str:
        """The reasoning and the reply, each where there is one."""
        return "\n\n".join(part for part in (self.reasoning, self.text) if part)


@dataclass(frozen=True)
class Failed:
    """A request without a usable reply; `lasting` when asking again would bring the same (a refusal)."""

    reason: str
    lasting: bool = False
    usage: Usage | None = None


class OtherModel(ValueError):
    """A reply whose server says that another model than the one asked for made it."""

    def __init__(self, answered_by: str):
        super().__init__(f"a reply by another model ({answered_by})")
        self.answered_by = answered_by


def read_reply(payload: Any, asked: str) -> Reply | Failed:
    """Read a chat completion. Raises ValueError saying what is wrong with one that is no answer to a request for the
    model `asked`; a refusal is Failed.

    Reasoning is taken from `reasoning_content`, `reasoning`, or `<think>` tags (the opening one may be missing, where
    a chat template writes it into the prompt).
    """
    if not isinstance(payload, dict) or not payload:
        raise ValueError("a reply that is no JSON object" if payload else "an empty reply")
    if payload.get("error"):
        raise ValueError(f"an error instead of a reply: {payload['error']}")
    if not _same_model(asked, answered_by := str(payload.get("model") or asked)):
        raise OtherModel(answered_by)
    try:
        choice = payload["choices"][0]
        message = choice["message"]
        text, reasoning = _without_thinking(
            _clean(message.get("content")), _clean(message.get("reasoning_content") or message.get("reasoning"))
        )
        refusal = message.get("refusal")
        reply = Reply(text, reasoning, choice.get("finish_reason") or "unknown", read_usage(payload))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError("a reply without a message") from error
    if refusal or reply.finish_reason == "content_filter":
        reason = _clean(refusal) or "the provider's content filter stopped the reply"
        return Failed(f"refused: {reason}", lasting=True, usage=reply.usage)
    if not text.strip() and not reasoning.strip() and not reply.truncated:
        raise ValueError("an empty reply")
    return reply


def read_usage(payload: Any) -> Usage:
    """The token counts of a chat completion, as far as it has any."""
    usage = payload.get("usage") if isinstance(payload, dict) else None
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else usage.get("prompt_cache_hit_tokens")
    return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")), _count(cached) or 0)


def _clean(text: str | None) -> str:
    """The text without lone surrogates, which JSON can carry and UTF-8 cannot."""
    return (text or "").encode("utf-8", "replace").decode()


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _without_thinking(text: str, reasoning: str) -> tuple[str, str]:
    """The text without its `<think>` part, and the reasoning with it."""
    if "</think>" not in text and not text.lstrip().startswith("<think>"):
        return text, reasoning
    found = THINKING.fullmatch(text)
    assert found
    return found[2], reasoning or found[1].strip()


def _same_model(asked: str, answered: str) -> bool:
    """Whether `answered` is the model asked for, or a snapshot or variant of it (`gpt-4o-2024-08-06`, `r1:free`)."""
    return bool(re.fullmatch(re.escape(asked) + r"(?:[-@]\d{4}[\d-]*|:\w+)?", answered))
