"""From problems to a store that holds all their answers: one process, one event loop, many problems at once."""

import asyncio
import contextlib
import itertools
import os
import signal
import time
from collections import Counter
from typing import Any

import httpx
from tqdm import tqdm

from distil.endpoint import Client, Failed, Fault, Reply, Stop, Stopped, Usage, say
from distil.pipeline.files import InputError, write_json
from distil.pipeline.progress import Bar
from distil.pipeline.records import Problem
from distil.verifier import verify
from stages.teacher_cot import money
from stages.teacher_cot.embedded import endpoint_names
from stages.teacher_cot.lesson import Check, lesson
from stages.teacher_cot.request import Request
from stages.teacher_cot.server import application
from stages.teacher_cot.settings import Settings
from stages.teacher_cot.store import Row, Store

TIMINGS = "metrics/timings/teacher_cot.json"


def ask(settings: Settings, store: Store, problems: list[Problem]) -> None:
    """Fill the store with the answers that the problems need. Raises InputError saying why it stopped, if it did."""
    with store.alone():
        asyncio.run(_ask(settings, store, problems))


async def _ask(settings: Settings, store: Store, problems: list[Problem]) -> None:
    stop, loop = Stop(), asyncio.get_running_loop()

    def interrupt(number: int) -> None:
        stop.now("interrupted: run the same command again to go on.")
        loop.remove_signal_handler(number)  # a second one ends the process at once

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt, number)
    async with contextlib.AsyncExitStack() as clients:
        asker = Asker(settings, store, stop)
        for client in asker.clients.values():
            await clients.enter_async_context(client)
        with Bar(total=len(problems), desc="teacher", unit="problem", dynamic_ncols=True) as bar:
            await teach_all(problems, asker, bar)
        asker.write_timings()
    if store.trouble:
        raise InputError(f"{store.trouble}: free some space and run again.")
    if stop.reason is not None:
        raise InputError(stop.reason)


async def teach_all(problems: list[Problem], asker: "Asker", bar: tqdm) -> None:
    """Teach one problem, then two, then four, until every role has answered; then as many as are allowed at once.

    So a role that is set up wrongly is found out before another is paid for every problem.
    """
    queue, done = iter(problems), 0

    async def work(some: Any) -> None:
        nonlocal done
        for problem in some:
            try:
                await asker.teach(problem)
            except Stopped:
                return
            except InputError as error:
                asker.stop.now(str(error))
                return
            except BaseException as error:
                asker.stop.now(f"{type(error).__name__}: {error}")
                raise
            done += 1
            bar.update()
            bar.set_postfix_str(asker.progress(len(problems) - done), refresh=False)

    at_once = 1
    while asker.unproven and (some := list(itertools.islice(queue, at_once))):
        await _all(work([problem]) for problem in some)
        at_once *= 2
    if (projected := asker.projection(len(problems) - done)) and done:
        say(f"teacher: after the first {done} of {len(problems)} problems, {projected}")
    # twice as many problems as requests under way: some wait for the store or the verifier meanwhile
    await _all(work(queue) for _ in range(2 * sum(client.pace.concurrency for client in asker.clients.values())))


