"""From the store to the stage's outputs: nothing here waits for an endpoint, so the same store gives the same bytes."""

import contextlib
import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from tqdm import tqdm

from stages.common.answers import verify
from stages.common.files import InputError, replacing, replacing_folder
from stages.common.records import LEVELS, Problem, Verdict
from stages.teacher_cot import money
from stages.teacher_cot.dialogue import Request, Usage
from stages.teacher_cot.settings import Settings
from stages.teacher_cot.store import Store
from stages.teacher_cot.teach import Asked, Check, Taught, lesson


@functools.lru_cache(maxsize=20_000)
def _verify(gold: str, text: str) -> Verdict:
    return verify(gold, text)


def recall(
    problem: Problem, settings: Settings, names: dict[str, str], store: Store
) -> tuple[Taught | None, list[Request]]:
    """One problem's lesson from the store, and the requests that have no answer there.

    A request that a run has tried in vain is a failure of the lesson. Without one, the lesson ends at the first
    request that is still to be asked, and there is no result.
    """
    dialogue = lesson(problem, settings, names)
    sent: Any = None
    missing: list[Request] = []
    while True:
        try:
            wanted = dialogue.send(sent)
        except StopIteration as end:
            return end.value, missing
        if isinstance(wanted, Check):
            sent = _verify(problem.answer, wanted.text)
            continue
        sent = [store.get(request) for request in wanted]
        for number, request in enumerate(wanted):
            if sent[number] is None:
                missing.append(request)
                sent[number] = store.failure(request)
        if None in sent:
            return None, missing


def missing(problems: list[Problem], settings: Settings, names: dict[str, str], store: Store) -> list[Request]:
    """The requests that have no answer in the store; what a lesson asks after them is not known yet."""
    with tqdm(problems, desc="teacher store", unit="problem", delay=2) as bar:
        return [request for problem in bar for request in recall(problem, settings, names, store)[1]]


def recall_all(problems: list[Problem], settings: Settings, names: dict[str, str], store: Store) -> Iterator[Taught]:
    """Every problem's lesson from the store. Raises InputError where one is neither answered nor has failed."""
    for problem in tqdm(problems, desc="teacher chains", unit="problem", delay=2):
        taught, _ = recall(problem, settings, names, store)
        if taught is None:
            raise InputError(f"{problem.id} is unanswered though all was asked; run again.")
        yield taught


class Counts:
    """What the metrics count, lesson by lesson."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.problems: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.attempts: Counter[int] = Counter()
        self.truncated = 0
        self.used: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.usd: dict[tuple[str, str], float] = defaultdict(float)
        self._seen: set[str] = set()

    def add(self, taught: Taught) -> None:
        """Count one lesson; a request that two problems share is counted once, as it is paid."""
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

    def _use(self, asked: Asked) -> None:
        who = (asked.role, asked.model)
        usage = Usage(asked.prompt_tokens, asked.completion_tokens, asked.cached_tokens)
        tokens = {"prompt_tokens": usage.prompt_tokens or 0, "completion_tokens": usage.completion_tokens or 0}
        self.used[who].update(requests=1, **tokens)
        self.usd[who] += money.cost(self.settings.prices.get(asked.model), usage)

    def metrics(self) -> dict[str, Any]:
        """Flat counts, and tokens and money by role and model."""
        return {
            "teacher": self.settings.teacher,
            "problems": self.problems["answered"] + self.problems["failed"],
            "answered": self.problems["answered"],
            "failed": self.problems["failed"],
            "verified": self.problems["verified"],
            "verified_at_attempt": {str(attempt): count for attempt, count in sorted(self.attempts.items())},
            "truncated_chains": self.truncated,
            "chains": {level: self.levels[level] for level in LEVELS},
            "requests": sum(used["requests"] for used in self.used.values()),
            "prompt_tokens": sum(used["prompt_tokens"] for used in self.used.values()),
            "completion_tokens": sum(used["completion_tokens"] for used in self.used.values()),
            "cost_usd": round(sum(self.usd[who] for who in sorted(self.usd)), 6),
            "by_role": {
                role: {"model": model, **used, "cost_usd": round(self.usd[role, model], 6)}
                for (role, model), used in sorted(self.used.items())
            },
        }


def write(lessons: Iterable[Taught], settings: Settings) -> dict[str, Any]:
    """Write data/teacher_cot and return the metrics; `lessons` come in the order of their problems' ids."""
    counts = Counts(settings)
    with replacing_folder("data/teacher_cot") as out, contextlib.ExitStack() as stack:
        names = ["chains", "requests", "failed", *(["judgements"] if settings.judge else [])]
        files = {name: stack.enter_context(replacing(out / f"{name}.jsonl")) for name in names}
        for taught in lessons:
            counts.add(taught)
            chains = sorted(taught.chains, key=lambda chain: chain.level)
            for name, records in (
                ("chains", chains),
                ("requests", taught.asked),
                ("failed", taught.failures),
                ("judgements", taught.judgements),
            ):
                for record in records:
                    files[name].write(record.model_dump_json() + "\n")
    return counts.metrics()
