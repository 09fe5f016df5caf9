"""The likely cost of a run before it begins."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from distil.teacher import Request, RoleName, money
from stages.teacher_cot.settings import Settings

READS: dict[RoleName, RoleName] = {"distiller": "solver", "compressor": "distiller", "judge": "distiller"}
"""For each role, the role whose reply is in its prompt."""


@dataclass(frozen=True)
class Missing:
    """The first unanswered requests of one problem's lesson, all of one role, and how many of its chains verified."""

    requests: list[Request]
    verified: int


def projected(
    settings: Settings, missing: Iterable[Missing], means: dict[str, float], last: Iterable[Request] = ()
) -> tuple[int, float]:
    """How many requests are left, and about how many US dollars they cost, given the first ones of each problem.

    `means` are the mean costs by role of the answers in the store. For a role without answers, `expected_tokens` counts
    instead. Every attempt from the next one on is assumed to verify. After the requests `last` there are no others.
    """
    requests, usd = 0, 0.0

    def add(role: RoleName, request: Request, count: int = 1) -> None:
        nonlocal requests, usd
        requests += count
        usd += count * (means[role] if role in means else _expected(settings, role, request))

    for request in last:
        add(request.role, request)
    for lesson in missing:
        for request in lesson.requests:
            add(request.role, request)
        for role, count in _followers(settings, lesson).items():
            add(role, lesson.requests[0], count)
    return requests, usd


def _followers(settings: Settings, lesson: Missing) -> Counter[RoleName]:
    """The requests of a lesson that come after the missing ones, by role."""
    first = lesson.requests[0]
    follow: Counter[RoleName] = Counter()
    if first.role == "judge":
        return follow
    verified = lesson.verified
    if first.role != "compressor":  # an attempt is under way
        follow["distiller"] += first.role == "solver"
        follow["compressor"] += 0 if verified else len(settings.levels)  # of the first chain that verifies
        verified += 1
    left = settings.samples_per_problem - first.attempt
    more = max(0, min(settings.chains_per_problem - verified, left))
    follow.update(solver=more, distiller=more)
    if settings.judge:
        follow["judge"] += 1 + len(settings.levels)
    return follow


def _expected(settings: Settings, name: RoleName, request: Request) -> float:
    role, read = settings.roles[name], READS.get(name)
    reads = settings.roles[read].expected_tokens if read else 0
    return money.expected(settings.prices.get(role.model), request, role.expected_tokens, reads)
