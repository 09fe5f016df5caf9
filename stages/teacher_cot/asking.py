"""From problems to a store that holds all their answers: many problems side by side, with a progress bar."""

import asyncio
import contextlib
import functools
import signal
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from tqdm import tqdm

from distil.pipeline.files import InputError, write_json
from distil.pipeline.records import Problem
from distil.verifier import verify
from stages.teacher_cot import server
from stages.teacher_cot.client import Client, Stopped
from stages.teacher_cot.embedded import endpoint_names
from stages.teacher_cot.settings import Endpoint, Settings
from stages.teacher_cot.store import Store
from stages.teacher_cot.teach import Check, Taught, lesson

TIMINGS = "metrics/timings/teacher_cot.json"
BYTES_PER_TOKEN_STORED = 8
"""Room that the store's reserve keeps for each token of a reply under way."""


def ask(settings: Settings, store: Store, problems: list[Problem], lifeline: int | None) -> None:
    """Fill the store with the answers that the problems need. Raises InputError saying why it stopped, if it did."""
    sys.stderr = _Tolerant(sys.stderr)
    longest = max(role.max_tokens_if_truncated or role.max_tokens for role in settings.roles.values())
    under_way = sum(endpoint.concurrency for endpoint in settings.endpoints.values())
    with store.reserving(under_way * (longest * BYTES_PER_TOKEN_STORED + (1 << 15))), _addresses(settings) as endpoints:
        asyncio.run(_ask(settings, store, endpoints, problems, lifeline))


@contextlib.contextmanager
def _addresses(settings: Settings) -> Iterator[dict[str, tuple[str, Endpoint]]]:
    """Where each endpoint that a role needs answers, by its name in stored requests; starts the embedded teacher."""
    stored = endpoint_names(settings)
    used = {settings.roles[name].endpoint for name in settings.roles_played}
    endpoints = {name: endpoint for name, endpoint in sorted(settings.endpoints.items()) if name in used}
    if settings.teacher == "openai":
        yield {stored[name]: (name, endpoint) for name, endpoint in endpoints.items()}
        return
    with server.running() as url:
        yield {
            stored[name]: (name, endpoint.model_copy(update={"base_url": url, "api_key_env": None}))
            for name, endpoint in endpoints.items()
        }


async def _ask(
    settings: Settings,
    store: Store,
    endpoints: dict[str, tuple[str, Endpoint]],
    problems: list[Problem],
    lifeline: int | None,
) -> None:
    names = endpoint_names(settings)
    client = Client(settings, endpoints, store)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, client.stop, "interrupted: run the same command again to go on.")
    if lifeline is not None:

        def orphaned() -> None:
            loop.remove_reader(lifeline)
            client.stop("the stage was killed: run it again to go on.")

        loop.add_reader(lifeline, orphaned)
    started = loop.time()
    queue = iter(problems)
    async with client:
        with tqdm(total=len(problems), desc="teacher", unit="problem", dynamic_ncols=True) as bar:

            async def work() -> None:
                for problem in queue:
                    try:
                        await _teach(problem, settings, names, client)
                    except Stopped:
                        return
                    except BaseException as error:
                        client.stop(f"{type(error).__name__}: {error}")
                        raise
                    bar.update()

            async def show() -> None:
                while True:
                    bar.set_postfix_str(_progress(client), refresh=True)
                    await asyncio.sleep(0.5)

            showing = asyncio.create_task(show())
            # twice as many problems as requests under way: some wait for the store or the verifier meanwhile
            workers = 2 * sum(pace.concurrency for pace in client.paces.values())
            try:
                ends = await asyncio.gather(*(work() for _ in range(workers)), return_exceptions=True)
            finally:
                showing.cancel()
            bar.set_postfix_str(_progress(client), refresh=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    _write_timings(client, loop.time() - started)
    if client.stopped is not None:
        raise InputError(client.stopped)


async def _teach(problem: Problem, settings: Settings, names: dict[str, str], client: Client) -> Taught:
    """One problem's lesson against the endpoint. Every request that was begun is seen to its end."""
    dialogue = lesson(problem, settings, names)
    sent: Any = None
    while True:
        try:
            wanted = dialogue.send(sent)
        except StopIteration as end:
            return end.value
        if isinstance(wanted, Check):
            sent = await _check(wanted, problem.answer, client)
        else:
            sent = await asyncio.gather(*map(client.ask, wanted), return_exceptions=True)
            for reply in sent:
                if isinstance(reply, BaseException):
                    raise reply


async def _check(check: Check, gold: str, client: Client) -> bool:
    """Whether the verifier takes a chain for correct; decided once, since it may decide otherwise in a hurry."""
    key = check.key(gold)
    correct = client.store.verdict(key)
    if correct is None:
        verdict = await asyncio.to_thread(verify, gold, check.text)
        correct = verdict.verdict == "CORRECT"
        await client.commit(functools.partial(client.store.put_verdict, key, correct))
    return correct


def _progress(client: Client) -> str:
    tally = client.tally
    in_flight = sum(pace.in_flight for pace in client.paces.values())
    paused = max(pace.paused for pace in client.paces.values())
    parts = [f"{in_flight} in flight", f"{tally.failed} failed", f"{tally.tokens:,} tokens", f"${tally.usd:.4f}"]
    return ", ".join([*parts, f"paused {paused:.0f} s"] if paused > 1 else parts)


def _write_timings(client: Client, seconds: float) -> None:
    tally = client.tally
    write_json(
        TIMINGS,
        {
            "seconds": round(seconds, 3),
            "answered": tally.answered,
            "exchanges": tally.exchanges,
            "answers_per_second": round(tally.answered / seconds, 3) if tally.answered else None,
            "mean_seconds": {
                role: round(tally.seconds[role] / count, 3) for role, count in sorted(tally.answered_by.items())
            },
        },
    )


class _Tolerant:
    """Standard error that may be gone: a progress bar must not cost answers that are under way."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or let it be."""
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or let it be."""
        with contextlib.suppress(OSError):
            self._stream.flush()
