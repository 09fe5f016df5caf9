"""Fill the store with the answers of all problems: one process, one event loop, many problems at once."""

import asyncio
import itertools
import os
import time
from typing import Any

import httpx
from tqdm import tqdm

from distil.endpoint import Client, Stop, say
from distil.pipeline.files import write_json
from distil.pipeline.progress import Bar
from distil.pipeline.records import Problem
from distil.teacher import Asker, RoleName, Store, ask_all, gathered
from distil.verifier import verify
from stages.teacher_cot.embedded import endpoint_names
from stages.teacher_cot.lesson import Check, lesson
from stages.teacher_cot.server import application
from stages.teacher_cot.settings import Settings

TIMINGS = "metrics/timings/teacher_cot.json"


def ask(settings: Settings, store: Store, problems: list[Problem]) -> None:
    """Fill the store with the answers that the problems need. Raises InputError saying why it stopped, if it did."""

    async def teach(asker: TeachingAsker) -> None:
        with Bar(total=len(problems), desc="teacher", unit="problem", dynamic_ncols=True) as bar:
            await teach_all(problems, asker, bar)
        asker.write_timings()

    ask_all(store, lambda stop: TeachingAsker(settings, store, stop), teach)


async def teach_all(problems: list[Problem], asker: "TeachingAsker", bar: tqdm) -> None:
    """Teach one problem, then two, then four, until every role has answered. Then teach as many at once as allowed.

    So a role with wrong settings shows before another role is paid for every problem.
    """
    # all workers take problems from one iterator, so that each problem is taken once
    queue, done = iter(problems), 0

    async def work(some: Any) -> None:
        nonlocal done
        for problem in some:
            if not await asker.done(asker.teach(problem)):
                return
            done += 1
            bar.update()
            bar.set_postfix_str(asker.progress(len(problems) - done), refresh=False)

    at_once = 1
    while asker.unproven and (some := list(itertools.islice(queue, at_once))):
        await gathered(work([problem]) for problem in some)
        at_once *= 2
    if (projected := asker.projection(len(problems) - done)) and done:
        say(f"teacher: after the first {done} of {len(problems)} problems, {projected}")
    # twice as many problems as requests, because some problems wait for the store or the verifier
    await gathered(work(queue) for _ in range(2 * sum(client.pace.concurrency for client in asker.clients.values())))


class TeachingAsker(Asker):
    """Sends the requests of lessons, and has their chains verified."""

    def __init__(self, settings: Settings, store: Store, stop: Stop):
        self.teaching = settings
        self.names = endpoint_names(settings)
        used = sorted({settings.roles[name].endpoint for name in settings.roles_played})
        super().__init__(settings, store, stop, {self.names[name]: _client(settings, name, stop) for name in used})
        self._started = time.monotonic()
        self._verifying = asyncio.Semaphore(os.cpu_count() or 1)  # so that threads are left to store answers

    @property
    def unproven(self) -> set[RoleName]:
        """The roles that have not answered yet."""
        return set(self.teaching.roles_played) - self.proven

    async def teach(self, problem: Problem) -> None:
        """Run one problem's lesson against the endpoint. It always waits for a request that was sent."""
        steps = lesson(problem, self.teaching, self.names)
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
                sent = await gathered(map(self.ask, wanted))
                asked = asked or any(request.key in self.asked for request in wanted)

    async def _check(self, check: Check, gold: str) -> bool:
        # stored, because a timeout on a busy machine could make a rerun ask for another attempt
        key = check.key(gold)
        correct = self.store.verdict(key)
        if correct is None:
            async with self._verifying:
                correct = (await asyncio.to_thread(verify, gold, check.text)).verdict == "CORRECT"
            await self.keep({key: correct})
        return correct

    def progress(self, left: int) -> str:
        """The text at the end of the progress bar, with so many problems left."""
        in_flight = sum(client.pace.in_flight for client in self.clients.values())
        paused = max(client.pace.paused for client in self.clients.values())
        parts = [f"{in_flight} in flight", f"{self.tally['failed']} failed", f"{self.tally['tokens']:,} tokens"]
        parts += [f"${self.usd:.4f}", self.projection(left), f"paused {paused:.0f} s" if paused > 1 else ""]
        return ", ".join(filter(None, parts))

    def projection(self, left: int) -> str:
        """The requests and costs to come, if the problems left need as much as the problems so far."""
        if not (taught := self.tally["problems asked for"]) or not left:
            return ""
        share = left / taught
        return f"about {share * self.tally['answered']:,.0f} requests and ${share * self.usd:.2f} to go"

    def write_timings(self) -> None:
        """Write how long it took to ask."""
        seconds, answered = time.monotonic() - self._started, self.tally["answered"]
        write_json(
            TIMINGS,
            {
                "seconds": round(seconds, 3),
                "answered": answered,
                "exchanges": sum(client.exchanges for client in self.clients.values()),
                "answers_per_second": round(answered / seconds, 3) if answered else None,
                "mean_seconds": {role: round(sum(each) / len(each), 3) for role, each in sorted(self.seconds.items())},
            },
        )


def _client(settings: Settings, name: str, stop: Stop) -> Client:
    """The client of an endpoint. The embedded teacher answers within this process."""
    endpoint, transport = settings.endpoints[name], None
    if settings.teacher == "embedded":
        endpoint = endpoint.model_copy(update={"base_url": "http://embedded/v1", "api_key_env": None})
        transport = httpx.ASGITransport(application(settings.embedded))
    return Client(f"teacher_cot.endpoints.{name}", endpoint, stop, settings.patience, transport)
