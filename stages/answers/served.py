"""Replies from a server that speaks OpenAI's chat API, such as vLLM or mlx_lm.server."""

import asyncio
import os

import openai
from tqdm import tqdm

from distil.pipeline import chat
from distil.pipeline.files import InputError
from stages.answers.params import AnswersParams
from stages.answers.store import Store
from stages.answers.tasks import Task

RETRIES = 5


def ask_server(name: str, tasks: list[Task], params: AnswersParams, system: str, store: Store, bar: tqdm) -> None:
    """Ask for every task that the store has no answer to, `batch_size` at a time; each answer is kept as it comes.

    Raises InputError when the key is not set, or the server refuses, fails for good or answers nothing.
    """
    endpoint = params.endpoint
    key = os.environ.get(endpoint.api_key_env) if endpoint.api_key_env else "none"
    if not key:
        raise InputError(f"answers.endpoint.api_key_env: set the environment variable {endpoint.api_key_env}.")
    missing = [task for task in tasks if task.key not in store.found]
    bar.update(len(tasks) - len(missing))
    try:
        asyncio.run(ask_all(name, missing, params, system, store, bar, key))
    except openai.OpenAIError as error:
        raise InputError(
            f"answers.endpoint: {endpoint.base_url} did not answer: {error}. Answers given so far are kept; check the "
            "server, answers.endpoint.base_url and answers.endpoint.model, and run again."
        ) from error


async def ask_all(
    name: str, tasks: list[Task], params: AnswersParams, system: str, store: Store, bar: tqdm, key: str
) -> None:
    """Send the requests, at most `batch_size` of them at once; the first failure ends the others."""
    endpoint, free = params.endpoint, asyncio.Semaphore(params.batch_size)
    async with openai.AsyncOpenAI(
        base_url=endpoint.base_url, api_key=key, timeout=endpoint.timeout_seconds, max_retries=RETRIES
    ) as client:

        async def ask(task: Task) -> None:
            async with free:
                response = await client.chat.completions.create(
                    model=endpoint.model.format(model=name, fold=task.fold),
                    messages=[message.model_dump() for message in chat.prompt(task.problem.question, system)],  # type: ignore[misc]
                    max_tokens=params.max_tokens,
                    temperature=params.temperature,
                    seed=task.seed(params.seed),
                )
            if not response.choices or response.usage is None:
                raise InputError(f"answers.endpoint: the reply to {task.problem.id} has no choices or no usage.")
            choice = response.choices[0]
            store.add(
                [
                    task.answer(
                        name,
                        choice.message.content or "",
                        response.usage.prompt_tokens,
                        response.usage.completion_tokens,
                        "length" if choice.finish_reason == "length" else "stop",
                    )
                ]
            )
            bar.update()

        await asyncio.gather(*(ask(task) for task in tasks))
