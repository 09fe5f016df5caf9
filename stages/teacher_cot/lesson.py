"""How one problem is taught: solver, distiller, the verifier's check, compressor. No network, no store, no key.

A lesson is a generator. It yields requests to be answered, or a chain to be checked, and is sent the replies. So the
same code runs against the endpoint and against the store, and it cannot see the problem's key.
"""

import functools
import hashlib
import json
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from distil import verifier
from distil.endpoint import Body, Failed, Reply
from distil.pipeline.names import TEACHER
from distil.pipeline.records import Answer, Chain, Judgement, Level, Problem, Record
from distil.teacher import Request, RoleName, money
from stages.teacher_cot.request import Slots, request
from stages.teacher_cot.settings import Settings

VERDICT = re.compile(r"^[^A-Z\n]*(?:[A-Z ]+:[^A-Z\n]*)?((?:IN)?CORRECT)[^A-Z\n]*$", re.MULTILINE)
"""The judge's word on a line of its own, in bold or after `Verdict:` too. In a sentence it may be negated or quoted."""


@dataclass(frozen=True)
class Check:
    """A chain for the verifier to compare with the key."""

    text: str

    def key(self, gold: str) -> str:
        """The name of this verifier's verdict on the chain and a key. It changes when the verifier changes."""
        return hashlib.sha256(json.dumps([_verifier(), gold, self.text]).encode()).hexdigest()


