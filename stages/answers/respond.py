"""Get a model's replies to its tasks, from this machine or from a server."""

from itertools import groupby
from pathlib import Path

from tqdm import tqdm

from distil.lm.checkpoints import load, with_adapter
from distil.lm.generate import generate, sampler
from distil.lm.state import computing, fingerprint, folder_digest
from distil.lm.template import prompt_tokens
from distil.pipeline import chat
from stages.answers.params import AnswersParams
from stages.answers.served import ask_server
from stages.answers.store import Store
from stages.answers.tasks import Task

ROUND = 4
"""A round is this many batches. Within one, a reply that ends makes room for the next prompt; whole rounds are kept, so
that a run taken up again puts the same prompts together as one that was never killed."""


def open_store(
    name: str, base: str, adapters: Path | None, tasks: list[Task], params: AnswersParams, system: str
) -> Store:
    """The store of answers to exactly these tasks by exactly these weights and parameters."""
    folders = [folder for folder in (Path(base), adapters) if folder and params.backend == "mlx"]
    return Store(
        fingerprint(
            name=name,
            params=params.model_dump(exclude={"models", "limit"}),
            system=system,
            tasks=[[*task.key, task.role, task.problem.question] for task in tasks],
            weights=[folder_digest(folder) for folder in folders],
            computing=computing() if params.backend == "mlx" else None,
        )
    )


def respond(
    name: str,
    base: str,
    adapters: Path | None,
    tasks: list[Task],
    params: AnswersParams,
    system: str,
    store: Store,
) -> None:
    """Put the answers of model `name` to all tasks in the store, each fold's from the adapter in `adapters`/<fold>.

    Raises InputError when the model, an adapter or the server is missing, or the disk is full.
    """
    with tqdm(total=len(tasks), desc=f"{name} answers", unit="answer", disable=None) as bar:
        for fold, group in groupby(sorted(tasks, key=lambda task: task.fold or ""), key=lambda task: task.fold):
            if params.backend == "openai":
                ask_server(name, list(group), params, system, store, bar)
            else:
                answer_here(name, base, adapters and adapters / str(fold), list(group), params, system, store, bar)


def answer_here(
    name: str,
    base: str,
    adapter: Path | None,
    tasks: list[Task],
    params: AnswersParams,
    system: str,
    store: Store,
    bar: tqdm,
) -> None:
    """Answer one adapter's tasks with MLX, a round at a time, prompts of like length together."""
    model, tokenizer = load(base)
    if adapter:
        model = with_adapter(model, adapter)
    prompts = {task.key: prompt_tokens(tokenizer, chat.prompt(task.problem.question, system)) for task in tasks}
    tasks = sorted(tasks, key=lambda task: (len(prompts[task.key]), task.key))
    size = ROUND * params.batch_size
    for together in (tasks[start : start + size] for start in range(0, len(tasks), size)):
        if all(task.key in store.found for task in together):
            bar.update(len(together))
            continue
        samplers = [sampler(params.temperature, task.seed(params.seed)) for task in together]
        replies = generate(
            model,
            tokenizer,
            [prompts[task.key] for task in together],
            params.max_tokens,
            params.batch_size,
            samplers if params.temperature else None,
        )
        answers = []
        for number, reply in replies:
            task = together[number]
            answers.append(task.answer(name, reply.text, len(prompts[task.key]), reply.tokens, reply.finish_reason))
            bar.update()
        store.add(answers)
