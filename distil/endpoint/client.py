"""Ask a server with retries, at the pace that it allows, and stop when more requests cannot help."""

import asyncio
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import httpx
import tenacity
from tqdm import tqdm

from distil.endpoint.connection import Connection, Fault, ServerAnswer
from distil.endpoint.pace import Pace
from distil.endpoint.replies import Usage
from distil.endpoint.settings import Body, Dialect, Endpoint, Patience

ALIKE = {"rejected": 3, "unreachable": 3, "wrong": 5, "passing": 10}
"""After so many faults of one kind in a row, a role that had no answer yet is taken to be set up wrongly.

`wrong` is also how often one request counts of a role that was answered, how often one is paid for in vain, and how
many requests at least must fail before such a role stops the run.
"""
HINTS = (
    (r"max_completion_tokens", "Set {role}.limit_field to max_completion_tokens."),
    (r"context length|context_length|maximum context|max_model_len", "Lower max_tokens ({cap} now) or give the server"
     " a longer context."),
    (r"another model \((?P<name>.*)\)", "The endpoint answers as {name}; if that is the model you want, set"
     " {role}.answers_as to it."),
    (r"\btemperature\b", "Set {role}.omit to [temperature]."),
    (r"\bseed\b", "Set {role}.omit to [seed]."),
    (r"DecodingError", "Set {where}.headers to {{Accept-Encoding: identity}}, so that nothing on the way compresses"
     " replies."),
    (r"[Nn]o models? loaded|[Mm]odel is not loaded", "Load the model on the server."),
    (r"the environment's proxy", "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the server's host in NO_PROXY."),
    (r"not JSON|endpoint or method|not found|no connection", "Check {where}.base_url, which most servers want to end"
     " in /v1."),
    (r"", "Check {where} and {role}."),
)  # fmt: skip


class Stopped(Exception):
    """Nothing more is asked; the message says why and what to do."""


class Stop:
    """A stop that several clients share: no request is sent after it, while those under way are still answered."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._event = asyncio.Event()

    def now(self, reason: str) -> None:
        """Stop; the first reason counts."""
        if self.reason is None:
            self.reason = reason
            self._event.set()

    def check(self) -> None:
        """Raise Stopped once there is a reason."""
        if self.reason is not None:
            raise Stopped(self.reason)

    async def sleep(self, seconds: float) -> None:
        """Sleep. Raises Stopped as soon as there is a reason."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        self.check()


@dataclass
class Streak:
    """How many faults of one role in a row had the same kind, and whether the role was ever answered."""

    sign: str = ""
    count: int = 0
    answered: bool = False


def say(text: str) -> None:
    """Print a line on standard error, above the progress bar where a terminal shows one."""
    if sys.stderr.isatty():
        tqdm.write(text, file=sys.stderr)
    else:
        print(text, file=sys.stderr, flush=True)


