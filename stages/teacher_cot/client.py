"""Asking for answers: each request once, whatever goes wrong on the way, and its answer stored before it is used."""

import asyncio
import functools
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

from stages.teacher_cot import money
from stages.teacher_cot.dialogue import Failed, Reply, Request
from stages.teacher_cot.exchange import Answer, Fault, Line
from stages.teacher_cot.pace import Pace
from stages.teacher_cot.settings import Endpoint, Settings
from stages.teacher_cot.store import Answered, Claim, Owner, Store

ALIKE = 3
"""Requests that fail alike before anything was answered, until that is taken for the endpoint's own trouble."""
POLL = 0.25
"""Seconds between looks at what other processes, or a tight budget, hold up."""


class Stopped(Exception):
    """The client asks no more; the message says why and what to do."""


@dataclass
class Tally:
    """What a run has done so far."""

    answered: int = 0
    failed: int = 0
    tokens: int = 0
    usd: float = 0.0
    exchanges: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    answered_by: dict[str, int] = field(default_factory=dict)


class Client:
    """Answers requests from the store, or else from their endpoint."""

    def __init__(self, settings: Settings, endpoints: dict[str, tuple[str, Endpoint]], store: Store):
        """`endpoints` maps an endpoint's name in stored requests to its name in the settings and its address."""
        self.settings, self.store = settings, store
        self.tally = Tally()
        self.stopped: str | None = None
        self._stop = asyncio.Event()
        self._lines = {stored: Line(name, endpoint) for stored, (name, endpoint) in endpoints.items()}
        self.paces = {
            stored: Pace(
                endpoint.concurrency, endpoint.requests_per_minute, endpoint.tokens_per_minute, self._sleep
            )
            for stored, (_, endpoint) in endpoints.items()
        }  # fmt: skip
        self._running: dict[str, asyncio.Future[Reply | Failed]] = {}
        self._alike = 0
        self._renamed: Counter[str] = Counter()
        self._reached: set[str] = set()  # roles that were answered; known before the answer is stored
        self._steps: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(max_workers=1)  # of its own, so that no verifier holds up a commit

    async def __aenter__(self) -> Self:
        self._owner = Owner(self.store.path)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._owner.close()
        self._writer.shutdown()
        for line in self._lines.values():
            await line.close()

    def stop(self, why: str) -> None:
        """Send nothing more; what is under way is still answered and stored."""
        if self.stopped is None:
            self.stopped = why
            self._stop.set()

    async def ask(self, request: Request) -> Reply | Failed:
        """The answer to a request. Raises Stopped when it is not stored and nothing more may be asked."""
        if stored := self.store.get(request):
            return stored
        if running := self._running.get(request.key):  # two problems with one text ask the same
            return await running
        running = self._running[request.key] = asyncio.ensure_future(self._claim_and_send(request))
        try:
            return await running
        finally:
            del self._running[request.key]

    async def _claim_and_send(self, request: Request) -> Reply | Failed:
        """Take the request before it is sent; wait where another process has it, or where the budget is held."""
        at_most = money.at_most(self.settings.prices.get(request.model), request)
        while True:
            self._go_on()
            claim = await self.commit(self._claim(request, at_most))
            if claim == "mine":
                return await self._send(request)
            if claim == "too dear" and not await self.commit(functools.partial(self.store.under_way, self._owner)):
                self.stop(self._budget_message(at_most))
            await self._sleep(0 if claim == "answered" else POLL)
            if stored := self.store.get(request):
                return stored

    def _claim(self, request: Request, at_most: float) -> Callable[[], Claim]:
        return functools.partial(self.store.claim, request, self._owner, at_most, self.settings.budget_usd)

    async def _send(self, request: Request) -> Reply | Failed:
        """Try until there is an answer. The claim ends here in every case."""
        fault = Fault("not sent")
        try:
            for number in range(1, self.settings.tries + 1):
                outcome = await self._try(request, number)
                if not isinstance(outcome, Fault):
                    return outcome
                fault = outcome
                if fault.rejected:
                    break
                first, longest = self.settings.backoff_seconds
                wait = min(longest, first * 2 ** (number - 1)) * random.uniform(0.5, 1)
                await self._sleep(max(wait, fault.retry_after or 0))
        except Stopped:
            await self.commit(functools.partial(self.store.release, request))
            raise
        reason = fault.reason if fault.rejected else f"{fault.reason} ({self.settings.tries} tries)"
        self.tally.failed += 1
        await self.commit(functools.partial(self.store.release, request, reason))
        if fault.unreachable:
            self.stop(f"{fault.reason}. Start the server, or set the address in params.yaml, and run again.")
        return Failed(reason)

    async def _try(self, request: Request, number: int) -> Reply | Failed | Fault:
        """One exchange, stored when it brought an answer."""
        pace, price = self.paces[request.endpoint], self.settings.prices.get(request.model)
        expected = money.prompt_bytes(request) / money.BYTES_PER_TOKEN
        expected += self.settings.roles[request.role].expected_tokens
        async with pace.turn(expected):
            self._go_on()
            started = time.monotonic()
            outcome = await self._lines[request.endpoint].send(request)
            seconds = time.monotonic() - started
        self.tally.exchanges += 1
        if isinstance(outcome, Answer):
            reply = outcome.reply
            self._reached.add(request.role)
            pace.answered(seconds)
            usd = money.paid(price, request, reply.usage)
            await self.commit(
                functools.partial(
                    self.store.put, Answered(request, reply, outcome.payload, usd, number, round(seconds, 3))
                )
            )
            self._count(request, reply, usd, seconds, pace, expected)
            return reply
        if wasted := money.paid(price, request, outcome.used):
            self.tally.usd += wasted
            await self.commit(functools.partial(self.store.spend, wasted))
            at_most = money.at_most(price, request)
            if await self.commit(self._claim(request, at_most)) == "too dear":
                self.stop(self._budget_message(at_most))
        if outcome.overload or outcome.retry_after is not None:
            pace.overloaded(started, outcome.retry_after)
        self._heed(request, outcome)
        return outcome

    def _count(
        self, request: Request, reply: Reply | Failed, usd: float, seconds: float, pace: Pace, expected: float
    ) -> None:
        tally = self.tally
        tally.answered += 1
        tally.usd += usd
        tally.seconds[request.role] = tally.seconds.get(request.role, 0.0) + seconds
        tally.answered_by[request.role] = tally.answered_by.get(request.role, 0) + 1
        if reply.usage and reply.usage.prompt_tokens is not None and reply.usage.completion_tokens is not None:
            tokens = reply.usage.prompt_tokens + reply.usage.completion_tokens
            tally.tokens += tokens
            pace.used(expected, tokens)

    def _heed(self, request: Request, fault: Fault) -> None:
        """Stop for a fault that every request would meet, or every request of a role."""
        if fault.remedy:
            self.stop(f"{fault.remedy} ({fault.reason}). Everything answered so far is kept; then run again.")
        elif fault.answers_as and request.role not in self._reached:
            # an alias or a deployment's name: each such reply is paid for, and no try would bring another
            self._renamed[request.role] += 1
            if self._renamed[request.role] >= ALIKE:
                self.stop(
                    f"the endpoint answers as {fault.answers_as}; set teacher_cot.roles.{request.role}.model to it. "
                    "Everything answered so far is kept; then run again."
                )
        elif (fault.unreachable or fault.rejected) and not self.tally.answered:
            self._alike += 1
            if self._alike >= ALIKE:
                self.stop(f"{fault.reason}. Nothing was answered: check teacher_cot.endpoints and roles, run again.")

    def _budget_message(self, at_most: float) -> str:
        return (
            f"teacher_cot.budget_usd: ${self.store.spent():.4f} of ${self.settings.budget_usd:.4f} are spent, and the "
            f"next request may cost ${at_most:.4f}. Everything answered so far is kept: raise the budget and run again."
        )

    def _go_on(self) -> None:
        if self.store.full:
            self.stop(
                f"the disk of {self.store.path} is full. Every answer under way was stored; free some space and run "
                "again."
            )
        if self.stopped is not None:
            raise Stopped(self.stopped)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless the client stops meanwhile. Raises Stopped then."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
        self._go_on()

    async def commit(self, step: Callable[[], Any]) -> Any:
        """Do a step on the store in the next transaction; steps that wait together share one, and its fsync."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._steps.append((step, future))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await future

    async def _commit_all(self) -> None:
        while self._steps:
            steps, self._steps = self._steps, []
            try:
                work = [step for step, _ in steps]
                results = await asyncio.get_running_loop().run_in_executor(self._writer, self.store.transact, work)
            except Exception as error:
                for _, future in steps:
                    future.set_exception(error)
            else:
                for (_, future), result in zip(steps, results, strict=True):
                    future.set_result(result)
        self._committing = None
