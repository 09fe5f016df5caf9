"""The families of the sample contest, section by section: ranges, wordings and working of each."""

from collections.abc import Callable

from distil.contest.family import Family, OutOfRange, Working
from distil.pipeline.records import SECTIONS

FRESHMAN, JUNIOR, TWO_PERSON = SECTIONS
FAMILIES: dict[str, Family] = {}
"""By name, in the order below."""


def _family(section: str, *wordings: str, transfer: str, **ranges: range) -> Callable[[Callable[..., int]], Family]:
    """Register the decorated working as a family named like it."""

    def register(solve: Callable[..., int]) -> Family:
        family = Family(solve.__name__, section, wordings, transfer, ranges, solve)
        FAMILIES[family.name] = family
        return family

    return register


# freshman and sophomore: one or two steps


@_family(
    FRESHMAN,
    "One pen costs {p} cents. Find the cost of {n} pens in cents.",
    "How many cents do {n} pens cost at {p} cents each?",
    transfer="A shop sells pencils for {p} cents. What is the price of {n} of them in cents?",
    n=range(2, 16),
    p=range(2, 26),
)
def cost(work: Working, n: int, p: int) -> int:
    """Price of several things."""
    return work(n, "*", p)


@_family(
    FRESHMAN,
    "Find the remainder when {a} is divided by {m}.",
    "What is the remainder if {a} is divided by {m}?",
    transfer="When {a} apples are packed into boxes of {m}, how many apples are left over?",
    a=range(13, 61),
    m=range(3, 13),
)
def remainder(work: Working, a: int, m: int) -> int:
    """Remainder of one division."""
    return work(a, "mod", m)


@_family(
    FRESHMAN,
    "A rope is {a} feet long and {b} feet are cut off. How many feet are left?",
    "The sum of two numbers is {a} and one of them is {b}. Find the other number.",
    transfer="Of {a} birds on a roof, {b} fly away. How many birds stay?",
    a=range(20, 61),
    b=range(3, 51),
)
def rope(work: Working, a: int, b: int) -> int:
    """One difference."""
    return work(a, "-", b)


@_family(
    FRESHMAN,
    "If {a}x + {b} = {c}, find the value of x.",
    "Solve the equation {a}x + {b} = {c} for x.",
    transfer="A number is multiplied by {a} and then {b} is added. The result is {c}. What is the number?",
    a=range(2, 10),
    b=range(2, 41),
    c=range(6, 61),
)
def linear(work: Working, a: int, b: int, c: int) -> int:
    """A linear equation in one unknown."""
    return work(work(c, "-", b), "/", a)


@_family(
    FRESHMAN,
    "A rectangle has length {a} and width {b}. Find its perimeter.",
    "Find the perimeter of a rectangle with sides {a} and {b}.",
    transfer="How many feet of fence go around a garden that is {a} feet long and {b} feet wide?",
    a=range(3, 27),
    b=range(3, 27),
)
def rectangle(work: Working, a: int, b: int) -> int:
    """Perimeter of a rectangle."""
    return work(work(a, "+", b), "*", 2)


@_family(
    FRESHMAN,
    "If x = {a}, find the value of x^2 + {b}.",
    "Find the value of x^2 + {b} when x = {a}.",
    transfer="A square with sides of length {a} and a triangle of area {b} do not overlap. What is their total area?",
    a=range(2, 8),
    b=range(2, 57),
)
def square(work: Working, a: int, b: int) -> int:
    """A square plus a number."""
    return work(work(a, "*", a), "+", b)


# junior and senior: two to four steps


@_family(
    JUNIOR,
    "A student with {c} cents buys {n} pens at {p} cents each. How many cents are left?",
    "If {n} pens cost {p} cents each, find the change from {c} cents.",
    transfer="Ann pays with {c} cents for {n} pencils that cost {p} cents each. How much money does she get back?",
    n=range(2, 13),
    p=range(2, 21),
    c=range(20, 61),
)
def change(work: Working, n: int, p: int, c: int) -> int:
    """Change after several things at one price."""
    return work(c, "-", work(n, "*", p))


@_family(
    JUNIOR,
    "Three quiz scores have the mean ({a} + {b} + {c})/3. Find the mean.",
    "Find the mean of the numbers {a}, {b} and {c}.",
    transfer="On three days it rains {a}, {b} and {c} hours. What is the average for a day?",
    a=range(2, 37),
    b=range(2, 37),
    c=range(2, 37),
)
def mean(work: Working, a: int, b: int, c: int) -> int:
    """Mean of three numbers."""
    return work(work(work(a, "+", b), "+", c), "/", 3)


@_family(
    JUNIOR,
    "An arithmetic sequence has first term {a} and common difference {d}. Find term {n}.",
    "Find term {n} of the arithmetic sequence with first term {a} and common difference {d}.",
    transfer="A plant is {a} inches tall on day 1 and grows {d} inches each day. How tall is it on day {n}?",
    a=range(2, 31),
    d=range(2, 10),
    n=range(4, 21),
)
def term(work: Working, a: int, d: int, n: int) -> int:
    """A term of an arithmetic sequence."""
    return work(work(work(n, "-", 1), "*", d), "+", a)


@_family(
    JUNIOR,
    "A menu has {a} soups, {b} mains and {c} desserts. If {k} meals are not allowed, how many meals are possible?",
    "How many meals use one of {a} soups, one of {b} mains and one of {c} desserts if {k} of them are not allowed?",
    transfer="There are {a} hats, {b} coats and {c} scarves. How many outfits remain if {k} of them are ruled out?",
    a=range(2, 8),
    b=range(2, 8),
    c=range(2, 7),
    k=range(2, 31),
)
def outfits(work: Working, a: int, b: int, c: int, k: int) -> int:
    """A product of choices less the forbidden ones."""
    return work(work(work(a, "*", b), "*", c), "-", k)


