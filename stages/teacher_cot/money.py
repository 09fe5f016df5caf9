"""What requests cost: for certain once they are answered, at most before they are sent, and likely before a run."""

from collections.abc import Iterable

from distil.endpoint import Usage
from stages.teacher_cot.request import Request
from stages.teacher_cot.settings import Price, RoleName, Settings

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
    return (prompt_bytes(request) * price.input + request.max_tokens * price.output) / 1e6


def prompt_bytes(request: Request) -> int:
    """Upper bound on a prompt's tokens."""
    return sum(len(message["content"].encode()) + PER_MESSAGE for message in request.body["messages"])


FOLLOWERS: dict[RoleName, list[RoleName]] = {"solver": ["distiller", "compressor"], "distiller": ["compressor"]}
READS: dict[RoleName, RoleName] = {"distiller": "solver", "compressor": "distiller", "judge": "distiller"}
"""Whose reply a role's prompt holds."""


def projected(settings: Settings, missing: Iterable[Request], means: dict[str, float]) -> tuple[int, float]:
    """How many requests, at about how many US dollars, are still to be asked, given the first ones of each problem.

    `means` are the mean costs by role of the answers in the store; a role without any is reckoned with its
    `expected_tokens`. Every problem is taken to verify at its next attempt.
    """
    copies: dict[RoleName, int] = {"solver": 1, "distiller": 1, "compressor": len(settings.levels), "judge": 0}
    requests, usd = 0, 0.0
    for request in missing:
        each = dict.fromkeys([request.role], 1) | {role: copies[role] for role in FOLLOWERS.get(request.role, [])}
        if settings.judge and request.role != "judge":
            each["judge"] = 1 + (each.get("compressor", 0) if request.role != "compressor" else 0)
        for role, count in each.items():
            requests += count
            usd += count * (means[role] if role in means else _expected(settings, role, request))
    return requests, usd


def _expected(settings: Settings, name: RoleName, request: Request) -> float:
    role = settings.roles[name]
    price = settings.prices.get(role.model)
    if price is None:
        return 0.0
    read = READS.get(name)
    prompt = prompt_bytes(request) / BYTES_PER_TOKEN + (settings.roles[read].expected_tokens if read else 0)
    return (prompt * price.input + role.expected_tokens * price.output) / 1e6
