"""Exams with forty kinds of formulas for Typst and pdfLaTeX, and how each should be read; None where nothing may be."""

import random
from collections.abc import Iterable
from typing import Literal, TypeAlias

Engine: TypeAlias = Literal["typst", "pdflatex"]


def _numbers(rng: random.Random) -> dict[str, object]:
    letters = rng.sample("abcmnpqxyz", 3)
    return {
        "a": rng.randint(2, 9), "b": rng.randint(2, 9), "c": rng.randint(2, 30), "d": rng.randint(11, 99),
        "x": letters[0], "y": letters[1], "z": letters[2],
    }  # fmt: skip


KINDS: dict[str, tuple[str, str, str | None]] = {
    # in Typst, in LaTeX, and as it is to be read
    "power": ("$%x^%a + %b%x$", "$%x^%a + %b%x$", "%x^%a + %b%x"),
    "long power": ("$%a^(%x+%b) = %c$", "$%a^{%x+%b} = %c$", "%a^(%x+%b) = %c"),
    "tower": ("$%a^(%x^2)$", "$%a^{%x^2}$", "%a^(%x^2)"),
    "index": ("$%x_%a + %x_%b$", "$%x_%a + %x_%b$", "%x_%a + %x_%b"),
    "long index": ("$%x_(n+%a) = %b%x_n$", "$%x_{n+%a} = %b%x_n$", "%x_(n+%a) = %b%x_n"),
    "index and power": ("$%x_%a^%b + %c$", "$%x_%a^%b + %c$", "%x_%a^%b + %c"),
    "fraction": ("$%x/%a + %y/%b = %c$", r"$\frac{%x}{%a} + \frac{%y}{%b} = %c$", "%x/%a + %y/%b = %c"),
    "sum over sum": ("$(%x + %a)/(%y - %b)$", r"$\frac{%x + %a}{%y - %b}$", "(%x + %a)/(%y - %b)"),
    "display fraction": ("$ (%x^2 - %a)/(%x + %b) $", r"\[\frac{%x^2 - %a}{%x + %b}\]", "(%x^2 - %a)/(%x + %b)"),
    "nested fraction": (
        "$ 1/(%a + 1/(%b + 1/%x)) $",
        r"\[\cfrac{1}{%a + \cfrac{1}{%b + \cfrac{1}{%x}}}\]",
        "1/(%a + 1/(%b + 1/%x))",
    ),
    "fraction to a power": ("$((%x + %a)/%b)^2$", r"$\left(\frac{%x + %a}{%b}\right)^2$", "((%x + %a)/%b)^2"),
    "mixed number": ("$%a #h(0pt) 1/%b$", r"$%a\frac{1}{%b}$", "%a 1/%b"),
    "root": ("$sqrt(%x + %a) = %b$", r"$\sqrt{%x + %a} = %b$", "sqrt(%x + %a) = %b"),
    "root of a root": ("$sqrt(%a + sqrt(%b))$", r"$\sqrt{%a + \sqrt{%b}}$", "sqrt(%a + sqrt(%b))"),
    "root of a fraction": ("$ sqrt((%x + %a)/%b) $", r"\[\sqrt{\frac{%x + %a}{%b}}\]", "sqrt((%x + %a)/%b)"),
    "cube root": ("$root(3, %c) + %a$", r"$\sqrt[3]{%c} + %a$", "(%c)^(1/3) + %a"),
    "sum": ("$ sum_(k=1)^%c k^2 $", r"\[\sum_{k=1}^{%c} k^2\]", "∑_(k=1)^%c k^2"),
    "product": ("$ product_(k=2)^%a (k + %b) $", r"\[\prod_{k=2}^{%a} (k + %b)\]", "∏_(k=2)^%a(k + %b)"),
    "sum in a line": ("$sum_(k=1)^%a k$", r"$\sum_{k=1}^{%a} k$", "∑_(k=1)^%a k"),
    "integral": ("$ integral_0^%a (%b x + %c) dif x $", r"\[\int_0^{%a} (%b x + %c)\,dx\]", "∫_0^%a(%bx + %c) dx"),
    "limit": (
        "$ lim_(x -> %a) (x^2 - %b)/(x - %a) $",
        r"\[\lim_{x \to %a} \frac{x^2 - %b}{x - %a}\]",
        "lim_(x→%a) (x^2 - %b)/(x - %a)",
    ),
    "logarithm": ("$log_%a %c + log_%a x$", r"$\log_%a %c + \log_%a x$", "log_%a %c + log_%a x"),
    "trigonometry": ("$sin^2 theta + cos(%a theta)$", r"$\sin^2\theta + \cos(%a\theta)$", "sin^2 θ + cos(%aθ)"),
    "degrees": ("$angle A = %d degree$", r"$\angle A = %d^\circ$", "∠A = %d°"),
    "circle": ("$%d^compose$", r"$%d^{\circ}$", "%d°"),
    "prime": ("$f'(%a) + f''(%x)$", "$f'(%a) + f''(%x)$", "f'(%a) + f''(%x)"),
    "absolute value": ("$|%a%x - %b| <= %c$", r"$|%a%x - %b| \le %c$", "|%a%x - %b| ≤ %c"),
    "floor": ("$floor(%c/%a)$", r"$\lfloor %c/%a \rfloor$", "⌊%c/%a⌋"),
    "inequality": ("$%a < %x <= %c$ and $%x != %b$", r"$%a < %x \le %c$ and $%x \ne %b$", "%a < %x ≤ %c and %x ≠ %b"),
    "binomial": ("$binom(%c, %a)$", r"$\binom{%c}{%a}$", None),
    "matrix": ("$mat(%a, %b; %c, %x)$", r"$\begin{pmatrix} %a & %b \\ %c & %x \end{pmatrix}$", None),
    "vector": ("$vec(%a, %b)$", r"$\begin{pmatrix} %a \\ %b \end{pmatrix}$", None),
    "cases": (
        '$f(x) = cases(%a x &"if" x < 0, x + %b &"if" x >= 0)$',
        r"$f(x) = \begin{cases} %a x & \text{if } x < 0 \\ x + %b & \text{if } x \ge 0 \end{cases}$",
        None,
    ),
    "overline": ("$overline(A B)$ and $0.overline(%d)$", r"$\overline{AB}$ and $0.\overline{%d}$", None),
    "arrow": ("$arrow(%x) dot arrow(%y)$", r"$\vec{%x} \cdot \vec{%y}$", None),
    "hat": ("$hat(%x) + %a$", r"$\hat{%x} + %a$", None),
    "strike": ("$cancel(%a%x) + %b$", r"$\not{%a}%x + %b$", None),
    "underbrace": ("$underbrace(%x + %y, %a)$", r"$\underbrace{%x + %y}_{%a}$", None),
    "system": (
        r"$ %a%x + %y &= %c \ %x - %y &= %b $",
        r"\[\begin{aligned} %a%x + %y &= %c \\ %x - %y &= %b \end{aligned}\]",
        "%a%x + %y = %c, %x - %y = %b",
    ),
    "set": ("${%x : %x^2 < %c}$", r"$\{%x : %x^2 < %c\}$", "{%x : %x^2 < %c}"),
    "factorial": ("$%a! / %b!$", r"$\frac{%a!}{%b!}$", "(%a!)/(%b!)"),
    "sigma algebra": ("$A union B inter C$", r"$A \cup B \cap C$", "A∪B∩C"),
}


