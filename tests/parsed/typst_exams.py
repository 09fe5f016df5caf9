"""Exams with forty kinds of formulas, typeset by Typst, and what should be read of each; None where nothing may be."""

import random
from collections.abc import Callable
from typing import TypeAlias

Kind: TypeAlias = Callable[[random.Random], tuple[str, str | None]]


def _numbers(rng: random.Random) -> dict[str, object]:
    letters = rng.sample("abcmnpqxyz", 3)
    return {
        "a": rng.randint(2, 9), "b": rng.randint(2, 9), "c": rng.randint(2, 30), "d": rng.randint(11, 99),
        "x": letters[0], "y": letters[1], "z": letters[2],
    }  # fmt: skip


KINDS: dict[str, tuple[str, str | None]] = {
    "power": ("$%x^%a + %b%x$", "%x^%a + %b%x"),
    "long power": ("$%a^(%x+%b) = %c$", "%a^(%x+%b) = %c"),
    "tower": ("$%a^(%x^2)$", "%a^(%x^2)"),
    "index": ("$%x_%a + %x_%b$", "%x_%a + %x_%b"),
    "long index": ("$%x_(n+%a) = %b%x_n$", "%x_(n+%a) = %b%x_n"),
    "index and power": ("$%x_%a^%b + %c$", "%x_%a^%b + %c"),
    "fraction": ("$%x/%a + %y/%b = %c$", "%x/%a + %y/%b = %c"),
    "sum over sum": ("$(%x + %a)/(%y - %b)$", "(%x + %a)/(%y - %b)"),
    "display fraction": ("$ (%x^2 - %a)/(%x + %b) $", "(%x^2 - %a)/(%x + %b)"),
    "nested fraction": ("$ 1/(%a + 1/(%b + 1/%x)) $", "1/(%a + 1/(%b + 1/%x))"),
    "fraction to a power": ("$((%x + %a)/%b)^2$", "((%x + %a)/%b)^2"),
    "mixed number": ("$%a #h(0pt) 1/%b$", "%a 1/%b"),
    "root": ("$sqrt(%x + %a) = %b$", "sqrt(%x + %a) = %b"),
    "root of a root": ("$sqrt(%a + sqrt(%b))$", "sqrt(%a + sqrt(%b))"),
    "root of a fraction": ("$ sqrt((%x + %a)/%b) $", "sqrt((%x + %a)/%b)"),
    "cube root": ("$root(3, %c) + %a$", "(%c)^(1/3) + %a"),
    "sum": ("$ sum_(k=1)^%c k^2 $", "∑_(k=1)^%c k^2"),
    "product": ("$ product_(k=2)^%a (k + %b) $", "∏_(k=2)^%a(k + %b)"),
    "sum in a line": ("$sum_(k=1)^%a k$", "∑_(k=1)^%a k"),
    "integral": ("$ integral_0^%a (%b x + %c) dif x $", "∫_0^%a(%bx + %c) dx"),
    "limit": ("$ lim_(x -> %a) (x^2 - %b)/(x - %a) $", "lim_(x→%a) (x^2 - %b)/(x - %a)"),
    "logarithm": ("$log_%a %c + log_%a x$", "log_%a %c + log_%a x"),
    "trigonometry": ("$sin^2 theta + cos(%a theta)$", "sin^2 θ + cos(%aθ)"),
    "degrees": ("$angle A = %d degree$", "∠A = %d°"),
    "circle": ("$%d^compose$", "%d°"),
    "prime": ("$f'(%a) + f''(%x)$", "f'(%a) + f''(%x)"),
    "absolute value": ("$|%a%x - %b| <= %c$", "|%a%x - %b| ≤ %c"),
    "floor": ("$floor(%c/%a)$", "⌊%c/%a⌋"),
    "inequality": ("$%a < %x <= %c$ and $%x != %b$", "%a < %x ≤ %c and %x ≠ %b"),
    "binomial": ("$binom(%c, %a)$", None),
    "matrix": ("$mat(%a, %b; %c, %x)$", None),
    "vector": ("$vec(%a, %b)$", None),
    "cases": ("$f(x) = cases(%a x &\"if\" x < 0, x + %b &\"if\" x >= 0)$", None),
    "overline": ("$overline(A B)$ and $0.overline(%d)$", None),
    "arrow": ("$arrow(%x) dot arrow(%y)$", None),
    "hat": ("$hat(%x) + %a$", None),
    "strike": ("$cancel(%a%x) + %b$", None),
    "underbrace": ("$underbrace(%x + %y, %a)$", None),
    "system": ("$ %a%x + %y &= %c \\ %x - %y &= %b $", "%a%x + %y = %c, %x - %y = %b"),
    "set": ("${%x : %x^2 < %c}$", "{%x : %x^2 < %c}"),
    "factorial": ("$%a! / %b!$", "(%a!)/(%b!)"),
    "sigma algebra": ("$A union B inter C$", "A∪B∩C"),
}  # fmt: skip


def question(kind: str, rng: random.Random) -> tuple[str, str | None]:
    """A question's source, and its text as it should be read."""
    source, text = KINDS[kind]
    for name, value in _numbers(rng).items():
        source = source.replace(f"%{name}", f"{value} " if str(value).isalpha() else str(value))
        text = text and text.replace(f"%{name}", str(value))
    words = rng.choice(
        ["Find {} exactly.", "What can be said of {} when it is as small as possible?", "Simplify {} now."]
    )
    return words.format(source), text and words.format(text)


def exam(seed: int, columns: int = 1) -> tuple[str, list[tuple[str, str | None]]]:
    """The Typst source of an exam of all kinds, and its questions."""
    rng = random.Random(seed)
    kinds = list(KINDS)
    rng.shuffle(kinds)
    questions = [(kind, *question(kind, rng)) for kind in kinds]
    body = "\n".join(f"+ {source}" for _, source, _ in questions)
    key = "\n".join(f"+ {number}" for number in range(101, 101 + len(questions)))
    size = rng.choice([10, 11, 12])
    source = (
        f'#set page(width: 612pt, height: 792pt, numbering: "1", columns: {columns})\n#set text(size: {size}pt)\n'
        f"#set par(leading: {rng.choice([0.6, 0.7, 0.9])}em)\n#set enum(spacing: {rng.choice([8, 12, 20])}pt)\n"
        f"= Contest {seed}\n{body}\n#pagebreak()\n= Answer Key\n{key}\n"
    )
    return source, [(kind, text) for kind, _, text in questions]
