"""The two tasks for Inspect, asked as `answers` asks and judged by this project's verifier."""

import asyncio
import contextlib
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState, generate

from distil.pipeline.command import load_params
from distil.verifier import verify
from tools.harness.questions import Benchmark, HarnessAnswers, HarnessQuestion, questions

ROOT = str(Path(__file__).resolve().parents[3])


@task
def contest(root: str = ROOT) -> Task:
    """The held-out questions of the run in the folder `root`."""
    return judged("contest", root)


@task
def transfer(root: str = ROOT) -> Task:
    """The run's transfer benchmark: MATH-500 where its profile takes that."""
    return judged("transfer", root)


def judged(benchmark: Benchmark, root: str) -> Task:
    """A benchmark's questions, each asked once."""
    with contextlib.chdir(root):  # Inspect loads this file in the file's own folder
        how, asked = load_params("answers", HarnessAnswers), questions(benchmark)
    samples = [Sample(id=row.id, input=prompt(row), target=row.answer, metadata={"fold": row.fold}) for row in asked]
    return Task(
        dataset=MemoryDataset(samples, name=benchmark),
        solver=generate(),
        scorer=verifier(),
        config=GenerateConfig(max_tokens=how.max_tokens, temperature=how.temperature),
    )


def prompt(row: HarnessQuestion) -> list[ChatMessage]:
    """The question's turns as Inspect has them."""
    system = [ChatMessageSystem(content=row.system)] if row.system else []
    return [*system, ChatMessageUser(content=row.question)]


@scorer(metrics=[accuracy(), stderr()])
def verifier() -> Scorer:
    """The project's verifier: the final answer of the response against the key."""

    async def score(state: TaskState, target: Target) -> Score:
        verdict = await asyncio.to_thread(verify, target.text, state.output.completion)
        return Score(
            value=CORRECT if verdict.verdict == "CORRECT" else INCORRECT,
            answer=verdict.extracted,
            explanation=f"{verdict.verdict} by the rule {verdict.rule}",
            metadata=verdict.model_dump(mode="json"),
        )

    return score
