"""Does the untouched base model know the questions by heart? Give it the first half of each, and compare the rest.

    python -m stages.contamination

Reads data/eval/scored.jsonl (which questions the base model was asked, and which it got right), the questions in
data/parsed and data/transfer, clusters of near-duplicates and the model. The first half of a question is given as plain
text and continued greedily, as Wu et al. (arXiv 2507.10532) did. Writes data/contamination/<benchmark>.jsonl (both
halves and the model's continuation) and metrics/contamination.json. When the answers come from a server or are
recorded, there is no model here to try.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, PositiveInt

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

from distil.lm.progress import LmParams
from distil.lm.write import writer
from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import read_jsonl, read_record, replacing_folder, write_json, write_jsonl
from distil.pipeline.metrics import Completed, ContaminationMetrics
from distil.pipeline.names import BASE
from distil.pipeline.numbers import rounded
from distil.pipeline.progress import Bar
from distil.pipeline.records import Problem, Scored, Split
from distil.statistics.proportions import accuracy
from stages.contamination.halves import Completion, Half, completed, cut

BENCHMARKS: dict[Literal["contest", "transfer"], Path] = {
    "contest": Path("data/parsed/problems.jsonl"),
    "transfer": Path("data/transfer/problems.jsonl"),
}
MORE = 8
"""How many tokens longer than the second half a reply may be. The model may write the same text in other tokens."""


class ContaminationAnswers(Params):
    """The parameters of the block `answers` that the stage needs."""

    model_config = ConfigDict(extra="ignore")

    backend: Literal["mlx", "torch", "openai", "replay"]
    batch_size: PositiveInt


class Student(Params):
    """The one parameter of the block `lora_seed` that the stage needs."""

    model_config = ConfigDict(extra="ignore")

    model: str


def main() -> None:
    """Cut the questions, let the base model complete them, and count the completions."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    answering, lm = load_params("answers", ContaminationAnswers), load_params("lm", LmParams)
    model, split = load_params("lora_seed", Student).model, read_record("data/train_split/folds.json", Split)
    counts: dict[str, Completed] = {}
    reason = None
    with replacing_folder("data/contamination") as out:
        if answering.backend == "openai" or answering.backend == "replay":
            reason = f"answers.backend is {answering.backend}: there is no model here to complete them"
        else:
            halves = asked()
            found = list(complete(halves, model, answering.backend, lm, answering.batch_size))
            for benchmark in BENCHMARKS:
                own = [one for one in found if one.benchmark == benchmark]
                write_jsonl(out / f"{benchmark}.jsonl", own)
                counts[benchmark] = counted(own, split)
        metrics = ContaminationMetrics.model_validate({**counts, "reason": reason})
        write_json("metrics/contamination.json", rounded(metrics.model_dump()))


def asked() -> list[Half]:
    """The halves of the questions that base answered."""
    scored = (row for row in read_jsonl("data/eval/scored.jsonl", Scored) if row.answer.model == BASE)
    right = {
        (row.answer.benchmark, row.answer.problem_id): row.verdict.verdict == "CORRECT"
        for row in scored
        if row.answer.sample == 0
    }
    halves = []
    for benchmark, path in BENCHMARKS.items():
        for problem in sorted(read_jsonl(path, Problem), key=lambda problem: problem.id):
            if (benchmark, problem.id) in right:
                halves.append(cut(problem, benchmark, right[benchmark, problem.id]))
    return [half for half in halves if half]


def complete(
    halves: Sequence[Half], model: str, backend: Literal["mlx", "torch"], lm: LmParams, batch_size: int
) -> Iterator[Completion]:
    """Let the model continue each first half, second halves of similar length together. Yields in the order given.

    Raises InputError when the model or the backend is missing.
    """
    write, tokenizer = writer(model, None, backend, lm, batch_size)
    lengths = [len(tokenizer.encode(half.rest)) for half in halves]
    order = sorted(range(len(halves)), key=lambda number: (lengths[number], number))
    texts: dict[int, str] = {}
    with Bar(total=len(halves), desc="halves of questions", unit="question") as bar:
        for start in range(0, len(order), batch_size):
            together = order[start : start + batch_size]
            prompts = [list(tokenizer.encode(halves[number].given)) for number in together]
            for place, reply in write(prompts, lengths[together[-1]] + MORE, None, ()):
                texts[together[place]] = reply.text
                bar.update()
    yield from (completed(half, texts[number]) for number, half in enumerate(halves))


def counted(found: Sequence[Completion], split: Split) -> Completed:
    """One benchmark's numbers; docs/metrics.md says what each is."""
    verbatim = np.array([one.verbatim for one in found], bool)
    right = np.array([one.right for one in found], float)
    clusters = np.unique(
        [str(split.clusters.get(one.problem_id, one.problem_id)) for one in found], return_inverse=True
    )
    value, low, high = accuracy(verbatim[:, None].astype(float), clusters[1])

    def base(chosen: Any) -> float | None:
        return float(right[chosen].mean()) if chosen.any() else None

    return Completed(
        n=len(found),
        completed=value,
        completed_low=low,
        completed_high=high,
        words_met=float(np.mean([one.words_met / one.words for one in found])) if found else None,
        base=base(np.ones(len(found), bool)),
        base_where_completed=base(verbatim),
        base_elsewhere=base(~verbatim),
    )


if __name__ == "__main__":
    run(main)
