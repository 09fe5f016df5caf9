"""Where nothing happens nothing is claimed: every sentence of the report and of what `make repro` prints."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import stages.eval.__main__ as eval_stage
import stages.length_sweep.__main__ as sweep_stage
import stages.verified.__main__ as verified_stage
from distil.pipeline.files import read_record
from distil.pipeline.results import EvalMetrics
from distil.pipeline.sweep_results import SweepMetrics
from stages.report.answer import answer
from stages.report.claims import claims
from stages.report.inputs import Run, load_run
from stages.report.pictures import plans
from stages.report.questions import collect
from tests.report import synthetic
from tools.summary import lengths, result

FINDINGS = {
    "an effect": r"\b(raised|lowered|gains|loses) ",
    "a leak": r"would have shown",
    "the chains’ length": r"\b(falls|rises) from R1",
    "against the length": r"Against it",
    "one section": r"\b(loses|gains) (more|less) from",
    "the control": r"teach (more|less) than",
    "a better prompt": r"more than the student|brings? out",
    "the seeds": r"The seeds(,| dominate)",
    "the published numbers": r"[1-9]\d* of \d+ comparisons with published numbers",
}
"""What would be a claim, by what it is about."""
DIRECTIONS = re.compile(
    r"\b(more|less|fewer|better|worse|above|below|over|higher|lower|improves?|gain(s|ed)?|raise[sd]?|helps?|lost)\b"
)
NEUTRAL = (
    "can be claimed", "cannot be told", "cannot be said", "neither can be said", "is not known", "Whether",
    "cannot tell", "which is better", "would narrow it", "more than the seeds, limit",
    "over all seeds", "mean over seeds", "(t interval over seeds)", "validation problem",
    "have their counterparts above",
)  # fmt: skip
"""What a sentence that compares says where nothing can be claimed, and what compares nothing that was found."""
COUNTED = re.compile(r"\d+ gained, \d+ lost")


def play(folder: Path, null: int | None, seeds: Sequence[int] = (0, 1, 2)) -> Run:
    """A run scored by the real stages: 180 contest questions, every level."""
    synthetic.write_run(folder, synthetic.problems(5), synthetic.transfer(60), seeds, null=null)
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        for stage in (verified_stage, eval_stage, sweep_stage):
            patch.setattr("sys.argv", [stage.__name__])
            stage.main()
        return load_run()


def said(folder: Path, run: Run) -> Iterator[str]:
    """Every sentence of the page's text, captions and alternative texts, and of what `make repro` prints."""
    questions = collect(run.problems, run.scored, run.level_scored, run.chains, run.main_folds, run.students)
    with contextlib.chdir(folder):
        top, found = answer(run, {}), claims(run, {})
        texts = [top.title, top.tested, top.text]
        texts += [text for claim in found for text in (claim.title, *claim.text)]
        texts += [text for plan in plans(run, questions) for text in (plan.caption, plan.alternative)]
        texts += result(read_record("metrics/eval.json", EvalMetrics))
        texts += lengths(read_record("metrics/length_sweep.json", SweepMetrics))
    for text in texts:
        yield from re.split(r"(?<=[.:;?!]) (?=[A-Z“])", text)


def findings(sentences: list[str]) -> set[str]:
    """What the sentences claim something about."""
    return {
        name
        for name, pattern in FINDINGS.items()
        if any(re.search(pattern, one) and not any(word in one for word in NEUTRAL) for one in sentences)
    }


@pytest.fixture(scope="module")
def effect(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The sentences on a run in which much happens, with enough seeds to see it."""
    folder = tmp_path_factory.mktemp("effect")
    return list(said(folder, play(folder, None, range(5))))


@pytest.fixture(scope="module", params=[0, 1])
def nothing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The sentences on a run in which everybody gives the same answers, or in which all draw with one chance."""
    folder = tmp_path_factory.mktemp("nothing")
    return list(said(folder, play(folder, request.param)))


def test_where_nothing_happens_nothing_is_claimed(nothing: list[str]) -> None:
    assert findings(nothing) == set()
    assert any("No effect of distillation can be claimed" in one for one in nothing)


def test_a_sentence_that_compares_says_that_nothing_can_be_claimed(nothing: list[str]) -> None:
    """Whatever the pattern of a claim: a word of direction stands only where the sentence takes it back."""
    loose = [one for one in nothing if DIRECTIONS.search(COUNTED.sub("", one))]
    assert len(loose) > 5 and [one for one in loose if not any(word in one for word in NEUTRAL)] == []


def test_where_much_happens_it_is_claimed(effect: list[str]) -> None:
    assert {"an effect", "the chains’ length", "the control"} <= findings(effect)
    assert any(DIRECTIONS.search(one) and not any(word in one for word in NEUTRAL) for one in effect)


@pytest.mark.slow
def test_chance_makes_a_claim_no_more_often_than_one_time_in_twenty(tmp_path: Path) -> None:
    """Of 20 runs in which nothing happens each kind of claim is made in at most 4: more has a chance below 0.003."""
    made: Counter[str] = Counter()
    for null in range(1, 21):
        folder = tmp_path / str(null)
        made.update(findings(list(said(folder, play(folder, null)))))
    print(dict(made))
    assert max(made.values(), default=0) <= 4
