"""What a run is likely to cost before it begins."""

from collections.abc import Iterable

from distil.teacher import Request, RoleName, money
from stages.teacher_cot.settings import Settings

FOLLOWERS: dict[RoleName, list[RoleName]] = {"solver": ["distiller", "compressor"], "distiller": ["compressor"]}
READS: dict[RoleName, RoleName] = {"distiller": "solver", "compressor": "distiller", "judge": "distiller"}
"""Whose reply a role's prompt holds."""


def projected(
    settings: Settings, missing: Iterable[Request], means: dict[str, float], last: Iterable[Request] = ()
) -> tuple[int, float]:
    """How many requests, at about how many US dollars, are still to be asked, given the first ones of each problem.

    `means` are the mean costs by role of the answers in the store; a role without any is reckoned with its
    `expected_tokens`. Every attempt from the next one on is taken to verify; nothing follows upon the requests `last`.
    """
    copies: dict[RoleName, int] = {"solver": 1, "distiller": 1, "compressor": len(settings.levels), "judge": 0}
    requests, usd = 0, 0.0
    for request in last:
        requests += 1
        usd += means[request.role] if request.role in means else _expected(settings, request.role, request)
    for request in missing:
        each = dict.fromkeys([request.role], 1) | {role: copies[role] for role in FOLLOWERS.get(request.role, [])}
        if request.role in ("solver", "distiller"):  # the attempts at the problem after this one
            more = max(0, settings.chains_per_problem - request.attempt)
            each |= {"solver": each.get("solver", 0) + more, "distiller": each.get("distiller", 0) + more}
        if settings.judge and request.role != "judge":
            each["judge"] = 1 + (each.get("compressor", 0) if request.role != "compressor" else 0)
        for role, count in each.items():
            requests += count
            usd += count * (means[role] if role in means else _expected(settings, role, request))
    return requests, usd


def _expected(settings: Settings, name: RoleName, request: Request) -> float:
    role, read = settings.roles[name], READS.get(name)
    reads = settings.roles[read].expected_tokens if read else 0
    return money.expected(settings.prices.get(role.model), request, role.expected_tokens, reads)
