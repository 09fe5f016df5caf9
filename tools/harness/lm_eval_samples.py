"""Sample files of lm-evaluation-harness, as `lm_eval --log_samples` writes them (lm_eval 0.4.13, evaluator.py).

One JSON object a line: the document, the turns that were sent, the responses, the metrics by name, and hashes of all.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from distil.exams.tables import TableRow, read_rows
from distil.pipeline.files import InputError, replacing
from distil.pipeline.records import Scored
from tools.harness.questions import HarnessAnswers, HarnessQuestion
from tools.harness.recorded import LoggedAnswer, word
from tools.harness.run import Answered, correct

IDS = ("id", "problem_id", "unique_id")
"""Fields of a document that may name the problem."""
TEXTS = ("question", "problem")
"""Fields of a document that may hold its text."""


def write(answered: Answered, answering: HarnessAnswers, folder: Path) -> Path:
    """Write FOLDER/<model>/samples_<benchmark>_exported.jsonl, named as the harness names them but for the date.

    The metric is that of the first sample, as in the harness and in `eval`.
    """
    path = folder / answered.model / f"samples_{answered.benchmark}_exported.jsonl"
    asked = {"until": [], "temperature": answering.temperature, "max_gen_toks": answering.max_tokens}
    with replacing(path) as file:
        for number, (question, samples) in enumerate(answered.rows):
            file.write(json.dumps(_sample(number, question, samples, asked), ensure_ascii=False) + "\n")
    return path


def _sample(number: int, question: HarnessQuestion, samples: list[Scored], asked: dict[str, Any]) -> dict[str, Any]:
    document = question.model_dump(mode="json")
    prompt = json.dumps([turn.model_dump(mode="json") for turn in question.prompt], ensure_ascii=False)
    first = samples[0]
    return {
        "doc_id": number,
        "doc": document,
        "target": question.answer,
        "arguments": {"gen_args_0": {"arg_0": [prompt], "arg_1": asked}},
        "resps": [[scored.answer.text for scored in samples]],
        "filtered_resps": [first.answer.text],
        "filter": "none",
        "metrics": ["accuracy", "no_answer"],
        "doc_hash": _hash(json.dumps(document, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(prompt),
        "target_hash": _hash(question.answer),
        "accuracy": float(correct(first)),
        "no_answer": float(first.verdict.verdict == "NO_ANSWER"),
    }


def read(path: Path) -> list[LoggedAnswer]:
    """The answers of a sample file, or of every one below a folder. Raises InputError for a row that is no sample.

    Where a task has several filters, each response is there once for each: the first filter's rows are taken.
    """
    files = sorted(path.rglob("samples_*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} holds no samples_*.jsonl: run lm_eval with --log_samples.")
    rows = []
    for file in files:
        samples = read_rows(file)
        kept = [row for row in samples if row.values.get("filter") == samples[0].values.get("filter")]
        rows += [answer for row in kept for answer in _recorded(row)]
    return rows


def _recorded(row: TableRow) -> list[LoggedAnswer]:
    document, responses = row.values.get("doc"), row.values.get("resps")
    if not isinstance(document, dict) or not isinstance(responses, list) or not responses:
        raise InputError(f"{row.place}: a sample has 'doc' and 'resps'. Is the file one that --log_samples wrote?")
    texts = responses[0] if isinstance(responses[0], list) else responses[:1]
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{row.place}: a response is no text; only tasks of type generate_until have answers.")
    name = next((str(document[field]) for field in IDS if field in document), None)
    question = next((str(document[field]) for field in TEXTS if field in document), None)
    if name is None and question is None:
        raise InputError(f"{row.place}: its 'doc' has none of {', '.join((*IDS, *TEXTS))}: which problem is it about?")
    metrics = row.values.get("metrics") or [None]
    judge = word(row.values.get(metrics[0])) if len(texts) == 1 else None
    return [
        LoggedAnswer(problem_id=name, question=question, text=text, sample=number, judge=judge)
        for number, text in enumerate(texts)
    ]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