class Client:
    """Asks one endpoint."""

    def __init__(
        self,
        where: str,
        endpoint: Endpoint,
        stop: Stop,
        patience: Patience,
        transport: httpx.AsyncBaseTransport | None = None,
    ):
        """`where` is the endpoint's place in params.yaml. Raises InputError when a key that it names is missing."""
        self.where, self.stop, self.patience = where, stop, patience
        self.pace = Pace(endpoint.concurrency, endpoint.requests_per_minute, endpoint.tokens_per_minute, stop.sleep)
        self.exchanges = 0
        self._connection = Connection(where, endpoint, transport)
        self._streaks: dict[str, Streak] = {}
        self._said: set[str] = set()
        self._backoff = tenacity.wait_random_exponential(multiplier=patience.first_wait, max=patience.longest_wait)

    def proved(self, role: str) -> None:
        """Take a role to be set up rightly, since an earlier run was answered."""
        self._streaks.setdefault(role, Streak()).answered = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._connection.close()

    async def ask(
        self,
        body: Body,
        role: str,
        dialect: Dialect,
        *,
        verbatim: bool = False,
        expected_tokens: float = 0,
        failed_with: str = "",
        wasted: Callable[[Usage], None] = lambda used: None,
    ) -> ServerAnswer | Fault:
        """Return the answer to a request, or its last fault when all tries have failed.

        `role` is the place of the request's settings in params.yaml. Requests of one role are expected to meet the same
        faults. A `verbatim` reply is kept as the model wrote it, whatever name the server gives the model. An
        earlier run gave the request up `failed_with` this reason. `wasted` is called for each reply that costs money
        and is no answer. Raises Stopped when no answer came and nothing more may be asked.
        """
        model = dialect.answers_as or (None if verbatim else body["model"])
        tries = in_vain = 0

        async def once() -> ServerAnswer | Fault:
            nonlocal tries, in_vain
            tries += 1
            outcome = replace(await self._once(body, role, model, verbatim, expected_tokens), tries=tries)
            if isinstance(outcome, ServerAnswer):
                return outcome
            known = tries > ALIKE["wrong"] or _sign(failed_with).startswith(_sign(outcome.reason))
            self._heed(outcome, role, body, known)
            if outcome.used:
                in_vain += 1
                wasted(outcome.used)
            return outcome

        def may_help(outcome: ServerAnswer | Fault) -> bool:
            paid_enough = in_vain >= ALIKE["wrong"]
            return isinstance(outcome, Fault) and outcome.kind != "rejected" and not paid_enough

        again = tenacity.AsyncRetrying(
            # faults are results and no exceptions, so that the last one is returned when all tries have failed
            retry=tenacity.retry_if_result(may_help),
            stop=tenacity.stop_after_attempt(self.patience.tries),
            wait=self._wait,
            sleep=self.stop.sleep,
            retry_error_callback=_last,
        )
        outcome: ServerAnswer | Fault = await again(once)
        if isinstance(outcome, Fault) and outcome.kind == "unreachable":
            self.stop.now(f"{outcome.reason}. Start the server, or set {self.where}.base_url, and run again.")
        return outcome

    async def _once(
        self, body: Body, role: str, model: str | None, verbatim: bool, expected: float
    ) -> ServerAnswer | Fault:
        async with self.pace.turn(expected):
            self.stop.check()
            started = time.monotonic()
            outcome = await self._connection.send(body, model, verbatim=verbatim)
            seconds = time.monotonic() - started
        self.exchanges += 1
        if isinstance(outcome, ServerAnswer):
            self.pace.answered(seconds)
            used = outcome.reply.usage
            if used and used.prompt_tokens is not None and used.completion_tokens is not None:
                self.pace.used(expected, used.prompt_tokens + used.completion_tokens)
            # one answer shows that the role is set up rightly, and ends its streak of faults
            self._streaks[role] = Streak(answered=True)
            return replace(outcome, seconds=round(seconds, 3))
        if outcome.kind == "overload" or outcome.retry_after is not None:
            self.pace.overloaded(started, outcome.retry_after)
        return outcome

    def _heed(self, fault: Fault, role: str, body: Body, known: bool) -> None:
        """Print a fault once. Stop if every request, or every request of this role, would meet it too.

        A `known` fault is one that its request has met before.
        """
        kept = "Everything answered so far is kept; then run again."
        if fault.remedy:
            self.stop.now(f"{fault.remedy} ({fault.reason}). {kept}")
            return
        sign, streak = _sign(fault.reason), self._streaks.setdefault(role, Streak())
        # a role that has answered is set up rightly: what one request alone meets then says nothing of the others
        counts = not (streak.answered and (fault.of_request or known))
        if counts:
            streak.count = streak.count + 1 if streak.sign == sign else 1
            streak.sign = sign
        if counts and streak.count >= self._limit(fault, streak):
            nothing = "" if streak.answered else "Nothing was answered. "
            advice = self.advice(fault, role, body)
            self.stop.now(
                f"{role}, {streak.count} times in a row: {fault.reason.rstrip('.')}. {nothing}{advice} {kept}"
            )
        elif sign not in self._said:
            self._said.add(sign)
            wait = f"; it asks to wait {fault.retry_after:.0f} s" if fault.retry_after else ""
            most = min(self.patience.tries, ALIKE["wrong"]) if fault.used else self.patience.tries
            ends = "not asked again" if fault.kind == "rejected" else f"asked again, up to {most} times"
            say(f"{role}: {fault.reason}{wait} ({ends})")

    def advice(self, fault: Fault, role: str, body: Body) -> str:
        """What to change in params.yaml; the server's words decide."""
        cap = body.get("max_tokens") or body.get("max_completion_tokens")
        matches = ((re.search(pattern, fault.reason), hint) for pattern, hint in HINTS)
        found, hint = next((found, hint) for found, hint in matches if found)
        return hint.format(role=role, where=self.where, cap=cap, **found.groupdict())

    def _limit(self, fault: Fault, streak: Streak) -> float:
        """How many faults in a row may be of this kind. After an answer, the server may be out of order for a while."""
        if fault.kind == "rejected" or (not streak.answered and fault.kind in ALIKE):
            return ALIKE[fault.kind]
        # more requests than are asked at once, and several, so that the last ones of a run cannot stop it
        requests = max(self.pace.concurrency + 1, ALIKE["wrong"])
        return ALIKE["wrong"] * requests if fault.kind == "wrong" else float("inf")

    def _wait(self, state: tenacity.RetryCallState) -> float:
        return max(self._backoff(state), _last(state).retry_after or 0.0)


def _sign(reason: str) -> str:
    """What is alike in faults that differ in numbers alone (ids, times, counts)."""
    return re.sub(r"\w*\d\w*", "#", reason)[:80]


def _last(state: tenacity.RetryCallState) -> Any:
    assert state.outcome
    return state.outcome.result()
