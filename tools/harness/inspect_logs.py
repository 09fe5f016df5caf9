"""Logs of Inspect, written and read by its own library (inspect_ai.log)."""

import hashlib
import sys
from pathlib import Path
from typing import Any

from distil.pipeline.files import InputError
from distil.pipeline.records import Message, Scored
from tools.harness.questions import HarnessAnswers, HarnessQuestion
from tools.harness.recorded import LoggedAnswer, word
from tools.harness.run import Answered, correct

try:
    from inspect_ai import log, model, scorer
except ImportError as error:
    raise InputError(
        "Inspect's logs need the package inspect_ai, which has an environment of its own: `make harness` makes "
        ".venv-harness, and `make export` uses it."
    ) from error

CREATED = "1970-01-01T00:00:00+00:00"
"""Every log has a date. Here it is always this one, since the same run gives the same bytes."""
SCORER = "verifier"
METRICS = [{"name": f"inspect_ai/{name}"} for name in ("accuracy", "stderr")]
TURNS: dict[str, Any] = {"system": model.ChatMessageSystem, "user": model.ChatMessageUser}


def write(answered: Answered, answering: HarnessAnswers, folder: Path) -> Path:
    """Write FOLDER/1970-..._<benchmark>_<model>.json; Inspect lists logs in JSON only under names that begin so.

    A sample of an answer is an epoch, and Inspect's accuracy is the mean over them.
    """
    name = f"{answered.benchmark}-{answered.model}".replace("_", "-")
    path = folder / f"{CREATED.replace(':', '-')}_{name}.json"
    epochs = max(len(samples) for _, samples in answered.rows)
    config = model.GenerateConfig(max_tokens=answering.max_tokens, temperature=answering.temperature)
    ids = [question.id for question, _ in answered.rows]
    written = log.EvalLog(
        status="success",
        eval=log.EvalSpec(
            eval_id=_id(name, "eval"), run_id=_id(name, "run"), task_id=_id(name, "task"), created=CREATED,
            task=answered.benchmark, model=f"distil/{answered.model}", model_generate_config=config,
            dataset=log.EvalDataset(name=answered.benchmark, samples=len(ids), sample_ids=ids, shuffled=False),
            config=log.EvalConfig(epochs=epochs, epochs_reducer=["mean"]),
            scorers=[{"name": SCORER, "metrics": METRICS}],
        ),
        plan=log.EvalPlan(steps=[log.EvalPlanStep(solver="generate", params={})], config=config),
        stats=log.EvalStats(started_at=CREATED, completed_at=CREATED),
        samples=[
            _sample(question, scored, epoch, answered.model)
            for question, samples in answered.rows
            for epoch, scored in enumerate(samples, 1)
        ],
    )  # fmt: skip
    log.recompute_metrics(written)
    log.write_eval_log(written, str(path), format="json")
    return path


def _sample(question: HarnessQuestion, scored: Scored, epoch: int, name: str) -> Any:
    answer, verdict = scored.answer, scored.verdict
    place = f"{name} {question.id} {epoch}"
    prompt = [_turn(turn, f"{place} {number}") for number, turn in enumerate(question.prompt)]
    stop = "max_tokens" if answer.finish_reason == "length" else "stop"
    output = model.ModelOutput.from_content(f"distil/{name}", answer.text, stop_reason=stop)
    output.choices[0].message.id = _id(place, "reply")
    if answer.prompt_tokens is not None and answer.completion_tokens is not None:
        total = answer.prompt_tokens + answer.completion_tokens
        output.usage = model.ModelUsage(
            input_tokens=answer.prompt_tokens, output_tokens=answer.completion_tokens, total_tokens=total
        )
    score = scorer.Score(
        value=scorer.CORRECT if correct(scored) else scorer.INCORRECT,
        answer=verdict.extracted,
        explanation=f"{verdict.verdict} ({verdict.rule}): key {verdict.gold_form}, answer {verdict.answer_form}",
        metadata=verdict.model_dump(mode="json"),
    )
    return log.EvalSample(
        id=question.id, epoch=epoch, uuid=_id(place, "sample"), input=prompt, target=question.answer, output=output,
        messages=[*prompt, output.choices[0].message], scores={SCORER: score},
        metadata={"fold": answer.fold, "role": answer.role},
    )  # fmt: skip


def _turn(turn: Message, place: str) -> Any:
    return TURNS[turn.role](content=turn.content, id=_id(place, "turn"), source="input")


def _id(*parts: str) -> str:
    """An identifier in Inspect's length, which is the same each time."""
    return hashlib.sha256(" ".join(parts).encode("utf-8")).hexdigest()[:22]


def read(path: Path) -> list[LoggedAnswer]:
    """The answers of a log, or of every log below a folder. Raises InputError for what is none, or did not end.

    An evaluation with --no-fail-on-error ends although requests failed: these samples have no answer, and are left out.
    """
    files = [found.name for found in log.list_eval_logs(str(path), descending=False)] if path.is_dir() else [str(path)]
    if not files:
        raise InputError(f"{path} holds no log of Inspect.")
    rows = []
    for file in files:
        try:
            found = log.read_eval_log(file)
        except Exception as error:  # a broken archive, broken JSON, another schema: Inspect names no common base
            raise InputError(f"{file} is no log of Inspect: {' '.join(str(error).split()):.200}") from error
        if found.status != "success":
            raise InputError(
                f"{file}: the evaluation's status is {found.status!r}. Finish it with `inspect eval-retry`."
            )
        samples = found.samples or []
        answered = [sample for sample in samples if not sample.error]
        if failed := len(samples) - len(answered):
            print(f"{file}: {failed} of {len(samples)} samples are left out: they ended in an error", file=sys.stderr)
        rows += [_recorded(sample) for sample in answered]
    return rows


def _recorded(sample: Any) -> LoggedAnswer:
    said = sample.input if isinstance(sample.input, str) else sample.input[-1].text
    first = next(iter((sample.scores or {}).values()), None)
    return LoggedAnswer(
        problem_id=str(sample.id), question=said, text=sample.output.completion, sample=sample.epoch - 1,
        judge=word(first.value if first else None),
    )  # fmt: skip