def question(kind: str, engine: Engine, rng: random.Random) -> tuple[str, str | None]:
    """A question's source, and its text as it should be read."""
    typst, latex, text = KINDS[kind]
    source, after = (typst, " ") if engine == "typst" else (latex, "")
    for name, value in _numbers(rng).items():
        source = source.replace(f"%{name}", f"{value}{after}" if str(value).isalpha() else str(value))
        text = text and text.replace(f"%{name}", str(value))
    words = rng.choice(
        ["Find {} exactly.", "What can be said of {} when it is as small as possible?", "Simplify {} now."]
    )
    return words.replace("{}", source), text and words.replace("{}", text)


def exam(seed: int, engine: Engine, columns: int = 1) -> tuple[str, list[tuple[str, str | None]]]:
    """The source of an exam of all kinds, and its questions."""
    rng = random.Random(seed)
    kinds = list(KINDS)
    rng.shuffle(kinds)
    questions = [(kind, *question(kind, engine, rng)) for kind in kinds]
    sources, key = [source for _, source, _ in questions], range(101, 101 + len(questions))
    size, leading, spacing = rng.choice([10, 11, 12]), rng.choice([0.6, 0.7, 0.9]), rng.choice([8, 12, 20])
    return SHEETS[engine](seed, columns, size, leading, spacing, sources, key), [
        (kind, text) for kind, _, text in questions
    ]


def _typst(
    seed: int, columns: int, size: int, leading: float, spacing: int, questions: list[str], key: Iterable[int]
) -> str:
    body, answers = "\n".join(f"+ {one}" for one in questions), "\n".join(f"+ {one}" for one in key)
    return (
        f'#set page(width: 612pt, height: 792pt, numbering: "1", columns: {columns})\n#set text(size: {size}pt)\n'
        f"#set par(leading: {leading}em)\n#set enum(spacing: {spacing}pt)\n"
        f"= Contest {seed}\n{body}\n#pagebreak()\n= Answer Key\n{answers}\n"
    )


def _latex(
    seed: int, columns: int, size: int, leading: float, spacing: int, questions: list[str], key: Iterable[int]
) -> str:
    options = f"{size}pt,letterpaper{',twocolumn' if columns == 2 else ''}"
    lines = [
        f"\\documentclass[{options}]{{article}}",
        r"\usepackage{amsmath,amssymb,parskip}",
        f"\\renewcommand{{\\baselinestretch}}{{{leading + 0.4:.1f}}}",
        r"\begin{document}",
        f"\\section*{{Contest {seed}}}",
        f"\\begin{{enumerate}}\\setlength{{\\itemsep}}{{{spacing}pt}}",
        *(f"\\item {one}" for one in questions),
        r"\end{enumerate}",
        r"\newpage",
        r"\section*{Answer Key}",
        r"\begin{enumerate}",
        *(f"\\item {one}" for one in key),
        r"\end{enumerate}",
        r"\end{document}",
    ]
    return "\n".join(lines)


SHEETS = {"typst": _typst, "pdflatex": _latex}
