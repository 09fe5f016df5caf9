"""Continue the replies of a finished run that its token cap cut off, and say what a larger cap changes.

    python -m tools.larger_cap --max-tokens 4096
    python -m tools.larger_cap --max-tokens 4096 --models seed_1      (two processes may take different models)

Takes base's and the students' replies to held-out contest questions that stopped at `answers.max_tokens`. The model
reads such a reply after its prompt and goes on writing, greedily, up to the larger cap: a fraction of the work of
answering anew. Replies that ended stay as they are, and so do those whose text is not read as the tokens that the model
wrote, by their number. A run under the larger cap may write other words, because a text that is read and one that is
written differ in their last bits, which decide where two tokens tie.

Prints how base and students compare under the larger cap once all of them are continued, and writes it to
metrics/larger_cap.json. A killed run goes on from cache/answers/.
"""

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

import pandas as pd
from mlx_lm.tokenizer_utils import TokenizerWrapper
from tabulate import tabulate

from distil.lm.checkpoints import load_tokenizer
from distil.lm.progress import LmParams
from distil.lm.state import fingerprint, folder_digest
from distil.lm.template import prompt_tokens
from distil.lm.write import writer
from distil.pipeline import chat
from distil.pipeline.command import load_params, run
from distil.pipeline.files import InputError, read_jsonl, read_record, write_json, write_jsonl
from distil.pipeline.numbers import rounded
from distil.pipeline.progress import Bar
from distil.pipeline.records import Answer, Problem, Record, Split
from distil.statistics.outcomes import questions_table, score
from distil.verifier import Verifier
from stages.answers.params import AnswersParams, StudentParams
from stages.answers.store import AnswerStore
from stages.answers.tasks import Key
from stages.eval.comparison import compare
from stages.eval.params import EvalAnswers, EvalParams, EvalTraining
from stages.eval.parts import select
from tools.results.__main__ import LARGER_CAP, SCORED, longer, repeats


class CutOff(Record):
    """A model's replies that the run's cap cut off, and what became of them under the larger one.

    `left_out` counts those that were not continued, because their text is read as other tokens. They are still cut off.
    """

    model: str
    cut_off: int
    left_out: int
    ended: int
    ended_right: int
    still_cut_off: int
    still_repeating: int


class LargerCap(Record):
    """metrics/larger_cap.json: base and students under the larger cap. Accuracies are fractions, differences points.

    `scored` is the MD5 of data/eval/scored.jsonl of the run whose replies were continued.
    """

    scored: str
    former_cap: int
    max_tokens: int
    n: int
    models: list[CutOff]
    base: float
    student_mean: float
    difference: float
    difference_low: float | None
    difference_high: float | None
    sign_flip_p: float | None


@dataclass(frozen=True)
class FinishedRun:
    """The run at hand: what was asked of whom, and the larger cap."""

    params: AnswersParams
    split: Split
    problems: dict[str, Problem]
    base: str
    system: str
    lm: LmParams
    tokenizer: TokenizerWrapper
    cap: int

    def replies(self, name: str) -> list[Answer]:
        """One model's replies to held-out contest questions, the first sample of each."""
        unseen = {question for fold in self.split.main for question in self.split.folds[fold].unseen}
        rows = read_jsonl(Path("data/answers", name, "contest.jsonl"), Answer)
        return [
            row for row in rows if row.sample == 0 and row.problem_id in unseen and row.fold in (None, *self.split.main)
        ]

    def cut_off(self, name: str) -> list[Answer]:
        """Those that the run's cap cut off and that can be read again, by fold."""
        rows = (row for row in self.replies(name) if row.finish_reason == "length")
        again = (row for row in rows if len(self.tokens(row)) == row.completion_tokens)
        return sorted(again, key=lambda row: (row.fold or "", row.problem_id))

    def tokens(self, row: Answer) -> list[int]:
        """The tokens of a reply's text."""
        return list(self.tokenizer.encode(row.text, add_special_tokens=False))

    def adapter(self, name: str, fold: str | None) -> Path | None:
        """The folder of the adapter that answered; None for the base."""
        return Path(self.params.models[name].weights, fold) if fold else None

    def store(self, name: str) -> AnswerStore:
        """What is continued so far of one model's replies, by exactly these weights."""
        rows = self.cut_off(name)
        folders = [Path(self.base), *filter(None, {self.adapter(name, row.fold) for row in rows})]
        return AnswerStore(
            fingerprint(
                name="larger_cap",
                replies=[row.model_dump() for row in rows],
                weights=sorted(folder_digest(folder) for folder in folders),
                lm=self.lm.model_dump(),
                batch_size=self.params.batch_size,
            ),
            cap=self.cap,
        )


