"""Check a finished run's answers against another implementation: transformers, with PEFT for an adapter.

    make check-model                                    (40 answers of base and 40 of an adapter)
    python -m tools.check_model --models base seed_0 --answers 10 --max-tokens 300

Takes the held-out questions to which base gave the shortest answers that ended by themselves, so that most texts are
whole at the cap. Every model answers them anew, greedily and in float32, once by this project's code and once by
transformers in an environment of its own. Where the two texts part, the two best next tokens must be a tie, with logits
at most 0.001 apart: otherwise one of the two programs computes something else, and the exit status is 1. The verdicts
are compared, too, also with those of the run's own answers, which `lm.compute` may have computed in bfloat16.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

from tabulate import tabulate

from distil.lm.progress import LmParams
from distil.lm.template import prompt_tokens
from distil.lm.write import writer
from distil.pipeline import chat
from distil.pipeline.command import load_params, run
from distil.pipeline.files import InputError, read_jsonl, read_record
from distil.pipeline.records import Answer, Problem, Split
from distil.verifier import Verifier
from stages.answers.params import AnswersParams, StudentParams
from tools.export_adapter.__main__ import export
from tools.peers import PYTHON, answer, require

ADAPTERS = Path("data/lora_seed")
TIE = 1e-3
"""Logits this close are one number to two programs that add in another order."""


@dataclass(frozen=True)
class Compared:
    """One question's replies; `lead` is how far the best next token was ahead where they part, None if nowhere."""

    ours: str
    theirs: str
    recorded: str
    lead: float | None

    @property
    def fault(self) -> bool:
        """Whether the texts part where there was no tie."""
        return self.lead is not None and self.lead > TIE


def main() -> int:
    """Compare every model's texts and verdicts; print a table and what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", help="names in answers.models (base and the first seed)")
    parser.add_argument("--answers", type=int, default=40, help="how many questions (%(default)s)")
    parser.add_argument("--max-tokens", type=int, default=400, help="the longest reply (%(default)s)")
    parser.add_argument("--python", type=Path, default=PYTHON, help="theirs (%(default)s)")
    args = parser.parse_args()
    require(args.python)
    params = load_params("answers", AnswersParams)
    adapted = [name for name, model in params.models.items() if Path(model.weights).parent == ADAPTERS]
    names = args.models or ["base", *adapted[:1]]
    if unknown := [name for name in names if name not in params.models]:
        raise InputError(f"answers.models has no {unknown[0]!r}; it has {', '.join(params.models)}.")
    problems = shortest(args.answers)
    params = params.model_copy(update={"max_tokens": args.max_tokens, "batch_size": len(problems), "temperature": 0.0})
    rows, faults = [], 0
    with Verifier() as verifier:
        for name in names:
            print(f"{name}: {len(problems)} questions, first here and then by transformers ...", flush=True)
            found = compare(name, problems, params, args.python)
            rows.append([name, *counts(found, [problem.answer for problem in problems], verifier)])
            for problem, one in zip(problems, found, strict=True):
                if one.fault:
                    faults += 1
                    print(f"  {problem.id}: the texts part where one token was {one.lead:.3g} ahead")
    heads = ["model", "texts", "the same", "part at a tie", "part elsewhere", "verdicts that differ",
             "run's own texts: the same", "run's own verdicts that differ"]  # fmt: skip
    print(tabulate(rows, heads, tablefmt="github"))
    return 1 if faults else 0


def shortest(count: int) -> list[Problem]:
    """The held-out questions with base's shortest answers among those that ended. Raises InputError without a run."""
    folds = read_record("data/train_split/folds.json", Split)
    unseen = set(folds.folds[folds.main[0]].unseen)
    problems = {problem.id: problem for problem in read_jsonl("data/parsed/problems.jsonl", Problem)}
    ended = [
        (row.completion_tokens or 0, row.problem_id)
        for row in recorded("base", None)
        if row.finish_reason == "stop" and row.problem_id in unseen
    ]
    if not ended:
        raise InputError("data/answers/base answers no held-out question to its end. `dvc repro answers@base` asks.")
    return [problems[name] for _, name in sorted(ended)[:count]]


