"""How fast an endpoint is asked: never faster than its owner allows, slower while it is overloaded."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

SLOWER = 0.6
"""On a sign of overload the number of requests under way is cut to this share, at most once per round trip."""
RECOVERY = 0.2
"""Each answer raises it again by this much: by a fifth per round trip, until it is whole."""


class Pace:
    """Limits requests under way, and requests and tokens per minute, and obeys the server's Retry-After.

    Requests and tokens are spaced evenly: no 60 seconds hold more than a minute's allowance and one request. Requests
    are also at least fastest_reply / (2 * concurrency) apart, because waves of them would queue at both ends.
    """

    def __init__(
        self,
        concurrency: int,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self.concurrency = concurrency
        self.allowed = float(concurrency)
        self.in_flight = 0
        self._request_gap = 60 / requests_per_minute if requests_per_minute else 0.0
        self._token_gap = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._next_request = self._next_token = self._paused_until = 0.0
        self._slowed_at = 0.0
        self._fastest: float | None = None
        self._sleep = sleep
        self._changed = asyncio.Condition()

    @property
    def paused(self) -> float:
        """Seconds until the server, by its Retry-After, may be asked again."""
        return max(0.0, self._paused_until - time.monotonic())

    @contextlib.asynccontextmanager
    async def turn(self, tokens: float) -> AsyncIterator[None]:
        """Wait for a place and for the allowance of a request of about `tokens`, and hold the place."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.in_flight < max(1, int(self.allowed)))
            self.in_flight += 1
        try:
            # the place is held while it waits: places limit the requests that wait as well as those that are sent
            await self._allowance(tokens)
            yield
        finally:
            async with self._changed:
                self.in_flight -= 1
                self._changed.notify_all()

    async def _allowance(self, tokens: float) -> None:
        now = time.monotonic()
        start = max(now, self._next_request, self._next_token)
        spread = (self._fastest or 0.0) / (2 * self.concurrency)
        # reserved before the wait, so that the next request queues behind this one
        self._next_request = start + max(self._request_gap, spread)
        self._next_token = start + tokens * self._token_gap
        # a loop, since the server may ask for a pause meanwhile
        while (wait := max(start, self._paused_until) - time.monotonic()) > 0:
            await self._sleep(wait)

    def used(self, expected: float, actual: float) -> None:
        """Correct the token allowance once a reply says how many it took."""
        self._next_token += (actual - expected) * self._token_gap

    def answered(self, seconds: float) -> None:
        """A request was answered in so many seconds: recover a little."""
        self._fastest = min(seconds, self._fastest or seconds)
        self.allowed = min(self.concurrency, self.allowed + RECOVERY)

    def overloaded(self, started: float, retry_after: float | None) -> None:
        """The server showed overload to a request sent at `started` (`time.monotonic`): ask less, or pause.

        Of requests that were under way together only the first slows down, since they saw the same overload.
        """
        now = time.monotonic()
        if started >= self._slowed_at:
            self.allowed = max(1.0, self.allowed * SLOWER)
            self._slowed_at = now
        if retry_after is not None:
            self._paused_until = max(self._paused_until, now + retry_after)
