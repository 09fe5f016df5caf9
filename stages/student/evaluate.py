"""How much of the contest the base student knows, in the chat and outside it, on a fresh draw of exam questions."""

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

import mlx.nn as nn
from mlx_lm.tokenizer_utils import TokenizerWrapper
from statsmodels.stats.proportion import proportion_confint

from distil import contest
from distil.contest import FAMILIES, Question
from distil.lm import checkpoints
from distil.lm.generate import generate
from distil.pipeline import chat
from distil.pipeline.metrics import StudentAccuracy, StudentAnswers, StudentScores
from distil.pipeline.progress import Bar
from distil.pipeline.records import SECTIONS
from stages.student import corpus
from stages.student.params import Recipe

ANSWER = re.compile(r"Answer: (\d+)")
MAX_TOKENS = 80
BATCH_SIZE = 256


def evaluate(folder: Path, params: Recipe) -> StudentScores:
    """Load the checkpoint in `folder` and return its accuracies, each with n and a 95 % Wilson interval.

    `chat` asks as an exam does, `solution` in the words that a worked solution follows in pre-training: the same
    questions, held out from pre-training, answered greedily. `facts` asks for single results of arithmetic.
    """
    model, tokenizer = checkpoints.load(str(folder))
    found: dict[str, StudentAnswers] = {}
    wordings: dict[str, contest.Wording] = {"": "exam", "transfer_": "transfer"}
    for prefix, wording in wordings.items():
        questions = draw(params, wording)
        prompts = {
            "chat": [chat_tokens(tokenizer, asked.text) for asked in questions],
            "solution": [tokenizer.encode(corpus.solution_prompt(asked.text)) for asked in questions],
        }
        for form, tokens in prompts.items():
            replies = complete(model, tokenizer, tokens, MAX_TOKENS, f"{prefix}{form}")
            right = [answer(reply) == asked.answer for reply, asked in zip(replies, questions, strict=True)]
            found[prefix + form] = by_section(questions, right)
    rng = Random(params.test_seed)
    equations = [str(corpus.fact(rng)).rsplit(" ", 1) for _ in range(2 * params.test_questions)]
    results = complete(model, tokenizer, [tokenizer.encode(f"{given} ") for given, _ in equations], 1, "facts")
    facts = accuracy([reply == result for reply, (_, result) in zip(results, equations, strict=True)])
    return StudentScores(**found, facts=facts)


def draw(params: Recipe, wording: contest.Wording) -> list[Question]:
    """Questions of every family in turn, from the ones kept for exams; small families may repeat one."""
    rng, families = Random(f"{params.test_seed} {wording}"), list(FAMILIES)
    return [contest.draw(rng, families[number % len(families)], wording) for number in range(params.test_questions)]


def chat_tokens(tokenizer: TokenizerWrapper, text: str) -> list[int]:
    """A question as the chat template of the checkpoint puts it, without a system turn."""
    messages = [message.model_dump() for message in chat.prompt(text, system="")]
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)


def complete(
    model: nn.Module, tokenizer: TokenizerWrapper, prompts: Sequence[list[int]], max_tokens: int, title: str
) -> list[str]:
    """Greedy replies, in the order of the prompts."""
    found = generate(model, tokenizer, prompts, max_tokens, BATCH_SIZE)
    replies = dict(Bar(found, desc=title, total=len(prompts), unit="answer", mininterval=1))
    return [replies[number].text for number in range(len(prompts))]


def answer(reply: str) -> int | None:
    """The last number that a reply gives as its answer."""
    given = ANSWER.findall(reply)
    return int(given[-1]) if given else None


def by_section(questions: Sequence[Question], right: Sequence[bool]) -> StudentAnswers:
    """Accuracy over all questions and in each section."""
    parts = {
        section: accuracy([ok for question, ok in zip(questions, right, strict=True) if question.section == section])
        for section in SECTIONS
    }
    return StudentAnswers(**dict(accuracy(right)), sections=parts)


def accuracy(right: Sequence[bool]) -> StudentAccuracy:
    """Share of right answers with its 95 % Wilson interval."""
    low, high = proportion_confint(sum(right), len(right), method="wilson")
    return StudentAccuracy(
        n=len(right),
        accuracy=round(sum(right) / len(right), 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
    )