@_family(
    JUNIOR,
    "Find the greatest common divisor of {a} and {b}.",
    "What is the largest number that divides both {a} and {b}?",
    transfer="Two ropes of {a} and {b} feet are cut into equal pieces. What is the greatest length of a piece in feet?",
    a=range(12, 41),
    b=range(8, 40),
)
def gcd(work: Working, a: int, b: int) -> int:
    """Greatest common divisor by Euclid's algorithm, in two to four divisions."""
    if b >= a:
        raise OutOfRange
    while left := work(a, "mod", b):
        a, b = b, left
    if not 2 <= len(work.steps) <= 4:
        raise OutOfRange
    return b


@_family(
    JUNIOR,
    "Find the value of {a}^{n} + {b}.",
    "What is the sum of {a}^{n} and {b}?",
    transfer="What number is {b} more than {a}^{n}?",
    a=range(2, 8),
    n=range(2, 5),
    b=range(2, 57),
)
def power(work: Working, a: int, n: int, b: int) -> int:
    """A power, multiplied out, plus a number."""
    product = a
    for _ in range(n - 1):
        product = work(product, "*", a)
    return work(product, "+", b)


@_family(
    JUNIOR,
    "Find the value of sqrt({a} + {b}) + {c}.",
    "What is the sum of sqrt({a} + {b}) and {c}?",
    transfer="What number is {c} more than sqrt({a} + {b})?",
    a=range(1, 50),
    b=range(1, 50),
    c=range(2, 51),
)
def root(work: Working, a: int, b: int, c: int) -> int:
    """The square root of a sum, plus a number."""
    return work(work(work(a, "+", b), "sqrt"), "+", c)


# two-person speed event: four steps


@_family(
    TWO_PERSON,
    "If f(x) = {a}x + {b} and g(x) = {c}x - {d}, find g(f({x})).",
    "Let f(x) = {a}x + {b} and g(x) = {c}x - {d}. What is g(f({x}))?",
    transfer="A machine takes x to {a}x + {b} and a second one takes x to {c}x - {d}. What comes out of both for {x}?",
    a=range(2, 7),
    b=range(1, 16),
    c=range(2, 6),
    d=range(1, 21),
    x=range(2, 10),
)
def compose(work: Working, a: int, b: int, c: int, d: int, x: int) -> int:
    """Two linear functions, one after the other."""
    return work(work(work(work(a, "*", x), "+", b), "*", c), "-", d)


@_family(
    TWO_PERSON,
    "Pens cost {p} cents and pads cost {q} cents. Find the change from {c} cents for {m} pens and {n} pads.",
    "If {m} pens at {p} cents each and {n} pads at {q} cents each are paid with {c} cents, find the change.",
    transfer="Bob has {c} cents and buys {m} plums for {p} cents each and {n} pears for {q} cents each. What is left?",
    p=range(2, 13),
    q=range(2, 13),
    m=range(2, 9),
    n=range(2, 9),
    c=range(30, 61),
)
def shop(work: Working, p: int, q: int, m: int, n: int, c: int) -> int:
    """Change after things at two prices."""
    first, second = work(m, "*", p), work(n, "*", q)
    return work(c, "-", work(first, "+", second))


@_family(
    TWO_PERSON,
    "Let t be the remainder when {a} is divided by {m}. Find {b}t + {c} - {d}.",
    "If t is the remainder when {a} is divided by {m}, find the value of {b}t + {c} - {d}.",
    transfer="Divide {a} by {m} and call the remainder t. What is {b}t + {c} - {d}?",
    a=range(15, 61),
    m=range(4, 13),
    b=range(2, 10),
    c=range(3, 31),
    d=range(3, 31),
)
def relay(work: Working, a: int, m: int, b: int, c: int, d: int) -> int:
    """A remainder, handed on to an expression."""
    return work(work(work(work(a, "mod", m), "*", b), "+", c), "-", d)


@_family(
    TWO_PERSON,
    "A boy has {a} marbles and buys {n} bags of {k} marbles. He gives away {g} and shares the rest among {m} friends. "
    "How many does each friend get?",
    "A box holds {a} marbles. After {n} bags of {k} are added and {g} are removed, the rest are shared by {m} friends. "
    "Find the share of each friend.",
    transfer="A bus has {a} seats taken. At each of {n} stops {k} people get on, then {g} get off and the rest form "
    "{m} equal teams. How many people are in a team?",
    a=range(3, 31),
    n=range(2, 8),
    k=range(2, 11),
    g=range(2, 31),
    m=range(2, 7),
)
def marbles(work: Working, a: int, n: int, k: int, g: int, m: int) -> int:
    """A stock that grows, shrinks and is shared."""
    return work(work(work(a, "+", work(n, "*", k)), "-", g), "/", m)


@_family(
    TWO_PERSON,
    "If x = {a}, find the value of (x^2 + {b})/{c} - {d}.",
    "Let x = {a}. What is (x^2 + {b})/{c} - {d}?",
    transfer="Add {b} to the square of {a}, divide by {c} and subtract {d}. What is the result?",
    a=range(2, 8),
    b=range(1, 51),
    c=range(2, 10),
    d=range(1, 21),
)
def quotient(work: Working, a: int, b: int, c: int, d: int) -> int:
    """A fraction with a square in its numerator, less a number."""
    return work(work(work(work(a, "*", a), "+", b), "/", c), "-", d)
