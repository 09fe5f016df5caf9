"""A recursive-descent reader of one expression in our notation (see `expression` for the conventions it keeps)."""

import re
from fractions import Fraction

from distil.verifier.expression import FUNCTIONS, MAX_DEPTH, TRIGONOMETRIC, Node, NotMathematics, negative, number

_FUNCTION = "|".join((*FUNCTIONS, "sqrt", "pi", "infinity", "inf", "cbrt"))
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{{1,3}}(?![\d.]))?|\.\d+)|(?P<command>\\[a-zA-Z]+)|(?P<function>{_FUNCTION})"
    r"|(?P<letter>[^\W\d_]'*)|(?P<sign>[-+*/^_(){}\[\]|!°√,=<>⌊⌋⌈⌉∞])|(?P<other>\S))"
)
_ALIASES = {"sqrt": "√", "pi": "π", "infinity": "∞", "inf": "∞", "cbrt": "∛"}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_OPENING = frozenset("([{√∛⌊⌈")
_DIGITS = re.compile(r"\d+")


def read_expression(text: str) -> Node:
    """The tree of `text`. Raises NotMathematics unless every character belongs to one expression."""
    reader = _Reader(text)
    node = reader.sum()
    if reader.peek():
        raise NotMathematics(f"stopped before {reader.tokens[reader.place][1]!r}")
    return node


