"""The pace keeps to what it is allowed, slows down and recovers."""

import asyncio
from types import SimpleNamespace

import pytest

from distil.endpoint import pace as module
from distil.endpoint.pace import Pace


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


def moments(pace: Pace, number: int, clock: Clock, tokens: float = 0) -> tuple[list[float], int]:
    """When each of so many requests could leave, from now, and the most that were under way together."""
    started, left, most = clock.now, [], 0

    async def one() -> None:
        nonlocal most
        async with pace.turn(tokens):
            left.append(clock.now - started)
            most = max(most, pace.in_flight)
            await asyncio.sleep(0)

    async def every() -> None:
        await asyncio.gather(*(one() for _ in range(number)))

    asyncio.run(every())
    return left, most


def test_no_more_than_allowed_are_under_way(clock):
    assert moments(Pace(3, None, None, clock.sleep), 20, clock) == ([0.0] * 20, 3)


@pytest.mark.parametrize(("requests", "tokens", "each"), [(1200, None, 0), (None, 120_000, 100), (1200, 60_000, 10)])
def test_requests_and_tokens_per_minute(clock, requests, tokens, each):
    left, _ = moments(Pace(50, requests, tokens, clock.sleep), 9, clock, each)
    assert left == pytest.approx([0.05 * number for number in range(9)])  # 20 a second by either limit


def test_a_reply_that_took_more_tokens_than_expected_delays_the_next(clock):
    pace = Pace(5, None, 60_000, clock.sleep)
    assert moments(pace, 1, clock, 10)[0] == [0.0]
    pace.used(expected=10, actual=200)
    assert moments(pace, 1, clock, 10)[0] == pytest.approx([0.2])


def test_overload_slows_down_once_per_round_trip_and_answers_recover(clock):
    pace = Pace(64, None, None)
    sent = clock.now
    clock.now += 1
    for _ in range(10):  # all saw the same overload
        pace.overloaded(sent, None)
    assert pace.allowed == pytest.approx(38.4)
    pace.overloaded(clock.now, None)
    assert pace.allowed == pytest.approx(23.04)
    for _ in range(1000):
        pace.overloaded(clock.now, None)
    assert pace.allowed == 1
    for _ in range(400):
        pace.answered(0.1)
    assert pace.allowed == 64


def test_retry_after_holds_everyone(clock):
    pace = Pace(8, None, None, clock.sleep)
    pace.overloaded(clock.now, 0.2)
    assert pace.paused == pytest.approx(0.2)
    assert moments(pace, 3, clock)[0] == pytest.approx([0.2] * 3)
