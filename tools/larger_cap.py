"""Write on the replies that a finished run's token cap cut off, and compare base and students under a larger cap.

    python -m tools.larger_cap --max-tokens 4096
    python -m tools.larger_cap --max-tokens 4096 --models seed_1      (two processes may take different models)

Takes base's and the students' replies to held-out contest questions that stopped at `answers.max_tokens`. The model
reads such a reply after its prompt and goes on writing, greedily, up to the larger cap: a fraction of the work of
answering anew. Replies that ended stay as they are. So do those that repeat one passage to their end, which a larger
cap would bring more of, and those whose text does not have as many tokens as the model wrote. A run under the larger
cap may write other words, because a text that is read and one that is written differ in their last bits, which decide
where two tokens tie.

Once all models are done, prints what became of these replies, and `eval`'s comparison before and after. Writes the
first and the last to cache/larger_cap.json, which `python -m tools.results` keeps with the run. A killed run goes on
from cache/answers/ (with MLX an adapter's replies begin again), where the replies stay.
"""

import argparse
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

import pandas as pd
from mlx_lm.tokenizer_utils import TokenizerWrapper
from tabulate import tabulate

from distil.lm.checkpoints import tokenizer_for
from distil.lm.progress import LmParams
from distil.lm.state import fingerprint, folder_digest
from distil.lm.template import prompt_tokens
from distil.lm.write import computing, writer
from distil.pipeline import chat
from distil.pipeline.command import load_params, run
from distil.pipeline.files import InputError, read_jsonl, read_record, write_json, write_jsonl
from distil.pipeline.numbers import rounded
from distil.pipeline.progress import Bar
from distil.pipeline.records import Answer, Problem, Split, projected
from distil.pipeline.results import EvalMetrics
from distil.statistics.outcomes import questions_table, score
from distil.verifier import Verifier
from stages.answers.params import AnswersParams, StudentParams
from stages.answers.store import AnswerStore
from stages.answers.tasks import Key
from stages.eval.comparison import compare
from stages.eval.params import EvalAnswers, EvalParams, EvalTraining
from stages.eval.parts import select
from tools.results.__main__ import LARGER_CAP, SCORED, CutOff, LargerCap, repeats, under_larger_cap
from tools.summary import points

Longer = Mapping[str, Mapping[Key, Answer]]
"""The replies that were written on, by model."""


@dataclass(frozen=True)
class FinishedRun:
    """The run at hand: what was asked of which models, base first, and the larger cap."""

    models: list[str]
    params: AnswersParams
    backend: Literal["mlx", "torch"]
    split: Split
    problems: dict[str, Problem]
    base: str
    system: str
    lm: LmParams
    tokenizer: TokenizerWrapper
    cap: int

    def replies(self, name: str) -> list[Answer]:
        """One model's replies to held-out contest questions."""
        rows = list(read_jsonl(Path("data/answers", name, "contest.jsonl"), Answer))
        if name != self.models[0]:
            return [row for row in rows if row.fold in self.split.main and row.role == "unseen"]
        unseen = {row.problem_id for row in self.replies(self.models[1])}
        return [row for row in rows if row.problem_id in unseen]

    def begun(self, name: str) -> list[tuple[Answer, list[int]]]:
        """The replies to be written on, by fold, each with the tokens of its prompt and of its text."""
        rows = [row for row in self.replies(name) if row.finish_reason == "length" and not repeats(row.text)]
        found = []
        for row in sorted(rows, key=lambda row: (row.fold or "", row.problem_id)):
            text = list(self.tokenizer.encode(row.text, add_special_tokens=False))
            if len(text) == row.completion_tokens:
                asked = chat.prompt(self.problems[row.problem_id].question, self.system)
                found.append((row, [*prompt_tokens(self.tokenizer, asked), *text]))
        return found

    def adapter(self, name: str, fold: str | None) -> Path | None:
        """The folder of the adapter that answered; None for the base."""
        return Path(self.params.models[name].weights, fold) if fold else None

    def store(self, name: str) -> AnswerStore:
        """What one model has written on so far, by exactly these weights, libraries and settings."""
        begun = self.begun(name)
        folders = {folder for row, _ in begun if (folder := self.adapter(name, row.fold))}
        return AnswerStore(
            fingerprint(
                name="larger_cap",
                cap=self.cap,
                begun=[(key(row), tokens) for row, tokens in begun],
                weights=[self._base_digest, *map(folder_digest, sorted(folders))],
                batch_size=self.params.batch_size,
                computing=computing(self.backend, self.lm),
            )
        )

    @cached_property
    def _base_digest(self) -> str:
        return folder_digest(Path(self.base))