class _Reader:
    def __init__(self, text: str):
        self.tokens: list[tuple[str, str]] = []
        for match in _TOKEN.finditer(text):
            kind = str(match.lastgroup)
            token = match[kind]
            if kind == "other" or (kind == "letter" and not ("A" <= token[0] <= "ω" and token[0].isalpha())):
                raise NotMathematics(f"{token!r} is no mathematics here")
            if kind == "function":
                token = _ALIASES.get(token, token)
                kind = "letter" if token == "π" else "sign" if token in "√∞∛" else "function"
            elif kind == "command" and token[1:] in FUNCTIONS:
                kind, token = "function", token[1:]
            self.tokens.append((kind, token))
        self.tokens += [("end", "")] * 3  # nothing looks further ahead than two tokens
        self.place = self.depth = self.angle = 0

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.place + ahead][1]

    def kind(self, ahead: int = 0) -> str:
        return self.tokens[self.place + ahead][0]

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise NotMathematics(f"expected {expected or 'more'!r}, found {token or 'the end'!r}")
        self.place += 1
        return token

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NotMathematics("too many nested brackets")
        node = self.product()
        while self.peek() in ("+", "-"):
            sign = self.take()
            term = self.product()
            node = Node("add", (node, term if sign == "+" else negative(term)))
        self.depth -= 1
        return node

    def product(self) -> Node:
        node = self.factor()
        while True:
            sign = self.peek()
            if sign == "*":
                self.take()
                node = Node("mul", (node, self.factor()))
            elif sign == "/":
                self.take()
                node = Node("div", (node, self.denominator()))
            elif self.starts_factor() or (self.kind() == "number" and self.tokens[self.place - 1][1] == "!"):
                node = Node("mul", (node, self.factor(signed=False)))
            else:
                return node

    def denominator(self) -> Node:
        """After a slash: one factor, and if that is an unknown the unknowns written against it too (`a/bc`)."""
        node = self.factor()
        while node.letters and self.kind() == "letter" and self.tokens[self.place - 1][0] in ("letter", "number"):
            node = Node("mul", (node, self.factor(signed=False)))
        return node

    def starts_factor(self) -> bool:
        kind, token = self.tokens[self.place]
        if token == "|":
            return self.angle == 0 and self.depth > 0 and not self.in_bars
        return kind in ("letter", "function", "command") or token in _OPENING

    in_bars = False

    def factor(self, signed: bool = True) -> Node:
        if signed and self.peek() in ("-", "+"):
            sign = self.take()
            node = self.factor()
            return node if sign == "+" else negative(node)
        node = self.postfix(self.primary())
        if self.peek() == "^":
            self.take()
            node = self.postfix(Node("pow", (node, self.exponent())))
        return node

    def exponent(self) -> Node:
        if self.peek() == "-":
            self.take()
            return negative(self.exponent())
        node = self.primary(mixed=False)
        if self.peek() == "^":
            self.take()
            node = Node("pow", (node, self.exponent()))
        return node

    def postfix(self, node: Node) -> Node:
        while self.peek() in ("!", "°"):
            if self.take() == "!":
                node = Node("fact", (node,))
            elif self.angle:
                node = Node("mul", (node, Node("div", (Node("const", (), "π"), number(180)))))
        return node

    def primary(self, mixed: bool = True) -> Node:
        kind, token = self.tokens[self.place]
        if kind == "number":
            return self.number(mixed)
        if kind == "letter":
            return self.letter()
        if kind == "function":
            return self.function()
        if kind == "command":
            return self.command()
        if token in _CLOSING:
            return self.group()
        if token == "|":
            return self.bars()
        if token in ("√", "∛"):
            return self.radical()
        if token in ("⌊", "⌈"):
            self.take()
            inside = self.sum()
            self.take("⌋" if token == "⌊" else "⌉")
            return Node("floor" if token == "⌊" else "ceil", (inside,))
        if token == "∞":
            self.take()
            return Node("const", (), "∞")
        raise NotMathematics(f"expected a factor, found {token or 'the end'!r}")

    def number(self, mixed: bool) -> Node:
        text = self.take()
        if not _DIGITS.fullmatch(text):
            return number(Fraction(text))
        part = self.proper_fraction() if mixed else None
        return number(int(text) + (part or 0))

    def proper_fraction(self) -> Fraction | None:
        """After a whole number, `\\frac{3}{4}` or `3/4` makes a mixed number; None when something else follows."""
        start = self.place
        if self.peek() == "\\frac":
            self.take()
            top, bottom = self.argument(), self.argument()
        elif self.kind() == "number" and self.peek(1) == "/" and self.kind(2) == "number":
            top, bottom = number(Fraction(self.take())), number(Fraction(self.peek(1)))
            self.place += 2
        else:
            return None
        above, below = top.rational, bottom.rational
        whole = above is not None and below is not None and above.denominator == below.denominator == 1
        if whole and top.op == bottom.op == "num" and 0 < above < below and self.peek() != "^":  # type: ignore[operator]
            return Fraction(above, below)  # type: ignore[arg-type]
        self.place = start
        return None

    def letter(self) -> Node:
        name = self.take()
        if self.peek() == "_":
            self.take()
            if self.peek() == "{":
                self.take()
                below = ""
                while self.peek() not in ("}", ""):
                    below += self.take()
                self.take("}")
            else:
                below = self.take()
            return Node("sym", (), f"{name}_{below}")
        return Node("const" if name in ("π", "e", "i") else "sym", (), name)

    def group(self) -> Node:
        opening = self.take()
        bars, self.in_bars = self.in_bars, False
        node = self.sum()
        self.in_bars = bars
        self.take(_CLOSING[opening])
        return node

    def bars(self) -> Node:
        self.take("|")
        bars, self.in_bars = self.in_bars, True
        node = self.sum()
        self.in_bars = bars
        self.take("|")
        return Node("abs", (node,))

    def radical(self) -> Node:
        """`√` of the whole number, letter or group that follows, with its power (`√x^2` is the root of a square)."""
        degree = number(3 if self.take() == "∛" else 2)
        if self.peek() == "[" and self.peek(2) == "]":
            self.take("[")
            degree = self.sum()
            self.take("]")
        node = self.primary(mixed=False)
        if self.peek() == "^":
            self.take()
            node = Node("pow", (node, self.exponent()))
        return Node("root", (degree, node))

    def argument(self) -> Node:
        """What TeX takes as an argument: a braced group, one digit of a number, or one symbol."""
        if self.kind() == "number" and len(self.peek()) > 1:
            digits = self.peek()
            if not digits[0].isdigit() or not digits[1:].isdigit():
                raise NotMathematics(f"{digits!r} after a command has no braces")
            self.tokens[self.place] = ("number", digits[1:])
            return number(int(digits[0]))
        return self.primary(mixed=False)

    def command(self) -> Node:
        name = self.take()
        if name == "\\frac":
            return Node("div", (self.argument(), self.argument()))
        if name == "\\binom":
            return Node("binom", (self.argument(), self.argument()))
        if name == "\\sqrt":
            degree = number(2)
            if self.peek() == "[":
                self.take("[")
                degree = self.sum()
                self.take("]")
            return Node("root", (degree, self.argument()))
        raise NotMathematics(f"{name} is not covered")

    def function(self) -> Node:
        name = self.take()
        base: Node | None = None
        power: Node | None = None
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                base = self.argument()
            else:
                power = self.exponent()
        if power is not None and power.rational == -1 and name in TRIGONOMETRIC:
            name, power = f"arc{name}", None
        self.angle += name in TRIGONOMETRIC
        inside = self.group() if self.peek() in ("(", "{") else self.open_argument()
        self.angle -= name in TRIGONOMETRIC
        if name == "exp":
            node = Node("pow", (Node("const", (), "e"), inside))
        elif name in ("ln", "log"):
            usual = Node("const", (), "e") if name == "ln" else number(10)
            node = Node("log", (base or usual, inside))
        elif base is not None:
            raise NotMathematics(f"{name} takes no subscript")
        else:
            node = Node("fun", (inside,), name)
        return node if power is None else Node("pow", (node, power))

    def open_argument(self) -> Node:
        """Without brackets a function takes the numbers and letters written against it: `sin 2x cos x`, `log 5`."""
        node = self.factor()
        while self.kind() in ("number", "letter") or self.peek() == "√":
            node = Node("mul", (node, self.factor(signed=False)))
        return node