@functools.cache
def _verifier() -> str:
    """The verifier's name. It changes with its code, its vocabulary and the libraries that it uses."""
    digest = hashlib.sha256(f"{version('math-verify')} {version('sympy')}".encode())
    folder = Path(verifier.__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


class BenchmarkProblem(Problem):
    """A question of the transfer benchmark. The solver answers it, and its answer is not distilled."""


class Failure(Record):
    """A missing chain or answer, with the reason. The level is None where the problem has no chain at all."""

    problem_id: str
    level: Level | None
    reason: str


class TracedRequest(Record):
    """One request behind the output. With it every chain can be traced to the store."""

    problem_id: str
    role: RoleName
    level: Level | None
    attempt: int
    model: str
    prompt_hash: str
    sampling: Body
    answer: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int
    finish_reason: str
    cost_usd: float = Field(exclude=True)  # for the metrics, not for the output


@functools.lru_cache(maxsize=256)
def final_answer(text: str) -> str | None:
    """The final answer of a reply. It is cached, because a lesson needs it twice."""
    return verifier.extract(text).answer


@dataclass
class Taught:
    """All results of one problem's lesson."""

    problem_id: str
    chains: list[Chain] = field(default_factory=list)
    attempts: list[Chain] = field(default_factory=list)
    """The R1 chains of all attempts, one of `chains` among them."""
    on_benchmark: bool = False
    answer: Answer | None = None
    """The solver's own answer to a benchmark's question."""
    verified: bool = False
    failures: list[Failure] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    asked: list[TracedRequest] = field(default_factory=list)


Steps = Generator[list[Request] | Check, Any, None]
"""A generator. It yields requests and is sent a Reply or Failed for each, or yields a Check and is sent a bool."""


Wanted = tuple[Level | None, int, Slots]
"""A question to a role: the level of its chain, the attempt, and the values for the prompt."""


class Lesson:
    """The teaching of one problem. It knows the problem's text and nothing else about it."""

    def __init__(self, problem_id: str, question: str, settings: Settings, endpoints: dict[str, str]):
        """`endpoints` maps each endpoint's name in the settings to its name in stored requests."""
        self.question = question
        self.settings = settings
        self.endpoints = endpoints
        self.taught = Taught(problem_id)

    def teach(self) -> Steps:
        """Attempt until enough chains verify, then have the first of these compressed."""
        verified, reasons = 0, []
        for attempt in range(1, self.settings.samples_per_problem + 1):
            chain = yield from self._attempt(attempt)
            if isinstance(chain, str):
                reasons.append(chain)
                continue
            self.taught.attempts.append(chain)
            # a chain that was cut off is rejected whatever it says, so another attempt follows
            correct: bool = chain.finish_reason != "length" and (yield Check(chain.text))
            verified += correct
            if correct and verified == 1:
                self.taught.verified = True
                self.taught.chains = [chain]
                yield from self._compress(chain)
            if verified == self.settings.chains_per_problem:
                break
        if not verified:
            # keep the first attempt: with more samples the unverified chain stays the same
            self.taught.chains = self.taught.attempts[:1]
            if not self.taught.chains:
                self._fail(None, "; ".join(dict.fromkeys(reasons)))

    def solve(self) -> Steps:
        """Have the solver answer once. A reply that was cut off is kept as it is."""
        self.taught.on_benchmark = True
        ((_, solved),) = yield from self._ask("solver", [(None, 1, {"question": self.question})])
        if isinstance(solved, Failed):
            self._fail(None, f"solver: {solved.reason}")
            return
        self.taught.answer = Answer(
            problem_id=self.taught.problem_id, benchmark="transfer", model=TEACHER, fold=None, role="unseen",
            text=(solved.text or solved.reasoning).strip(), prompt_tokens=solved.usage.prompt_tokens,
            completion_tokens=solved.usage.completion_tokens,
            finish_reason="length" if solved.truncated else "stop",
        )  # fmt: skip

    def judge(self, gold: str) -> Steps:
        """Have every chain judged against the key. No other role sees the key."""
        wanted: list[Wanted] = [
            (chain.level, 1, {"question": self.question, "gold": gold, "solution": chain.text})
            for chain in self.taught.chains
        ]
        replies = yield from self._ask("judge", wanted)
        for chain, (_, reply) in zip(self.taught.chains, replies, strict=True):
            if isinstance(reply, Failed):
                self._fail(chain.level, f"judge: {reply.reason}")
                continue
            words = set(VERDICT.findall(reply.text.upper()))
            verdict: Any = words.pop() if len(words) == 1 and not reply.truncated else "UNCLEAR"
            self.taught.judgements.append(
                Judgement(problem_id=self.taught.problem_id, level=chain.level, verdict=verdict)
            )

    def _attempt(self, attempt: int) -> Generator[list[Request], Any, Chain | str]:
        """One distilled solution, or the reason why there is none."""
        ((_, solved),) = yield from self._ask("solver", [(None, attempt, {"question": self.question})])
        if isinstance(solved, Failed):
            return f"solver: {solved.reason}"
        if solved.truncated:
            return "solver: cut off at its cap (finish_reason: length); raise roles.solver.max_tokens_if_truncated"
        answer = final_answer(solved.text or solved.reasoning)
        if answer is None:
            return "solver: no final answer in its reply"
        values: Slots = {"question": self.question, "reasoning": solved.all_thoughts, "answer": answer}
        ((asked, distilled),) = yield from self._ask("distiller", [("R1", attempt, values)])
        if isinstance(distilled, Failed):
            return f"distiller: {distilled.reason}"
        return self._chain("R1", "distiller", asked, distilled)

    def _compress(self, chain: Chain) -> Generator[list[Request], Any, None]:
        """Ask for all levels at once, each made from the R1 chain."""
        count = len(chain.text.split())
        wanted: list[Wanted] = [
            (level, chain.attempt, {
                "question": self.question, "solution": chain.text, "level": level, "solution_words": count,
                "words": max(1, round(share * count)), "percent": round(100 * share),
            })
            for level, share in sorted(self.settings.levels.items())
        ]  # fmt: skip
        replies = yield from self._ask("compressor", wanted)
        for (level, _, _), (asked, reply) in zip(wanted, replies, strict=True):
            assert level is not None
            if isinstance(reply, Failed):
                self._fail(level, f"compressor: {reply.reason}")
            else:
                self.taught.chains.append(self._chain(level, "compressor", asked, reply))

    def _ask(
        self, role: RoleName, wanted: Sequence[Wanted]
    ) -> Generator[list[Request], Any, list[tuple[Request, Reply | Failed]]]:
        """Ask all at once. Where a reply was cut off and the role has a larger cap, ask once more with that cap.

        Returns the last request of each with its reply.
        """
        asked = [self._request(role, attempt, values) for _, attempt, values in wanted]
        replies = yield asked
        for (level, _, _), question, reply in zip(wanted, asked, replies, strict=True):
            self._note(question, reply, level)
        last = list(zip(asked, replies, strict=True))
        larger = self.settings.roles[role].max_tokens_if_truncated
        cut = [place for place, reply in enumerate(replies) if isinstance(reply, Reply) and reply.truncated]
        if larger and cut:
            again = [self._request(role, wanted[place][1], wanted[place][2], larger) for place in cut]
            replies = yield again
            for place, question, reply in zip(cut, again, replies, strict=True):
                self._note(question, reply, wanted[place][0])
                last[place] = (question, reply)
        return last

    def _request(self, role: RoleName, attempt: int, values: Slots, max_tokens: int | None = None) -> Request:
        setting = self.settings.roles[role]
        return request(role, setting, self.endpoints[setting.endpoint], attempt, values, max_tokens)

    def _chain(self, level: Level, role: Literal["distiller", "compressor"], asked: Request, reply: Reply) -> Chain:
        return Chain(
            problem_id=self.taught.problem_id,
            level=level,
            role=role,
            model=asked.model,
            prompt_hash=asked.key,
            sampling=asked.sampling,
            text=reply.text.strip(),
            answer=final_answer(reply.text),
            prompt_tokens=reply.usage.prompt_tokens,
            completion_tokens=reply.usage.completion_tokens,
            finish_reason=reply.finish_reason,
            attempt=asked.attempt,
        )

    def _note(self, asked: Request, reply: Reply | Failed, level: Level | None) -> None:
        """Record an answered request. A refusal that was paid is one, too."""
        if used := reply.usage:
            self.taught.asked.append(
                TracedRequest(
                    problem_id=self.taught.problem_id,
                    role=asked.role,
                    level=level,
                    attempt=asked.attempt,
                    model=asked.model,
                    prompt_hash=asked.key,
                    sampling=asked.sampling,
                    answer=final_answer(reply.text) if isinstance(reply, Reply) else None,
                    prompt_tokens=used.prompt_tokens,
                    completion_tokens=used.completion_tokens,
                    cached_tokens=used.cached_tokens,
                    finish_reason=reply.finish_reason if isinstance(reply, Reply) else "content_filter",
                    cost_usd=money.paid(self.settings.prices.get(asked.model), asked, used),
                )
            )

    def _fail(self, level: Level | None, reason: str) -> None:
        self.taught.failures.append(Failure(problem_id=self.taught.problem_id, level=level, reason=reason))


def lesson(problem: Problem, settings: Settings, endpoints: dict[str, str]) -> Generator[Any, Any, Taught]:
    """All requests of one problem: the teaching, which sees only the problem's text, and the judge if one is wanted.

    A benchmark's question is answered and not taught.
    """
    lesson = Lesson(problem.id, problem.question, settings, endpoints)
    if isinstance(problem, BenchmarkProblem):
        yield from lesson.solve()
        return lesson.taught
    yield from lesson.teach()
    if settings.judge:
        yield from lesson.judge(problem.answer)
    return lesson.taught
