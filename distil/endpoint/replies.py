"""From the bytes of a response to a reply, whichever dialect of the protocol the server speaks."""

import json
import re
from dataclasses import dataclass
from typing import Any

OPENING = r"<(?:seed:)?(?:think|thinking|thought|reason|reasoning)>|\[THINK\]|◁think▷|<\|begin_of_thought\|>"
CLOSING = r"</(?:seed:)?(?:think|thinking|thought|reason|reasoning)>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>"
THINKING = re.compile(rf"\s*(?:{OPENING})?(.*?)(?:(?:{CLOSING})\s*|\Z)(.*)", re.DOTALL)
CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>(.*?)(?=<\|channel\|>|\Z)", re.DOTALL)
"""gpt-oss writes `<|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...`."""
SPECIAL = re.compile(r"(?:<\|(?:im_end|end|return|eot_id|endoftext|start)\|>(?:assistant)?|</s>|<end_of_turn>|\s)+\Z")

CUT = frozenset(("max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded", "token_limit"))
"""How servers other than OpenAI's name `length`, the end of a reply at its token cap."""
FILTERED = frozenset(("content_filter", "sensitive", "safety"))
BROKEN = frozenset(("error", "network_error", "insufficient_system_resource", "abort", "aborted", "cancelled"))
"""Ends of a reply that is not whole. OpenRouter says them in `native_finish_reason` alone."""

NOT_OWN = frozenset(("input", "inputs", "ctx", "body", "prompt", "messages", "request", "flagged_input",
                     "content", "reasoning_content", "reasoning"))  # fmt: skip
"""Fields in which servers repeat the request, or pass on what the model said."""


