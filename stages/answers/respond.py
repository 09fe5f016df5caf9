"""Get a model's replies to its tasks, from this machine or from a server."""

from itertools import groupby
from pathlib import Path
from typing import Any

from mlx_lm.tokenizer_utils import TokenizerWrapper

from distil.lm.generate import sampler
from distil.lm.state import fingerprint, folder_digest
from distil.lm.template import prompt_tokens
from distil.lm.write import computing, writer
from distil.pipeline.progress import Bar
from stages.answers.params import AskedModel
from stages.answers.prompts import Prompt
from stages.answers.served import ask_server
from stages.answers.store import AnswerStore
from stages.answers.tasks import Task

ROUND = 4
"""With MLX this many batches are a round. Within a round, a reply that ends makes room for the next prompt. Only whole
rounds are kept: then a run that goes on after a kill batches the same prompts together as one that was never killed."""

PACE = {"api_key_env", "timeout", "deadline", "concurrency", "requests_per_minute", "tokens_per_minute"}
"""Of `answers.endpoint`, what changes no reply: how fast the server is asked, how long it may take, and who pays."""


def open_store(model: AskedModel, tasks: list[Task]) -> AnswerStore:
    """The store of answers to these tasks, or to some of them, by exactly these weights and parameters.

    With PyTorch a reply does not depend on the others' lengths, so one store serves every `answers.max_tokens`. With a
    server one store serves every pace, and so every `answers.batch_size`.
    """
    params = model.params
    any_cap, left_out = params.backend == "torch", {"models", "baselines", "limit"}
    if any_cap:
        left_out.add("max_tokens")
    if params.backend == "openai":
        left_out.add("batch_size")
    folders = [folder for folder in (Path(model.base), model.adapters) if folder]
    return AnswerStore(
        fingerprint(
            name=model.name,
            params=params.model_dump(exclude={**dict.fromkeys(left_out, True), "endpoint": PACE}),
            prompts=[[*task.key, task.role, _plain(task.prompt(model.system))] for task in tasks],
            weights=[folder_digest(folder) for folder in folders],
            # a server's libraries are not known
            computing=computing(params.backend, model.lm) if params.backend in ("mlx", "torch") else None,
        ),
        cap=params.max_tokens if any_cap else None,
    )


def _plain(prompt: Prompt) -> Any:
    return prompt if isinstance(prompt, str) else [message.model_dump() for message in prompt]


def respond(model: AskedModel, tasks: list[Task], store: AnswerStore) -> None:
    """Put the model's answers to all tasks into the store. The adapter in `adapters`/<fold> answers a fold's tasks.

    Raises InputError when the model, an adapter or the server is missing, or the disk is full.
    """
    at_once = model.params.batch_size
    with Bar(total=len(tasks), desc=f"{model.name} answers", unit="answer", at_once=at_once) as bar:
        tasks = sorted(tasks, key=lambda task: task.fold or "")
        if model.params.backend == "openai":
            ask_server(model, tasks, store, bar)
            return
        for fold, group in groupby(tasks, key=lambda task: task.fold):
            answer_here(model, model.adapters and model.adapters / str(fold), list(group), store, bar)


def answer_here(model: AskedModel, adapter: Path | None, tasks: list[Task], store: AnswerStore, bar: Bar) -> None:
    """Answer one adapter's tasks on this machine, prompts of similar length together.

    With PyTorch the contest comes first, and each reply is kept when it ends, because it does not depend on the
    others. With MLX a round is kept when all of it has ended.
    """
    params, alone = model.params, model.params.backend == "torch"
    write, tokenizer = writer(model.base, adapter, "torch" if alone else "mlx", model.lm, params.batch_size)
    prompts = {task.key: _tokens(tokenizer, task.prompt(model.system)) for task in tasks}
    tasks = sorted(tasks, key=lambda task: (alone and task.benchmark, len(prompts[task.key]), task.key))
    size = len(tasks) if alone else ROUND * params.batch_size
    for together in (tasks[start : start + size] for start in range(0, len(tasks), size)):
        known = {number for number, task in enumerate(together) if task.key in store.found}
        if alone or len(known) == len(together):
            bar.skip(len(known))
        if len(known) == len(together):
            continue
        samplers = [sampler(params.temperature, task.seed(params.seed)) for task in together]
        ended = []
        asked = [prompts[task.key] for task in together]
        replies = write(asked, params.max_tokens, samplers if params.temperature else None, known)
        for number, reply in replies:
            task = together[number]
            ended.append(task.answer(model.name, reply.text, len(prompts[task.key]), reply.tokens, reply.finish_reason))
            bar.update()
            if alone or len(ended) == len(together):
                store.add(ended)
                ended = []


def _tokens(tokenizer: TokenizerWrapper, prompt: Prompt) -> list[int]:
    """The tokens of a chat in the format of the tokenizer's template, or of plain text as it is."""
    return list(tokenizer.encode(prompt)) if isinstance(prompt, str) else prompt_tokens(tokenizer, prompt)