def recorded(name: str, fold: str | None) -> list[Answer]:
    """A model's answers to the contest in the run at hand, the first sample of each."""
    rows = read_jsonl(Path("data/answers", name, "contest.jsonl"), Answer)
    return [row for row in rows if row.fold == fold and row.sample == 0]


def compare(name: str, problems: Sequence[Problem], params: AnswersParams, python: Path) -> list[Compared]:
    """One model's replies by both programs, and those of the run."""
    base, system = load_params("lora_seed", StudentParams).model, load_params("chat", chat.ChatParams).system
    lm = load_params("lm", LmParams).model_copy(update={"compute": "float32"})
    weights = params.models[name].weights
    fold = None if weights == base else read_record("data/train_split/folds.json", Split).main[0]
    adapter = Path(weights, fold) if fold else None
    backend: Literal["mlx", "torch"] = "torch" if params.backend == "torch" else "mlx"
    write, tokenizer = writer(base, adapter, backend, lm, params.batch_size)
    prompts = [prompt_tokens(tokenizer, chat.prompt(problem.question, system)) for problem in problems]
    ours = {number: reply.text for number, reply in write(prompts, params.max_tokens, None, ())}
    del write  # the weights, before another process loads them
    with tempfile.TemporaryDirectory(prefix="check-model-") as scratch:
        if adapter:
            export(adapter, "peft", Path(scratch, "peft"))
        job: dict[str, Any] = {
            "model": base,
            "adapter": str(Path(scratch, "peft")) if adapter else None,
            "prompts": prompts,
            "max_tokens": params.max_tokens,
            "eos": sorted(tokenizer.eos_token_ids),
            "threads": lm.threads,
        }
        path = Path(scratch, "job.json")
        path.write_text(json.dumps(job), encoding="utf-8")
        theirs = answer([str(python), str(Path(__file__).with_name("theirs.py"))], path)
    kept = {row.problem_id: row.text for row in recorded(name, fold)}
    return [
        compared(ours[number], kept[problem.id], tokens, leads, job["eos"], tokenizer.decode)
        for number, (problem, tokens, leads) in enumerate(zip(problems, theirs["tokens"], theirs["leads"], strict=True))
    ]


def compared(
    ours: str, recorded: str, tokens: list[int], leads: list[float], eos: list[int], decode: Callable[[list[int]], str]
) -> Compared:
    """Find where a text of theirs, token by token, stops being the beginning of ours."""
    words = tokens[:-1] if tokens[-1] in eos else tokens
    theirs = decode(words)
    if theirs == ours:
        return Compared(ours, theirs, recorded, None)
    # A character of several tokens is a replacement mark until its last one.
    same = (ours.startswith(decode(words[:count]).rstrip("\ufffd")) for count in range(1, len(words) + 1))
    parted = next((place for place, begins in enumerate(same) if not begins), len(words))
    return Compared(ours, theirs, recorded, leads[min(parted, len(leads) - 1)])


def counts(found: Sequence[Compared], keys: Sequence[str], verifier: Verifier) -> list[int]:
    """The columns of the printed table, after the model's name."""
    texts = [(one.ours, one.theirs, one.recorded) for one in found]
    asked = [(key, text) for key, three in zip(keys, texts, strict=True) for text in three]
    verdicts = [verdict.verdict for verdict in verifier.verify_many(asked)]
    return [
        len(found),
        sum(one.lead is None for one in found),
        sum(one.lead is not None and not one.fault for one in found),
        sum(one.fault for one in found),
        sum(ours != theirs for ours, theirs in zip(verdicts[0::3], verdicts[1::3], strict=True)),
        sum(one.ours == one.recorded for one in found),
        sum(ours != kept for ours, kept in zip(verdicts[0::3], verdicts[2::3], strict=True)),
    ]


if __name__ == "__main__":
    run(main)
