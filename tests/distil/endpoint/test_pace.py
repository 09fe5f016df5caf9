"""The pace keeps to what it is allowed, slows down and recovers."""

import asyncio
import time

import pytest

from distil.endpoint.pace import Pace


def moments(pace: Pace, number: int, tokens: float = 0, holding: float = 0.0) -> tuple[list[float], int]:
    """When each of so many requests could leave, and the most that were under way together."""
    left, most = [], 0

    async def one() -> None:
        nonlocal most
        async with pace.turn(tokens):
            left.append(time.monotonic())
            most = max(most, pace.in_flight)
            await asyncio.sleep(holding)

    async def every() -> None:
        await asyncio.gather(*(one() for _ in range(number)))

    asyncio.run(every())
    return [moment - left[0] for moment in left], most


def test_no_more_than_allowed_are_under_way():
    assert moments(Pace(3, None, None), 20, holding=0.005)[1] == 3


@pytest.mark.parametrize(("requests", "tokens", "each"), [(1200, None, 0), (None, 120_000, 100), (1200, 60_000, 10)])
def test_requests_and_tokens_per_minute(requests, tokens, each):
    left, _ = moments(Pace(50, requests, tokens), 9, each)
    assert left[-1] >= 8 * 0.05 - 0.005  # 20 a second by either limit


def test_a_reply_that_took_more_tokens_than_expected_delays_the_next():
    pace = Pace(5, None, 60_000)
    pace.used(expected=0, actual=0)

    async def two() -> float:
        started = time.monotonic()
        async with pace.turn(10):
            pass
        pace.used(expected=10, actual=200)
        async with pace.turn(10):
            return time.monotonic() - started

    assert asyncio.run(two()) >= 0.19


def test_overload_slows_down_once_per_round_trip_and_answers_recover():
    pace = Pace(64, None, None)
    sent = time.monotonic()
    for _ in range(10):  # all saw the same overload
        pace.overloaded(sent, None)
    assert pace.allowed == pytest.approx(38.4)
    pace.overloaded(time.monotonic(), None)
    assert pace.allowed == pytest.approx(23.04)
    for _ in range(1000):
        pace.overloaded(time.monotonic(), None)
    assert pace.allowed == 1
    for _ in range(400):
        pace.answered(0.1)
    assert pace.allowed == 64


def test_retry_after_holds_everyone():
    pace = Pace(8, None, None)
    pace.overloaded(time.monotonic(), 0.2)
    assert pace.paused > 0.1
    started = time.monotonic()
    moments(pace, 3)
    assert time.monotonic() - started >= 0.19
