r"""Near misses made by machine from an answer key: each changes the value the way a careless model or typist does."""

import re
from collections.abc import Iterator


def near_misses(key: str) -> Iterator[tuple[str, str]]:
    """(what was done, the changed key) for every change that applies."""
    for name, change in CHANGES.items():
        for changed in change(key):
            if changed != key and changed.strip():
                yield name, changed


def _drop_radical(key: str) -> Iterator[str]:
    yield from (key[: m.start()] + key[m.end() :] for m in re.finditer("√", key))
    yield re.sub(r"\\sqrt\{([^{}]*)\}", r"\1", key)
    yield re.sub(r"\\sqrt(\d)", r"\1", key)
    yield re.sub(r"√\d+|\\sqrt\{[^{}]*\}|\\sqrt\d", "", key)


def _flip_sign(key: str) -> Iterator[str]:
    if re.match(r"[\d.√\\]", key) and not re.match(r"\\(?:text|begin)", key):
        yield f"-{key}" if not re.search(r"[,+:=]|\band\b|_|\d[-–]|[a-z]{3}five", key) else key
    if key.startswith("-"):
        yield key[1:]
    yield from (f"{key[: m.start()]}+{key[m.end() :]}" for m in re.finditer(r"(?<=[\w }])-|(?<=\w) - ", key))
    yield from (f"{key[: m.start()]}-{key[m.end() :]}" for m in re.finditer(r"\+", key))


def _swap_entries(key: str) -> Iterator[str]:
    if match := re.fullmatch(r"(\\left)?\s*([(\[])(.*),(.*?)(\\right)?\s*([)\]])", key):
        yield f"{match[2]}{match[4]},{match[3]}{match[6]}"
    if re.fullmatch(r"\d+(:\d+)+", key):
        yield ":".join(reversed(key.split(":")))


def _drop_digit(key: str) -> Iterator[str]:
    yield from (key[: m.start()] + key[m.end() :] for m in re.finditer(r"(?<=\d)\d|\d(?=\d)", key))


def _drop_point(key: str) -> Iterator[str]:
    yield from (key[: m.start()] + key[m.end() :] for m in re.finditer(r"(?<=\d)\.(?=\d)", key))


def _change_denominator(key: str) -> Iterator[str]:
    yield from (f"{key[: m.start(1)]}{int(m[1]) + 1}{key[m.end(1) :]}" for m in re.finditer(r"/(\d+)(?![\d,])", key))
    yield re.sub(r"(\\d?frac\{[^{}]*\}\{)(\d+)\}", lambda m: f"{m[1]}{int(m[2]) + 1}}}", key)


def _change_digit(key: str) -> Iterator[str]:
    yield from (key[: m.start()] + str((int(m[0]) + 1) % 10) + key[m.end() :] for m in re.finditer(r"\d", key))


def _add_digit(key: str) -> Iterator[str]:
    yield from (key[: m.end()] + "0" + key[m.end() :] for m in re.finditer(r"(?<![\d.,])\d+(?![\d.,])", key))


def _drop_pi(key: str) -> Iterator[str]:
    yield re.sub(r"\s*(?:π|\\pi)", "", key)


CHANGES = {
    "drop the radical": _drop_radical,
    "flip the sign": _flip_sign,
    "swap the entries": _swap_entries,
    "drop a digit": _drop_digit,
    "drop the decimal point": _drop_point,
    "change the denominator": _change_denominator,
    "change a digit": _change_digit,
    "add a digit": _add_digit,
    "drop pi": _drop_pi,
}