def main() -> None:
    """Continue each model's replies that were cut off, then compare base and students and print what changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-tokens", type=int, required=True, help="the larger cap, in tokens a reply")
    parser.add_argument("--models", nargs="+", help="names in answers.models to continue (base and all students)")
    args = parser.parse_args()
    params = load_params("answers", AnswersParams)
    if params.backend not in ("mlx", "torch") or params.temperature:
        raise InputError("Only greedy replies of mlx or torch are continued (answers.backend, answers.temperature).")
    if args.max_tokens <= params.max_tokens:
        raise InputError(
            f"--max-tokens is {args.max_tokens}, and answers.max_tokens is {params.max_tokens}: name more."
        )
    models = load_params("answers", EvalAnswers).compared(load_params("lora_seed", EvalTraining).seeds)
    if unknown := [name for name in args.models or [] if name not in models]:
        raise InputError(f"{unknown[0]!r} is none of the models that eval compares: {', '.join(models)}.")
    base = load_params("lora_seed", StudentParams).model
    ran = FinishedRun(
        params=params,
        split=read_record("data/train_split/folds.json", Split),
        problems={problem.id: problem for problem in read_jsonl("data/parsed/problems.jsonl", Problem)},
        base=base,
        tokenizer=load_tokenizer(base),
        system=load_params("chat", chat.ChatParams).system,
        lm=load_params("lm", LmParams),
        cap=args.max_tokens,
    )
    for name in args.models or models:
        continue_replies(ran, name)
    stores = {name: ran.store(name) for name in models}
    if waiting := [name for name, store in stores.items() if len(store.found) < len(ran.cut_off(name))]:
        print(f"The comparison waits for {', '.join(waiting)}.")
        return
    found = compared(ran, {name: store.found for name, store in stores.items()})
    write_json(LARGER_CAP, rounded(found.model_dump()))
    for store in stores.values():
        store.remove()
    print(told(found))


def continue_replies(ran: FinishedRun, name: str) -> None:
    """Let one model go on writing its replies that were cut off, and put them into its store as they end."""
    rows, store = ran.cut_off(name), ran.store(name)
    with Bar(total=len(rows), desc=f"{name} continued", unit="reply", at_once=ran.params.batch_size) as bar:
        for fold, group in groupby(rows, key=lambda row: row.fold):
            some = list(group)
            known = {number for number, row in enumerate(some) if key(row) in store.found}
            bar.skip(len(known))
            if len(known) == len(some):
                continue
            backend: Literal["mlx", "torch"] = "torch" if ran.params.backend == "torch" else "mlx"
            write, _ = writer(ran.base, ran.adapter(name, fold), backend, ran.lm, ran.params.batch_size)
            begun = [
                prompt_tokens(ran.tokenizer, chat.prompt(ran.problems[row.problem_id].question, ran.system))
                + ran.tokens(row)
                for row in some
            ]
            for number, more in write(begun, ran.cap - ran.params.max_tokens, None, known):
                row = some[number]
                changed = {
                    "text": row.text + more.text,
                    "completion_tokens": ran.params.max_tokens + more.tokens,
                    "finish_reason": more.finish_reason,
                }
                store.add([row.model_copy(update=changed)])
                bar.update()


def key(row: Answer) -> Key:
    """The key of an answer in its store."""
    return row.problem_id, row.fold, row.benchmark, row.sample


def compared(ran: FinishedRun, found: dict[str, dict[Key, Answer]]) -> LargerCap:
    """Score all replies, those continued among them, as `eval` does."""
    models = list(found)
    kinds = {problem: ran.split.family_names[number] for problem, number in ran.split.families.items()}
    questions = questions_table(ran.problems.values(), "contest", ran.split.clusters, kinds)
    tables, rows = [], []
    with tempfile.TemporaryDirectory(prefix="larger-cap-") as scratch, Verifier() as verifier:
        for name in models:
            path, before = Path(scratch, f"{name}.jsonl"), ran.replies(name)
            write_jsonl(path, (found[name].get(key(row), row) for row in before))
            tables.append(score(path, questions, verifier, None))
            cut = [found[name].get(key(row), row) for row in before if row.finish_reason == "length"]
            rows.append(became(name, cut, len(cut) - len(found[name]), ran.problems, verifier))
    part = select("contest_unseen", questions, pd.concat(tables, ignore_index=True), models, ran.split.main, ["unseen"])
    result = compare(part, load_params("eval", EvalParams), "contest_unseen")
    return LargerCap(
        scored=hashlib.md5(SCORED["eval"].read_bytes(), usedforsecurity=False).hexdigest(),
        former_cap=ran.params.max_tokens,
        max_tokens=ran.cap,
        models=rows,
        **{name: getattr(result, name) for name in LargerCap.model_fields.keys() & type(result).model_fields.keys()},
    )


def became(name: str, cut: Sequence[Answer], left_out: int, problems: dict[str, Problem], verifier: Verifier) -> CutOff:
    """What became of a model's replies that were cut off, as they stand now."""
    ended = [row for row in cut if row.finish_reason == "stop"]
    verdicts = verifier.verify_many([(problems[row.problem_id].answer, row.text) for row in ended])
    still = [row for row in cut if row.finish_reason == "length"]
    return CutOff(
        model=name,
        cut_off=len(cut),
        left_out=left_out,
        ended=len(ended),
        ended_right=sum(verdict.verdict == "CORRECT" for verdict in verdicts),
        still_cut_off=len(still),
        still_repeating=sum(repeats(row.text) for row in still),
    )


def told(found: LargerCap) -> str:
    """What is printed."""
    heads = ["model", f"cut off at {found.former_cap}", "not continued", "ended since", "of these right",
             f"cut off at {found.max_tokens}", "of these repeating"]  # fmt: skip
    table = tabulate([[*dict(row).values()] for row in found.models], heads, tablefmt="github")
    return f"{table}\n{longer(found.model_dump())}"


if __name__ == "__main__":
    run(main)
