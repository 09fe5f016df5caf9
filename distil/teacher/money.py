"""What requests cost: for certain once they are answered, at most before they are sent."""

from distil.endpoint import Body, Usage
from distil.teacher.request import Request
from distil.teacher.settings import Price

PER_MESSAGE = 16
"""Tokens that a chat template may add to a message."""
BYTES_PER_TOKEN = 4
"""Typical of English; a token is never shorter than a byte, which bounds what a prompt can cost."""


def cost(price: Price | None, used: Usage) -> float:
    """US dollars of an exchange; 0 where the model has no price, or for tokens that were not counted."""
    if price is None:
        return 0.0
    cached = min(used.cached_tokens, used.prompt_tokens or 0)
    fresh = (used.prompt_tokens or 0) - cached
    cached_price = price.input if price.cached_input is None else price.cached_input
    return (fresh * price.input + cached * cached_price + (used.completion_tokens or 0) * price.output) / 1e6


def paid(price: Price | None, request: Request, used: Usage | None) -> float:
    """US dollars of an exchange about `request`: nothing without one, the most it can be where it was not counted."""
    if used is None:
        return 0.0
    if used.prompt_tokens is None or used.completion_tokens is None:
        return at_most(price, request)
    return cost(price, used)


def at_most(price: Price | None, request: Request) -> float:
    """The most a request can cost: every byte of its prompt a token, and a reply as long as its cap."""
    if price is None:
        return 0.0
    prompt = prompt_bytes(request) + request.picture_tokens
    return (prompt * price.input + request.max_tokens * price.output) / 1e6


def expected(price: Price | None, request: Request, reply_tokens: int, read_tokens: int = 0) -> float:
    """What a request is likely to cost, whose prompt holds another reply of `read_tokens`."""
    if price is None:
        return 0.0
    return ((expected_prompt(request) + read_tokens) * price.input + reply_tokens * price.output) / 1e6


def expected_prompt(request: Request) -> float:
    """The tokens that a prompt is likely to have."""
    return prompt_bytes(request) / BYTES_PER_TOKEN + request.picture_tokens


def prompt_bytes(request: Request) -> int:
    """Upper bound on the tokens of a prompt's texts."""
    return sum(len(_text(message["content"]).encode()) + PER_MESSAGE for message in request.body["messages"])


def _text(content: str | list[Body]) -> str:
    """The text of a message: a string, or parts of which some are pictures."""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
