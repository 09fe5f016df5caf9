"""Write the stage's outputs from the store. No endpoint is asked here, so the same store gives the same bytes."""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from distil.pipeline.files import InputError, replacing, replacing_folder, write_json
from distil.pipeline.metrics import BenchmarkAnswers, RoleUsage, TeacherMetrics
from distil.pipeline.progress import Bar
from distil.pipeline.records import LEVELS, Problem
from distil.teacher import Request, Store
from distil.verifier import verify
from stages.teacher_cot.lesson import BenchmarkProblem, Check, Taught, TracedRequest, lesson
from stages.teacher_cot.projection import Missing
from stages.teacher_cot.settings import Settings


class Lacking(Exception):
    """The store lacks the answers to these requests. The requests that come after them are not known yet."""

    def __init__(self, lessons: list[Missing], last: list[Request]):
        """The lessons of the requests `last` end with them. After the requests of `lessons` there are others."""
        self.lessons, self.last = lessons, last
        self.requests = [*(request for missing in lessons for request in missing.requests), *last]
        super().__init__(f"{len(self.requests)} requests")


def recall_all(
    problems: list[Problem], settings: Settings, names: dict[str, str], store: Store, *, asked: bool
) -> Iterator[Taught]:
    """Every problem's lesson from the store, in order. Raises Lacking at the end if the store lacks answers.

    With `asked`, everything was asked before. Then a request that failed is a failure of its lesson, and any other
    request without an answer is an InputError.
    """
    lacking: list[Missing] = []
    last: list[Request] = []
    for problem in Bar(problems, desc="teacher store", unit="problem", delay=2):
        taught, missing = recall(problem, settings, names, store, asked=asked)
        if missing and isinstance(problem, BenchmarkProblem):
            last += missing.requests
        elif missing:
            lacking.append(missing)
        if taught and not (lacking or last):
            yield taught
    if not (lacking or last):
        return
    unanswered = Lacking(lacking, last)
    if asked:
        raise InputError(f"{unanswered} are unanswered though all were asked; run again.")
    raise unanswered


def recall(
    problem: Problem, settings: Settings, names: dict[str, str], store: Store, *, asked: bool
) -> tuple[Taught | None, Missing | None]:
    """One problem's lesson, or its first requests whose answers the store lacks."""
    steps = lesson(problem, settings, names)
    sent: Any = None
    verified = 0
    while True:
        try:
            wanted = steps.send(sent)
        except StopIteration as end:
            return end.value, None
        if isinstance(wanted, Check):
            sent = store.verdict(wanted.key(problem.answer))
            if sent is None:
                sent = verify(problem.answer, wanted.text).verdict == "CORRECT"
            verified += sent
            continue
        sent = [store.get(request) or (store.failure(request) if asked else None) for request in wanted]
        if None in sent:
            lacking = [request for request, reply in zip(wanted, sent, strict=True) if reply is None]
            return None, Missing(lacking, verified)


class Counts:
    """The counts of the metrics, added up lesson by lesson."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.problems: Counter[str] = Counter()
        self.benchmark: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.attempts: Counter[int] = Counter()
        self.truncated = 0
        self.used: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.usd: dict[tuple[str, str], float] = defaultdict(float)
        self._seen: set[str] = set()

    def add(self, taught: Taught) -> None:
        """Count one lesson. A request that two problems share is counted once, because it is paid once."""
        if taught.on_benchmark:
            self.benchmark.update(asked=1, failed=int(taught.answer is None))
        else:
            self.problems["answered" if taught.chains else "failed"] += 1
        self.problems["verified"] += taught.verified
        self.levels.update(chain.level for chain in taught.chains)
        self.truncated += sum(chain.finish_reason == "length" for chain in taught.chains)
        if taught.verified:
            self.attempts[taught.chains[0].attempt] += 1
        for asked in taught.asked:
            if asked.prompt_hash not in self._seen:
                self._seen.add(asked.prompt_hash)
                self._use(asked)

    def _use(self, asked: TracedRequest) -> None:
        who = (asked.role, asked.model)
        tokens = {"prompt_tokens": asked.prompt_tokens or 0, "completion_tokens": asked.completion_tokens or 0}
        self.used[who].update(requests=1, **tokens)
        self.usd[who] += asked.cost_usd

    def metrics(self) -> TeacherMetrics:
        """Counts, and tokens and money by role and model."""
        used = self.used.values()
        return TeacherMetrics(
            teacher=self.settings.teacher,
            problems=self.problems["answered"] + self.problems["failed"],
            answered=self.problems["answered"],
            failed=self.problems["failed"],
            verified=self.problems["verified"],
            verified_at_attempt={str(attempt): count for attempt, count in sorted(self.attempts.items())},
            truncated_chains=self.truncated,
            chains={level: self.levels[level] for level in LEVELS},
            requests=sum(one["requests"] for one in used),
            prompt_tokens=sum(one["prompt_tokens"] for one in used),
            completion_tokens=sum(one["completion_tokens"] for one in used),
            cost_usd=round(sum(self.usd[who] for who in sorted(self.usd)), 6),
            by_role={
                role: RoleUsage(model=model, **counted, cost_usd=round(self.usd[role, model], 6))
                for (role, model), counted in sorted(self.used.items())
            },
            benchmark=BenchmarkAnswers(asked=self.benchmark["asked"], failed=self.benchmark["failed"])
            if self.settings.benchmark
            else None,
        )


def write(lessons: Iterable[Taught], settings: Settings) -> TeacherMetrics:
    """Write data/teacher_cot and the metrics, and return the metrics. `lessons` are in the order of problem ids.

    Raises InputError, and leaves the old outputs, when every lesson failed.
    """
    counts, reason = Counts(settings), ""
    with replacing_folder("data/teacher_cot") as out:
        with contextlib.ExitStack() as stack:
            wanted = {
                "judgements": settings.judge,
                "benchmark": settings.benchmark,
                "attempts": settings.chains_per_problem > 1,
            }
            names = ["chains", "requests", "failed", *(name for name, kept in wanted.items() if kept)]
            files = {name: stack.enter_context(replacing(out / f"{name}.jsonl")) for name in names}
            for taught in lessons:
                counts.add(taught)
                reason = taught.failures[0].reason if taught.failures else reason
                chains = sorted(taught.chains, key=lambda chain: chain.level)
                for name, records in (
                    ("chains", chains),
                    ("requests", taught.asked),
                    ("failed", taught.failures),
                    ("judgements", taught.judgements),
                    ("benchmark", [taught.answer] if taught.answer else []),
                    ("attempts", taught.attempts if wanted["attempts"] else []),
                ):
                    for record in records:
                        files[name].write(record.model_dump_json() + "\n")
        if counts.problems["failed"] and not counts.problems["answered"]:
            said = f"no problem was answered; the last one failed with: {reason}."
            if settings.teacher == "embedded":
                said += (
                    " The embedded teacher solves only what `raw.source: sample` makes: for other exams set"
                    " teacher_cot.teacher to openai or replay (docs/teacher.md)."
                )
            raise InputError(said)
        metrics = counts.metrics()
        write_json("metrics/teacher_cot.json", metrics.model_dump())
    return metrics
