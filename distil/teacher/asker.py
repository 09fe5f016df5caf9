"""Answering requests from the store, or else from their endpoint, in one process and within one budget."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar, cast

from distil.endpoint import Client, Failed, Fault, Reply, Stop, Stopped, Usage
from distil.pipeline.files import InputError
from distil.teacher import money
from distil.teacher.request import Request
from distil.teacher.settings import RoleName, Teacher
from distil.teacher.store import Store, StoredAnswer

Result = TypeVar("Result")


class Asker:
    """Answers requests from the store, or else from their endpoint: each once, and stored before it is used."""

    def __init__(self, settings: Teacher, store: Store, stop: Stop, clients: dict[str, Client]):
        """`clients` are by the endpoint's name in requests."""
        self.settings, self.store, self.stop, self.clients = settings, store, stop, clients
        self.tally: Counter[str] = Counter()
        self.usd = 0.0
        self.asked: set[str] = set()
        """The keys of the requests that were answered in this run."""
        self.proven: set[RoleName] = set()
        """The roles that have answers, so that they are set up rightly."""
        self.seconds: dict[str, list[float]] = {}
        self._spent = store.spent()
        self._reserved: dict[str, float] = {}  # by request under way, the most that it can cost
        self._running: dict[str, asyncio.Future[Reply | Failed]] = {}
        self._rows: list[StoredAnswer] = []  # that wait to be stored, as do the verdicts
        self._verdicts: dict[str, bool] = {}
        self._storing = asyncio.Lock()

    async def ask(self, request: Request) -> Reply | Failed:
        """The answer to a request. Raises Stopped when it is not stored and nothing more may be asked."""
        if stored := self.store.get(request):
            self.proven.add(request.role)
            self.clients[request.endpoint].proved(_place(request))
            return stored
        if running := self._running.get(request.key):  # two problems with one text ask the same
            return await running
        running = self._running[request.key] = asyncio.ensure_future(self._send(request))
        try:
            return await running
        finally:
            del self._running[request.key]

    async def _send(self, request: Request) -> Reply | Failed:
        """Ask if the budget has room for the most that this request can cost, and store the reply."""
        role, price = self.settings.roles[request.role], self.settings.prices.get(request.model)
        at_most = money.at_most(price, request)
        await self._afford(at_most)
        # the most that it can cost counts as spent until the reply says what it did cost
        self._reserved[request.key] = at_most

        def wasted(used: Usage) -> None:
            self._spend(usd := money.paid(price, request, used))
            with self._last_if_it_fails():
                self.store.spend(usd)
            if self._too_dear(0):
                self.stop.now(self._budget_message(at_most))

        try:
            outcome = await self.clients[request.endpoint].ask(
                request.body,
                _place(request),
                role,
                expected_tokens=money.expected_prompt(request) + role.expected_tokens,
                failed_with=failed.reason if (failed := self.store.failure(request)) else "",
                wasted=wasted,
            )
            # a fault while all is being stopped says nothing about this request: it is asked again in the next run
            if isinstance(outcome, Fault):
                self.stop.check()
                reason = outcome.reason + ("" if outcome.kind == "rejected" else f" ({outcome.tries} tries)")
                self.tally["failed"] += 1
                with self._last_if_it_fails():
                    self.store.fail(request, reason)
                return Failed(reason)
            reply, usd = outcome.reply, money.paid(price, request, outcome.reply.usage)
            self.proven.add(request.role)
            self._rows.append(StoredAnswer.of(request, outcome, usd))
            # stored before it is used: a kill after this line loses no paid answer
            await self.keep()
            self._spend(usd)
            self.asked.add(request.key)
            self.seconds.setdefault(request.role, []).append(outcome.seconds)
            self.tally["answered"] += 1
            if reply.usage:
                self.tally["tokens"] += (reply.usage.prompt_tokens or 0) + (reply.usage.completion_tokens or 0)
            return reply
        finally:
            del self._reserved[request.key]

    async def done(self, work: Awaitable[None]) -> bool:
        """Await a piece of work, and say whether it was done; an error of one piece stops all the others."""
        try:
            await work
        except Stopped:
            return False
        except InputError as error:
            self.stop.now(str(error))
            return False
        except BaseException as error:
            self.stop.now(f"{type(error).__name__}: {error}")
            raise
        return True

    async def keep(self, verdicts: dict[str, bool] | None = None) -> None:
        """Store what waits for it; all that comes meanwhile shares the next transaction, and its wait for the disk."""
        self._verdicts |= verdicts or {}
        async with self._storing:
            # taken under the lock: whoever comes next finds nothing left, or what has come since
            (rows, self._rows), (waiting, self._verdicts) = (self._rows, []), (self._verdicts, {})
            if rows or waiting:
                with self._last_if_it_fails():
                    await asyncio.to_thread(self.store.put, rows, waiting)

    @contextlib.contextmanager
    def _last_if_it_fails(self) -> Iterator[None]:
        """Stop all asking as soon as a write fails: an answer that is paid for after that could not be stored either.

        The error itself reaches `done` only when the other requests of its piece of work have ended.
        """
        try:
            yield
        except InputError as error:
            self.stop.now(str(error))
            raise

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


def _place(request: Request) -> str:
    """The place of a request's settings in params.yaml."""
    return f"teacher_cot.roles.{request.role}"


async def gathered(work: Iterable[Awaitable[Result]]) -> list[Result]:
    """Await all to their ends, whatever the end of one, and raise the first error then."""
    ends = await asyncio.gather(*work, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return cast("list[Result]", ends)


AskerOf = TypeVar("AskerOf", bound=Asker)


def ask_all(store: Store, asker: Callable[[Stop], AskerOf], work: Callable[[AskerOf], Awaitable[None]]) -> None:
    """Do the work with the store to itself, until its end or an interrupt. Raises InputError saying why it stopped."""
    with store.alone():
        asyncio.run(_ask_all(asker, work))


async def _ask_all(make: Callable[[Stop], AskerOf], work: Callable[[AskerOf], Awaitable[None]]) -> None:
    stop, loop = Stop(), asyncio.get_running_loop()

    def interrupt(number: int) -> None:
        stop.now("interrupted: run the same command again to go on.")
        loop.remove_signal_handler(number)  # a second one ends the process at once

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt, number)
    async with contextlib.AsyncExitStack() as clients:
        asker = make(stop)
        for client in asker.clients.values():
            await clients.enter_async_context(client)
        await work(asker)
    if asker.store.trouble:
        raise InputError(f"{asker.store.trouble}: free some space and run again.")
    if stop.reason is not None:
        raise InputError(stop.reason)
