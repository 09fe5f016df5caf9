"""Replies from a server that speaks OpenAI's chat API, such as vLLM or mlx_lm.server."""

import asyncio
from typing import Literal

from distil.endpoint import Client, Failed, Fault, Patience, Reply, Stop, Stopped, Usage, request_body, say
from distil.pipeline.files import InputError
from distil.pipeline.names import BASE
from distil.pipeline.progress import Bar
from stages.answers.params import AskedModel
from stages.answers.store import AnswerStore
from stages.answers.tasks import Task

WHERE = "answers.endpoint"
PATIENCE = Patience(tries=30)


def ask_server(model: AskedModel, tasks: list[Task], store: AnswerStore, bar: Bar) -> None:
    """Ask for every task that has no answer in the store, `batch_size` at a time. Each answer is kept when it arrives.

    Raises InputError when the key is not set, a request is given up, or two adapters would have the same name.
    """
    name, folds = model.params.endpoint.model, sorted({task.fold for task in tasks if task.fold})
    wanted = [place for place, many in (("{model}", folds), ("{fold}", folds[1:])) if many]
    if not all(place in name for place in wanted):
        raise InputError(
            f"{WHERE}.model is {name!r}, by which the server cannot tell {model.name} ({', '.join(folds)}) from other "
            f"adapters. Put {' and '.join(wanted)} into it (docs/own-student.md)."
        )
    missing = [task for task in tasks if task.key not in store.found]
    bar.skip(len(tasks) - len(missing))
    asyncio.run(ask_all(model, missing, store, bar))


async def ask_all(model: AskedModel, tasks: list[Task], store: AnswerStore, bar: Bar) -> None:
    """Send the requests. When one is given up, the others are stopped."""
    stop, params = Stop(), model.params
    endpoint = params.endpoint.model_copy(update={"concurrency": params.batch_size})
    async with Client(WHERE, endpoint, stop, PATIENCE) as client:

        async def ask(task: Task) -> None:
            prompt = task.prompt(model.system)
            if isinstance(prompt, str):
                raise InputError(
                    f"answers.baselines.{model.name} is plain text, and backend openai asks in chats only. Take it "
                    f"out (-S '~answers.baselines.{model.name}'), or set answers.backend to mlx or torch."
                )
            body = request_body(
                endpoint,
                endpoint.model.format(model=BASE if task.style else model.name, fold=task.fold),
                [message.model_dump() for message in prompt],
                params.max_tokens,
                params.temperature,
                task.seed(params.seed),
            )
            outcome = await client.ask(body, WHERE, endpoint, verbatim=True)
            if isinstance(outcome, Fault):
                advice = client.advice(outcome, WHERE, body)
                stop.now(f"{WHERE} gave no answer to {task.problem.id}: {outcome.reason}. {advice}")
                return
            reply = outcome.reply
            if isinstance(reply, Failed):
                say(f"{WHERE}, {task.problem.id}: {reply.reason}; kept as an empty answer")
                reply = Reply("", "", "stop", reply.usage or Usage())
            finish: Literal["stop", "length"] = "length" if reply.truncated else "stop"
            used = reply.usage
            try:
                store.add([task.answer(model.name, reply.text, used.prompt_tokens, used.completion_tokens, finish)])
            except InputError as error:  # the others' answers could not be kept either, and may cost money
                stop.now(str(error))
                raise
            bar.update()

        ends = await asyncio.gather(*map(ask, tasks), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, Stopped):
            raise end
    if stop.reason:
        raise InputError(f"{stop.reason} Answers given so far are kept; run again to go on.")