def main() -> None:
    """Write on each model's replies that were cut off, then compare base and students and print what changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-tokens", type=int, required=True, help="the larger cap, in tokens a reply")
    parser.add_argument("--models", nargs="+", help="names in answers.models to write on (base and all students)")
    args = parser.parse_args()
    params = load_params("answers", AnswersParams)
    backend = params.backend
    if backend not in ("mlx", "torch") or params.temperature:
        raise InputError("Only greedy replies of mlx or torch are written on (answers.backend, answers.temperature).")
    if args.max_tokens <= params.max_tokens:
        raise InputError(f"--max-tokens is {args.max_tokens}: name more than answers.max_tokens, {params.max_tokens}.")
    models = load_params("answers", EvalAnswers).compared(load_params("lora_seed", EvalTraining).seeds)
    if unknown := [name for name in args.models or [] if name not in models]:
        raise InputError(f"{unknown[0]!r} is none of the models that eval compares: {', '.join(models)}.")
    if not SCORED["eval"].exists():
        raise InputError(f"{SCORED['eval']} is not there. `dvc repro eval` scores the run.")
    base = load_params("lora_seed", StudentParams).model
    ran = FinishedRun(
        models=models,
        params=params,
        backend=backend,
        split=read_record("data/train_split/folds.json", Split),
        problems={problem.id: problem for problem in read_jsonl("data/parsed/problems.jsonl", Problem)},
        base=base,
        system=load_params("chat", chat.ChatParams).system,
        lm=load_params("lm", LmParams),
        tokenizer=tokenizer_for(base),
        cap=args.max_tokens,
    )
    if (begins := ran.tokenizer.decode(ran.tokenizer.encode(" 1", add_special_tokens=False))) != " 1":
        raise InputError(f"{base}: its tokenizer reads ' 1' as {begins!r}, so that two parts of a reply do not join.")
    for name in args.models or models:
        write_on(ran, name)
    longer = {name: ran.store(name).found for name in models}
    if waiting := [name for name in models if len(longer[name]) < len(ran.begun(name))]:
        print(f"The comparison waits for {', '.join(waiting)}.")
        return
    found = compared(ran, longer)
    write_json(LARGER_CAP, rounded(found.model_dump()))
    print(told(found))


def write_on(ran: FinishedRun, name: str) -> None:
    """Let one model write on its replies that were cut off, and put them into its store as they end."""
    begun, store = ran.begun(name), ran.store(name)
    size = ran.params.batch_size
    with Bar(total=len(begun), desc=f"{name} written on", unit="answer", at_once=size) as bar:
        for fold, group in groupby(begun, key=lambda one: one[0].fold):
            some = list(group)
            known = {number for number, (row, _) in enumerate(some) if key(row) in store.found}
            if ran.backend == "mlx" and len(known) < len(some):
                known = set()  # a reply depends on those that are written beside it
            bar.skip(len(known))
            if len(known) == len(some):
                continue
            write, _ = writer(ran.base, ran.adapter(name, fold), ran.backend, ran.lm, size)
            more = write([tokens for _, tokens in some], ran.cap - ran.params.max_tokens, None, known)
            for number, reply in more:
                row = some[number][0]
                changed = {
                    "text": row.text + reply.text,
                    "completion_tokens": ran.params.max_tokens + reply.tokens,
                    "finish_reason": reply.finish_reason,
                }
                store.add([row.model_copy(update=changed)])
                bar.update()


def key(row: Answer) -> Key:
    """The key of an answer in its store."""
    return row.problem_id, row.fold, row.benchmark, row.sample


def compared(ran: FinishedRun, longer: Longer) -> LargerCap:
    """Score all replies, with those that were written on in their place, and compare as `eval` does."""
    kinds = {problem: ran.split.family_names[number] for problem, number in ran.split.families.items()}
    questions = questions_table(ran.problems.values(), "contest", ran.split.clusters, kinds)
    tables, rows = [], []
    with tempfile.TemporaryDirectory(prefix="larger-cap-") as scratch, Verifier() as verifier:
        for name in ran.models:
            path, before = Path(scratch, f"{name}.jsonl"), ran.replies(name)
            write_jsonl(path, (longer[name].get(key(row), row) for row in before))
            tables.append(score(path, questions, verifier, None))
            rows.append(became(name, before, list(longer[name].values()), ran.problems, verifier))
    outcomes = pd.concat(tables, ignore_index=True)
    part = select("contest_unseen", questions, outcomes, ran.models, ran.split.main, ["unseen"])
    return projected(
        compare(part, load_params("eval", EvalParams), "contest_unseen"),
        LargerCap,
        scored=hashlib.md5(SCORED["eval"].read_bytes(), usedforsecurity=False).hexdigest(),
        former_cap=ran.params.max_tokens,
        max_tokens=ran.cap,
        models=rows,
    )


def became(
    name: str, before: Sequence[Answer], longer: Sequence[Answer], problems: Mapping[str, Problem], verifier: Verifier
) -> CutOff:
    """What became of a model's replies that were cut off: `before` are all of its replies under the former cap."""
    cut_off = [row for row in before if row.finish_reason == "length"]
    repeating = sum(repeats(row.text) for row in cut_off)
    ended = [row for row in longer if row.finish_reason == "stop"]
    verdicts = verifier.verify_many([(problems[row.problem_id].answer, row.text) for row in ended])
    return CutOff(
        model=name,
        cut_off=len(cut_off),
        repeating=repeating,
        left_out=len(cut_off) - repeating - len(longer),
        ended=len(ended),
        ended_right=sum(verdict.verdict == "CORRECT" for verdict in verdicts),
        still_cut_off=len(longer) - len(ended),
    )


def told(found: LargerCap) -> str:
    """The replies by model as a table, and the comparison before and after."""
    heads = ["model", f"cut off at {found.former_cap}", "repeating", "left out", "ended since", "of these right",
             f"cut off at {found.max_tokens}"]  # fmt: skip
    table = tabulate([[*dict(row).values()] for row in found.models], heads, tablefmt="github")
    before = points(read_record("metrics/eval.json", EvalMetrics).contest_unseen)
    return f"{table}\nAt {found.former_cap:,} tokens: {before}\n{under_larger_cap(found)}"


if __name__ == "__main__":
    run(main)
