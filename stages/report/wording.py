"""Numbers in words. Each number on the page is written by one of these functions. A missing number says so."""

from typing import Any, Literal

NOT_KNOWN = "not known"
NBSP = "\u00a0"
"""A space that no line breaks at."""


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign (a true minus). A number that rounds to zero has none."""
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[1:] if float(text[1:]) == 0 else text


def percent(value: float | None) -> str:
    """A fraction as a percentage with one decimal."""
    return NOT_KNOWN if value is None else f"{100 * value:.1f}{NBSP}%"


def percent_interval(low: float | None, high: float | None) -> str:
    """An interval of fractions in percent, empty when there is none."""
    return "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}{NBSP}%".replace("-", "−")


def points(value: float | None) -> str:
    """A signed difference in percentage points, with a true minus sign."""
    return NOT_KNOWN if value is None else signed(value)


def points_interval(low: float | None, high: float | None) -> str:
    """An interval of signed differences, empty when there is none."""
    return "" if low is None or high is None else f"{signed(low)} to {signed(high)}"


def side(low: float | None, high: float | None) -> Literal["above", "below", "around"] | None:
    """The side of zero on which an interval lies; None where there is no interval."""
    if low is None or high is None:
        return None
    return "above" if low > 0 else "below" if high < 0 else "around"


def probability(value: float | None) -> str:
    """A p-value: `p = 0.068`, or `p < 0.001`."""
    if value is None:
        return f"p {NOT_KNOWN}"
    return f"p{NBSP}<{NBSP}0.001" if value < 0.001 else f"p{NBSP}={NBSP}{value:.3f}"


def count(number: int, noun: str) -> str:
    """`1 seed`, `5 seeds`, with thousands separated."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def iterations(number: int | str) -> str:
    """The parameter `lora_seed.iters`: a number, or `probe`."""
    return "as many iterations as the probe found best" if number == "probe" else count(int(number), "iteration")


def pretty(name: Any) -> str:
    """A name from the data as words."""
    return str(name).replace("_", " ")


def sentence(*parts: str | None) -> str:
    """The parts that are not empty, with spaces between them."""
    return " ".join(part for part in parts if part)


def with_interval(value: str, interval: str) -> str:
    """`46.0 % (40.0 to 52.0 %)`, or only the value. A line may break before the interval but not inside it."""
    return f"{value} ({interval.replace(' ', NBSP)})" if interval else value


def p_cell(value: float | None) -> str:
    """A p-value in a table."""
    return "–" if value is None else probability(value).removeprefix(f"p{NBSP}").removeprefix(f"={NBSP}")