@dataclass(frozen=True)
class Usage:
    """The tokens of one exchange as its server counted them; `cached_tokens` are among `prompt_tokens`."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int = 0


@dataclass(frozen=True)
class Reply:
    """What a model said: its reply, its reasoning where it showed any, and the tokens that it took."""

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


def decode(text: str) -> Any:
    """The JSON of a response. Raises ValueError for anything else.

    Comments that keep a connection open (`: PROCESSING`) are skipped. Server-sent events are put together to the
    completion that they stream.
    """
    # no `splitlines`, which would cut JSON strings at U+2028 and its like
    lines = [line for line in text.lstrip("\ufeff").split("\n") if not line.startswith(":")]
    events = [line[5:].strip() for line in lines if line.startswith("data:")]
    if not events:
        return json.loads("\n".join(lines))
    return _assembled([json.loads(event) for event in events if event and event != "[DONE]"])


def _assembled(chunks: list[Any]) -> Any:
    """One completion from the chunks of a stream; an error or a whole completion among them is returned as it is."""
    whole: dict[str, Any] = {}
    message: dict[str, str] = {}
    finish = None
    for chunk in chunks:
        if not isinstance(chunk, dict) or chunk.get("error"):
            return chunk
        whole |= {name: value for name, value in chunk.items() if value is not None}
        for choice in chunk.get("choices") or []:
            if "message" in choice or choice.get("error"):
                return chunk
            finish = choice.get("finish_reason") or finish
            for name, part in (choice.get("delta") or {}).items():
                if name in ("content", "reasoning_content", "reasoning", "refusal") and part:
                    message[name] = message.get(name, "") + _joined(part)
    return whole | {"choices": [{"message": message, "finish_reason": finish}]}


def read_reply(payload: Any, *, verbatim: bool = False) -> Reply | Failed:
    """Read a chat completion; a refusal is Failed. Raises ValueError, which says why, for one that holds no answer.

    Reasoning is found in `reasoning_content` or `reasoning`, in content parts of the type `thinking`, and in tags such
    as `<think>` (the opening one may be missing where a chat template writes it into the prompt). A `verbatim` reply
    keeps its tags, and may be empty: it is what a student wrote.
    """
    if not isinstance(payload, dict) or not payload:
        raise ValueError(f"a reply that is no JSON object: {quoted(payload)}" if payload else "an empty reply")
    if payload.get("error"):
        raise ValueError(f"an error instead of a reply: {said_in(payload)}")
    try:
        choice = payload["choices"][0]
        message, finish = choice["message"], _finish(choice.get("finish_reason"))
        broken = BROKEN & {finish, _finish(choice.get("native_finish_reason"))}
        if broken or choice.get("error"):
            why = said_in(choice) if choice.get("error") else " ".join(broken)
            raise ValueError(f"a reply that broke off with an error: {why}")
        parts = message.get("content")
        reasoning = _joined(message.get("reasoning_content") or message.get("reasoning") or _thoughts(parts))
        text = _joined(parts)
        if not verbatim:
            text, reasoning = without_thinking(text, reasoning)
        refusal = _joined(message.get("refusal"))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"a reply without a message: {quoted(payload)}") from error
    usage = read_usage(payload)
    if refusal or finish in FILTERED:
        reason = refusal or "the provider's content filter stopped the reply"
        return Failed(f"refused: {reason}", lasting=True, usage=usage)
    if not text.strip() and finish != "length" and not verbatim:
        raise ValueError("reasoning without an answer" if reasoning.strip() else f"an empty reply ({finish})")
    return Reply(text, reasoning, finish, usage)


def read_usage(payload: Any) -> Usage:
    """The token counts of a chat completion, as far as it has any."""
    usage = payload.get("usage") if isinstance(payload, dict) else None
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else usage.get("prompt_cache_hit_tokens")
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    total = _count(usage.get("total_tokens"))
    if completion is not None and prompt is not None and total is not None:
        completion = max(completion, total - prompt)  # some gateways leave thinking out of the completion
    return Usage(prompt, completion, _count(cached) or 0)


def without_thinking(text: str, reasoning: str = "") -> tuple[str, str]:
    """The text without its thinking and without special tokens at its end, and the reasoning with the thinking."""
    if channels := CHANNEL.findall(text):
        said = {name: SPECIAL.sub("", part) for name, part in channels}
        thoughts = "\n\n".join(part for name, part in said.items() if name != "final")
        return said.get("final", ""), reasoning or thoughts
    if re.search(CLOSING, text) or re.match(rf"\s*(?:{OPENING})", text):
        found = THINKING.fullmatch(text)
        assert found
        text, reasoning = found[2], reasoning or found[1].strip()
    ending = SPECIAL.search(text)
    return (text[: ending.start()] if ending and ending[0].strip() else text), reasoning


def said_in(payload: Any) -> str:
    """The words of an error, wherever a server puts them, or else the payload itself."""
    error = payload[0] if isinstance(payload, list) and payload else payload
    for _ in range(2):
        if not isinstance(error, dict):
            break
        error = next((error[name] for name in ("error", "message", "detail", "msg") if error.get(name)), error)
    return quoted(error)


def own_words(payload: Any) -> Any:
    """An error without what a server repeats of the request, such as pydantic's `input`, and of the reply."""
    if isinstance(payload, list):
        return [own_words(part) for part in payload]
    if isinstance(payload, dict):
        return {name: own_words(part) for name, part in payload.items() if name.lower() not in NOT_OWN}
    return payload


def quoted(content: Any) -> str:
    """The beginning of what a server said, on one line, without characters that a terminal would obey."""
    words = " ".join((content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)).split())
    words = "".join(character if character.isprintable() else "\ufffd" for character in words)
    return words if len(words) <= 300 else words[:300] + " ..."


def _joined(content: Any) -> str:
    """The text of a content: a string or a list of parts. Lone surrogates, which UTF-8 cannot carry, are replaced."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") != "thinking"]
        content = "".join(part for part in parts if isinstance(part, str))
    return (content or "").encode("utf-8", "replace").decode()


def _thoughts(content: Any) -> str:
    """The parts of a content list that are thinking: `{"type": "thinking", "thinking": "..." or [{"text": "..."}]}`."""
    parts = content if isinstance(content, list) else []
    return "".join(_joined(part["thinking"]) for part in parts if isinstance(part, dict) and part.get("thinking"))


def _finish(reason: Any) -> str:
    """A reason to end as OpenAI names it, in small letters."""
    name = str(reason or "unknown").lower()
    return "length" if name in CUT else name


def _count(value: Any) -> int | None:
    """A number of tokens, also where it came as text or as a decimal."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 12:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and value >= 0 else None
