"""The texts of the student's pre-training: facts, counting, direct chat answers, and worked solutions outside the chat.

No exam and no transfer contest asks a question of these (distil.contest.pool).
"""

from dataclasses import dataclass
from random import Random

import numpy as np
from tokenizers import Tokenizer

from distil import contest
from distil.contest import FAMILIES, LIMIT, Question, Step, evaluate
from distil.pipeline.files import InputError
from stages.student.tokenizer import END_OF_TEXT, TURN_ENDS, TURN_STARTS

Document = list[tuple[str, int]]
"""Pieces of text in order, each with the weight of its tokens in the loss (0: read only)."""

FACTS_A_DOCUMENT = 8
TRANSFER_SHARE = 0.12
"""How many of the questions come in the transfer contest's words."""
WORDED_SHARE = 0.6
"""How many of the worked solutions are in words; the others are bare equations."""


def question(rng: Random) -> Question:
    """A question for pre-training, of any family with equal chance."""
    wording: contest.Wording = "transfer" if rng.random() < TRANSFER_SHARE else "exam"
    return contest.draw(rng, rng.choice(list(FAMILIES)), wording, for_exam=False)


def fact(rng: Random) -> Step:
    """One result of arithmetic; each operation as often as it takes to learn, remainders also as Euclid meets them."""
    match rng.choices(("+", "-", "*", "/", "mod", "Euclid", "sqrt"), (31, 30, 13, 8, 8, 8, 2))[0]:
        case "+":
            total = rng.randint(2, LIMIT)
            a = rng.randint(1, total - 1)
            op, b = "+", total - a
        case "-":
            a = rng.randint(1, LIMIT)
            op, b = "-", rng.randint(1, a)
        case "*":
            first = rng.randint(1, 50)
            pair = [first, rng.randint(1, min(50, LIMIT // first))]
            rng.shuffle(pair)
            (a, b), op = pair, "*"
        case "/":
            b = rng.randint(2, 12)
            op, a = "/", b * rng.randint(1, LIMIT // b)
        case "mod":
            b = rng.randint(3, 12)
            op, a = "mod", rng.randint(b, LIMIT)
        case "Euclid":
            a = rng.randint(2, 40)
            op, b = "mod", rng.randint(1, a - 1)
        case _:
            root = rng.randint(1, 7)
            return Step(root * root, "sqrt", None, root)
    result = evaluate(a, op, b)
    assert result is not None
    return Step(a, op, b, result)


def facts(rng: Random) -> Document:
    """Equations; the loss is on their results."""
    pieces: Document = []
    for _ in range(FACTS_A_DOCUMENT):
        given, result = str(fact(rng)).rsplit(" ", 1)
        pieces += [(f"{given} ", 0), (result, 1), (";\n", 0)]
    return [*pieces, (END_OF_TEXT, 0)]


def counting(rng: Random) -> Document:
    """Counting in steps, up or down; the loss begins at the third number."""
    step = rng.randint(1, 12)
    numbers = list(range(rng.randint(0, LIMIT - 3 * step), LIMIT + 1, step))[:14]
    if rng.random() < 0.5:
        numbers.reverse()
    shown, asked = numbers[:2], numbers[2:]
    return [("Count: " + "".join(f"{n}, " for n in shown), 0), (", ".join(map(str, asked)), 1), (END_OF_TEXT, 0)]


def chat_prompt(text: str) -> str:
    """A question as the chat template puts it."""
    return f"{TURN_STARTS}user\n{text}{TURN_ENDS}\n{TURN_STARTS}assistant\n"


def direct_reply(rng: Random) -> Document:
    """A chat in which the assistant answers at once; its number counts twice."""
    asked = question(rng)
    return [(chat_prompt(asked.text), 0), ("Answer: ", 1), (str(asked.answer), 2), (TURN_ENDS, 1), (END_OF_TEXT, 0)]


def solution_prompt(text: str) -> str:
    """A question as a worked solution follows it: plain text, nothing of the chat."""
    return f"{text} Solution:\n"


def worked_solution(rng: Random) -> Document:
    """A question with its whole working, outside the chat format."""
    asked = question(rng)
    worded = rng.random() < WORDED_SHARE
    lines = contest.worded_steps(asked, rng) if worded else contest.bare_steps(asked)
    reply = "".join(f"{line}\n" for line in lines) + f"Answer: {asked.answer}"
    return [(solution_prompt(asked.text), 0), (reply, 1), (END_OF_TEXT, 1)]


KINDS = {"facts": facts, "counting": counting, "direct": direct_reply, "solution": worked_solution}


def encode(tokenizer: Tokenizer, document: Document) -> tuple[list[int], list[int]]:
    """Tokens of a document and the weight of each; tokens do not straddle pieces of different weight."""
    encoded = tokenizer.encode("".join(text for text, _ in document))
    weights = np.repeat([weight for _, weight in document], [len(text) for text, _ in document])
    return encoded.ids, [int(weights[end - 1]) for _, end in encoded.offsets]


@dataclass(frozen=True)
class Batch:
    """Whole documents side by side in rows: arrays of [rows, length + 1].

    `documents` numbers the document that each token belongs to (0: padding), `weights` is its weight in the loss.
    """

    tokens: np.ndarray
    weights: np.ndarray
    documents: np.ndarray


def batch(tokenizer: Tokenizer, shares: dict[str, float], rng: Random, rows: int, length: int) -> Batch:
    """Draw documents until the next one fits in no row; a document cut in two would ask for numbers it never showed.

    `shares` says how much of the tokens each kind of document gets; the kind furthest below its share comes next.
    Raises InputError when a row cannot hold a document at all.
    """
    packed = Batch(*(np.zeros((rows, length + 1), kind) for kind in (np.int64, np.float32, np.int64)))
    used, held, number = [0] * rows, dict.fromkeys(shares, 0), 0
    while True:
        total = sum(used)
        kind = max(shares, key=lambda kind: shares[kind] * (total + rng.random()) - held[kind])
        ids, weights = encode(tokenizer, KINDS[kind](rng))
        if len(ids) > length + 1:
            raise InputError(f"student.row_length: a document has {len(ids)} tokens; set at least {len(ids) - 1}.")
        row = next((row for row in range(rows) if used[row] + len(ids) <= length + 1), None)
        if row is None:
            return packed
        number += 1
        place = slice(used[row], used[row] + len(ids))
        packed.tokens[row, place], packed.weights[row, place], packed.documents[row, place] = ids, weights, number
        used[row] += len(ids)
        held[kind] += len(ids)