async def _all(work: Any) -> list[Any]:
    """Await all to their ends, whatever the end of one, and raise the first error then."""
    ends = await asyncio.gather(*work, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return ends


class Asker:
    """Answers requests from the store, or else from their endpoint: each once, and stored before it is used."""

    def __init__(self, settings: Settings, store: Store, stop: Stop):
        self.settings, self.store, self.stop = settings, store, stop
        self.unproven = set(settings.roles_played)
        self.names = endpoint_names(settings)
        self.clients = {self.names[name]: self._client(name) for name in sorted(self._used())}
        self.tally: Counter[str] = Counter()
        self.usd = 0.0
        self._started = time.monotonic()
        self._seconds: dict[str, list[float]] = {}
        self._asked: set[str] = set()
        self._verifying = asyncio.Semaphore(os.cpu_count() or 1)  # so that threads are left to store answers
        self._spent = store.spent()
        self._reserved: dict[str, float] = {}  # by request under way, the most that it can cost
        self._running: dict[str, asyncio.Future[Reply | Failed]] = {}
        self._rows: list[Row] = []  # that wait to be stored, as do the verdicts
        self._verdicts: dict[str, bool] = {}
        self._storing = asyncio.Lock()

    def _used(self) -> set[str]:
        return {self.settings.roles[name].endpoint for name in self.settings.roles_played}

    def _client(self, name: str) -> Client:
        """The client of an endpoint. The embedded teacher answers within this process."""
        endpoint, transport = self.settings.endpoints[name], None
        if self.settings.teacher == "embedded":
            endpoint = endpoint.model_copy(update={"base_url": "http://embedded/v1", "api_key_env": None})
            transport = httpx.ASGITransport(application(self.settings.embedded))
        return Client(f"teacher_cot.endpoints.{name}", endpoint, self.stop, self.settings.patience, transport)

    async def teach(self, problem: Problem) -> None:
        """One problem's lesson against the endpoint. Every request that was begun is seen to its end."""
        steps = lesson(problem, self.settings, self.names)
        sent: Any = None
        asked = False
        while True:
            try:
                wanted = steps.send(sent)
            except StopIteration:
                self.tally["problems asked for"] += asked
                return
            if isinstance(wanted, Check):
                sent = await self._check(wanted, problem.answer)
            else:
                sent = await _all(map(self.ask, wanted))
                asked = asked or any(request.key in self._asked for request in wanted)

    async def _check(self, check: Check, gold: str) -> bool:
        key = check.key(gold)
        correct = self.store.verdict(key)
        if correct is None:
            async with self._verifying:
                correct = (await asyncio.to_thread(verify, gold, check.text)).verdict == "CORRECT"
            self._verdicts[key] = correct
            await self._keep()
        return correct

    async def ask(self, request: Request) -> Reply | Failed:
        """The answer to a request. Raises Stopped when it is not stored and nothing more may be asked."""
        if stored := self.store.get(request):
            self.unproven.discard(request.role)
            return stored
        if running := self._running.get(request.key):  # two problems with one text ask the same
            return await running
        running = self._running[request.key] = asyncio.ensure_future(self._send(request))
        try:
            return await running
        finally:
            del self._running[request.key]

    async def _send(self, request: Request) -> Reply | Failed:
        """Ask while the budget has room for the most that this request can cost, and store what came."""
        role, price = self.settings.roles[request.role], self.settings.prices.get(request.model)
        at_most = money.at_most(price, request)
        await self._afford(at_most)
        self._reserved[request.key] = at_most

        def wasted(used: Usage) -> None:
            self._spend(usd := money.paid(price, request, used))
            self.store.spend(usd)
            if self._too_dear(0):
                self.stop.now(self._budget_message(at_most))

        try:
            outcome = await self.clients[request.endpoint].ask(
                request.body,
                f"teacher_cot.roles.{request.role}",
                role,
                expected_tokens=money.prompt_bytes(request) / money.BYTES_PER_TOKEN + role.expected_tokens,
                wasted=wasted,
            )
            if isinstance(outcome, Fault):
                self.stop.check()
                reason = outcome.reason + ("" if outcome.kind == "rejected" else f" ({self.settings.tries} tries)")
                self.tally["failed"] += 1
                self.store.fail(request, reason)
                return Failed(reason)
            reply, usd = outcome.reply, money.paid(price, request, outcome.reply.usage)
            self.unproven.discard(request.role)
            self._rows.append(Row.of(request, outcome, usd))
            await self._keep()
            self._spend(usd)
            self._asked.add(request.key)
            self._seconds.setdefault(request.role, []).append(outcome.seconds)
            self.tally["answered"] += 1
            if reply.usage:
                self.tally["tokens"] += (reply.usage.prompt_tokens or 0) + (reply.usage.completion_tokens or 0)
            return reply
        finally:
            del self._reserved[request.key]

    async def _keep(self) -> None:
        """Store what waits for it; all that comes meanwhile shares the next transaction, and its wait for the disk."""
        async with self._storing:
            (rows, self._rows), (verdicts, self._verdicts) = (self._rows, []), (self._verdicts, {})
            if rows or verdicts:
                await asyncio.to_thread(self.store.put, rows, verdicts)

    async def _afford(self, at_most: float) -> None:
        """Wait for the budget to have room. Raises Stopped when it never will."""
        while self._too_dear(at_most):
            if not self._reserved:
                self.stop.now(self._budget_message(at_most))
            await self.stop.sleep(0.1)
        self.stop.check()

    def _too_dear(self, more: float) -> bool:
        budget = self.settings.budget_usd
        return budget is not None and self._spent + sum(self._reserved.values()) + more > budget

    def _spend(self, usd: float) -> None:
        self._spent += usd
        self.usd += usd

    def _budget_message(self, at_most: float) -> str:
        return (
            f"teacher_cot.budget_usd: ${self._spent:.4f} of ${self.settings.budget_usd:.4f} are spent, and the "
            f"next request may cost ${at_most:.4f}. Everything answered so far is kept: raise the budget and run again."
        )

    def progress(self, left: int) -> str:
        """What the progress bar says at its end, with so many problems left."""
        in_flight = sum(client.pace.in_flight for client in self.clients.values())
        paused = max(client.pace.paused for client in self.clients.values())
        parts = [f"{in_flight} in flight", f"{self.tally['failed']} failed", f"{self.tally['tokens']:,} tokens"]
        parts += [f"${self.usd:.4f}", self.projection(left), f"paused {paused:.0f} s" if paused > 1 else ""]
        return ", ".join(filter(None, parts))

    def projection(self, left: int) -> str:
        """What is to come if the problems that are left take what those asked for so far took."""
        if not (taught := self.tally["problems asked for"]) or not left:
            return ""
        share = left / taught
        return f"about {share * self.tally['answered']:,.0f} requests and ${share * self.usd:.2f} to go"

    def write_timings(self) -> None:
        """Write how long the asking took."""
        seconds, answered = time.monotonic() - self._started, self.tally["answered"]
        write_json(
            TIMINGS,
            {
                "seconds": round(seconds, 3),
                "answered": answered,
                "exchanges": sum(client.exchanges for client in self.clients.values()),
                "answers_per_second": round(answered / seconds, 3) if answered else None,
                "mean_seconds": {role: round(sum(each) / len(each), 3) for role, each in sorted(self._seconds.items())},
            },
        )
