"""Scans read by a model: a server that is shown pictures, and replies in the ways that are reported."""

import base64
import io
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from fpdf import FPDF
from PIL import Image

from distil.endpoint import Reply, Usage
from distil.exams.files import describe
from distil.exams.left_out import LeftOut
from distil.pipeline.files import InputError, write_json
from distil.pipeline.records import Problem
from stages.parsed.__main__ import ParsedParams, read_exams, show_status
from stages.parsed.vision import Reading, SeenPage, reading_of, sections
from tests.teacher_cot.support import ROOT, Server, block
from tools.params import compose
from tools.plan.work import ask_no_reader

ASKED = {1: r"Find $\frac{1}{2} + 1$.", 2: "Find 2 + 2."}
KEYS = {1: r"$\frac{3}{2}$", 2: "4"}
PRICES = {"see": {"input": 1.0, "output": 4.0}}


def reading(asked: dict[int, str] | None = None, keys: dict[int, str] | None = None, sure: float = 0.99) -> str:
    """A reply as it is asked for."""
    asked, keys = asked or {}, keys or {}
    items = [[{"number": n, "text": text, "confidence": sure} for n, text in some.items()] for some in (asked, keys)]
    return json.dumps({"section": None, "continued": "", "questions": items[0], "answers": items[1]})


RIGHT = {"questions": reading(ASKED), "key": reading(keys=KEYS)}


class Model:
    """A model that sees pages: it gives `replies` of a page first, texts or parts of the choice, then right ones."""

    def __init__(self, **replies: list[str | dict[str, Any]]):
        self.replies = replies
        self.server = Server(reply=self.reply)

    def reply(self, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        text, picture = request["messages"][0]["content"]
        assert "Solve nothing" in text["text"]
        scheme, data = picture["image_url"]["url"].split(",")
        assert scheme == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            page = "key" if image.width > image.height else "questions"  # the key is printed across its page
        told = (self.replies.get(page) or [RIGHT[page]]).pop(0)
        choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": told}}
        if isinstance(told, dict):
            choice |= told
        usage = {"prompt_tokens": 3000, "completion_tokens": 200}
        return 200, {}, json.dumps({"model": request["model"], "choices": [choice], "usage": usage}).encode()


@pytest.fixture
def scan(tmp_path, monkeypatch) -> Path:
    """A folder with one exam of two pages that are pictures: questions upright, the key across."""
    path = tmp_path / "data/raw/exams/2019-final_round.pdf"
    path.parent.mkdir(parents=True)
    document = FPDF(unit="pt")
    for width, height in ((400, 500), (500, 400)):
        picture = tmp_path / f"{width}.png"
        Image.new("L", (width, height), 200).save(picture)
        document.add_page(format=(width, height))
        document.image(str(picture), 0, 0, width, height)
    document.output(path)
    exam = describe(path, path.name, 2019, "final_round").model_dump()
    write_json(tmp_path / "data/raw/manifest.json", {"source": "folder", "origin": "", "licence": "", "exams": [exam]})
    monkeypatch.chdir(tmp_path)
    return path


def params(url: str, budget: float | None = None, **role: Any) -> ParsedParams:
    """Write params.yaml for a reader at `url`, and return its block `parsed`."""
    reader = {"endpoint": "eyes", "model": "see", "max_tokens": 900, "expected_tokens": 200} | role
    teacher = block(budget_usd=budget, prices=PRICES, endpoints={"eyes": {"base_url": url}}, roles={"reader": reader})
    parsed = {"reader": "vision", "errata": True, "least_confidence": 0.9}
    Path("params.yaml").write_text(yaml.safe_dump({"teacher_cot": teacher, "parsed": parsed}))
    return ParsedParams.model_validate(parsed)


def read(model: Model, **role: Any) -> tuple[list[Problem], list[LeftOut]]:
    with model.server.running() as url:
        return read_exams(params(url, **role))[:2]


def reasons(left_out: list[LeftOut]) -> dict[int, str]:
    return {question.number: question.reason for question in left_out}


def test_a_model_reads_every_page_twice_and_is_paid_once(scan, capsys):
    model = Model()
    with model.server.running() as url:
        block = params(url, budget=1.0)
        show_status(block)
        assert "still to ask: about 4 requests, about $0.0" in capsys.readouterr().out
        with pytest.raises(InputError, match=r"^the exams are not read yet: .* about 4 requests, about \$0.0"):
            ask_no_reader(Path.cwd())
        problems, left_out, _ = read_exams(block)
    assert {problem.number: (problem.question, problem.answer, problem.page) for problem in problems} == {
        number: (ASKED[number], KEYS[number], 1) for number in ASKED
    }
    assert left_out == []
    assert len(model.server.requests) == 4
    show_status(block)  # the server is gone: all comes from the store
    assert capsys.readouterr().out == "still to ask: about 0 requests, about $0.00\nspent: $0.0152\n"
    assert read_exams(block) == (problems, [], 0)
    ask_no_reader(Path.cwd())


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("I see an exam with two questions.", "no JSON"),
        (RIGHT["questions"][:-9], "no JSON"),
        ('{"questions": [{"number": "one", "text": "Find 1."}]}', "not the JSON asked for (questions.0.number"),
        ({"message": {"content": None, "refusal": "I cannot help with exams."}}, "refused: I cannot help with exams."),
        ({"finish_reason": "length", "message": {"content": RIGHT["questions"][:50]}}, "cut off at its cap (raise"),
    ],
)
def test_a_reply_that_is_no_reading_is_asked_for_once_more(scan, capsys, first, said):
    model = Model(questions=[first])
    problems, left_out = read(model)
    assert [problem.question for problem in problems] == list(ASKED.values()) and left_out == []
    assert f"page 1: a reply that is no reading: {said}" in capsys.readouterr().err
    assert len(model.server.requests) == 5


def test_a_page_that_is_never_read_leaves_its_questions_out(scan):
    refused = {"finish_reason": "content_filter", "message": {"content": ""}}
    problems, left_out = read(Model(questions=[refused] * 3))
    assert (problems, reasons(left_out)) == ([], {1: "its page was not read", 2: "its page was not read"})


def test_a_page_that_is_read_once_leaves_its_questions_out(scan):
    problems, left_out = read(Model(questions=["no", "no"]))
    assert (problems, set(reasons(left_out).values())) == ([], {"its page was not read twice"})


@pytest.mark.parametrize(
    ("page", "second", "reason"),
    [
        ("questions", reading(ASKED | {2: "Find 2 + 3."}), "its two readings differ"),
        ("questions", reading({1: ASKED[1]}), "its two readings differ"),
        ("key", reading(keys=KEYS | {2: "5"}), "its two readings differ"),
        ("key", reading(keys={1: KEYS[1]}), "its two readings differ"),
        ("questions", RIGHT["questions"].replace("0.99}]", "0.5}]"), "read with too little confidence"),
        ("key", RIGHT["key"].replace("0.99}]", "0.5}]"), "read with too little confidence"),
    ],
)
def test_what_is_not_read_alike_or_not_surely_is_left_out(scan, page, second, reason):
    problems, left_out = read(Model(**{page: [RIGHT[page], second]}))
    assert ([problem.number for problem in problems], reasons(left_out)) == ([1], {2: reason})


@pytest.mark.parametrize("part", ["questions", "answers"])
def test_a_number_that_comes_twice_is_left_out(scan, part):
    """The same number twice on a page: which of the two texts belongs to it, nobody can tell."""
    page = "questions" if part == "questions" else "key"
    twice = json.loads(RIGHT[page])
    twice[part].append(twice[part][-1] | {"text": "7"})
    problems, left_out = read(Model(**{page: [json.dumps(twice)] * 2}))
    assert ([problem.number for problem in problems], reasons(left_out)) == ([1], {2: "its number comes twice"})


def test_a_reply_that_is_cut_off_is_asked_for_with_the_larger_cap(scan):
    cut = {"finish_reason": "length", "message": {"content": "{"}}
    model = Model(questions=[cut])
    problems, _ = read(model, max_tokens_if_truncated=5000)
    assert len(problems) == 2
    caps = [request["body"]["max_tokens"] for request in model.server.requests]
    assert sorted(caps) == [900, 900, 900, 900, 5000]


def test_a_budget_stops_the_reader_before_it_is_exceeded(scan):
    model = Model()
    with model.server.running() as url, pytest.raises(InputError, match=r"budget_usd: \$0.0000 of \$0.0010 are spent"):
        read_exams(params(url, budget=0.001))
    assert model.server.requests == []


def test_a_reader_without_a_role_or_an_address_is_one_message(scan):
    with pytest.raises(InputError, match=r"endpoints.eyes needs a base_url, and parsed.reader is vision"):
        read_exams(params(""))


def test_the_example_of_the_page_reads_a_folder_of_scans(scan, tmp_path):
    page = (ROOT / "docs/own-exams.md").read_text("utf-8")
    command = re.search(r"^    (dvc exp run parsed -S profile=own-teacher .*(?:\n +-S .*)*)", page, re.M)[1]
    words = shlex.split(command.replace("\\\n", " "))
    overrides = [setting for flag, setting in itertools.pairwise(words) if flag == "-S"]
    (tmp_path / "my-scans").mkdir()
    (tmp_path / "models").symlink_to(ROOT / "models")
    shutil.move(scan, tmp_path / "my-scans/2019 Final Round.pdf")
    shutil.rmtree("data")
    model = Model()
    with model.server.running() as url:
        compose(tmp_path / "params.yaml", [re.sub(r"http://[^/]*/v1", url, setting) for setting in overrides])
        for stage in ("raw", "parsed"):
            done = subprocess.run(
                [sys.executable, "-m", f"stages.{stage}"], env=os.environ | {"PYTHONPATH": str(ROOT)},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
    assert done.stdout == "2 problems, 0 left out -> data/parsed\n"
    assert {request["body"]["model"] for request in model.server.requests} == {"Qwen/Qwen2.5-VL-7B-Instruct"}


def seen(number: int, **parts: Any) -> SeenPage:
    """A page as both readings have it."""
    for name in {"questions", "answers"} & parts.keys():
        parts[name] = [{"number": n, "text": text, "confidence": 1} for n, text in parts[name].items()]
    return SeenPage(number, [Reading.model_validate(parts)] * 2)


def test_titles_tell_the_sections_and_a_question_goes_on_over_the_page():
    found = sections(
        Path("2020 All Tests.pdf"),
        [
            seen(1, section="2020 Freshman-Sophomore Individual Test", questions={1: "Find 1.", 2: "Find"}),
            seen(2, continued="2 + 2.", questions={3: "Find 3."}),
            seen(3, section="5-Person Team Test", questions={1: "Prove it."}),
            seen(4, section="Junior-Senior Individual Test", questions={1: "Find 4."}),
            seen(5, section="Freshman-Sophomore Individual Test", answers={1: "1", 2: "4", 3: "3"}),
        ],
        None,
    )
    assert {
        name: ([one.text for one in asked], [one.text for one in keys]) for name, (asked, keys) in found.items()
    } == {
        "freshman_sophomore_test": (["Find 1.", "Find 2 + 2.", "Find 3."], ["1", "4", "3"]),
        "junior_senior_test": (["Find 4."], []),
    }


@pytest.mark.parametrize(
    ("title", "again", "message"),
    [
        ("Junior-Senior Test", "questions", "page 3: its heading names junior_senior_test, and one before it freshman"),
        ("Round 2", "questions", "page 3: the numbers begin again at 1"),
        ("Round 2", "answers", "page 3: the numbers begin again at 1"),
    ],
)
def test_a_file_of_one_section_that_holds_two_is_refused(title, again, message):
    pages = [
        seen(1, section="Freshman-Sophomore Test", questions={1: "Find 1.", 2: "Find 2."}),
        seen(2, answers={1: "1", 2: "2"}),
        seen(3, section=title, **{again: {1: "Find 3.", 2: "Find 4."}}),
    ]
    with pytest.raises(InputError, match=f"2019-contest.pdf, {message}"):
        sections(Path("2019-contest.pdf"), pages, "contest")


def test_where_two_readings_of_a_page_part_its_neighbours_are_in_doubt():
    def page(number: int, *readings: dict[str, Any]) -> SeenPage:
        asked = [{"number": 1, "text": "Find x if", "confidence": 1}]
        own = {"questions": asked} if number == 1 else {}
        return SeenPage(number, [Reading.model_validate(own | parts) for parts in readings])

    title, other = {"section": "Junior-Senior Test"}, {"section": "Freshman-Sophomore Test"}
    for pages, doubt in (
        ([page(1, title, title), page(2, {}, {})], None),
        ([page(1, title, title), page(2, {"continued": None}, {"continued": "x + 2 = 5."})], "its two readings differ"),
        ([page(1, title, title), page(2)], "its page was not read"),
        ([page(1, title, other)], "its two readings differ"),
    ):
        (question,) = sections(Path("all.pdf"), pages, None)["junior_senior_test"][0]
        assert question.doubt == doubt, pages


def test_single_backslashes_are_read_or_left_out(scan):
    def of(text: str) -> Reading | str:
        return reading_of(Reply(text, "", "stop", Usage()))

    lone = of(r'```json {"questions": [{"number": 1, "text": "Find $\sqrt{\frac{1}{2}}$.", "confidence": 1}]} ```')
    assert isinstance(lone, Reading) and lone.questions[0].text == r"Find $\sqrt{\frac{1}{2}}$."
    mixed = of(r'{"questions": [{"number": 1, "text": "Find $\\frac{\sqrt{2}}{3}$\nfor x.", "confidence": 1}]}')
    assert isinstance(mixed, Reading) and mixed.questions[0].text == "Find $\\frac{\\sqrt{2}}{3}$\nfor x."
    swallowed = r'{"questions": [{"number": 1, "text": "Find $\frac{1}{2}$.", "confidence": 1}]}'  # JSON: a form feed
    problems, left_out = read(Model(questions=[swallowed, swallowed], key=[reading(keys={1: "x"})] * 2))
    assert (problems, reasons(left_out)) == ([], {1: "holds a sign that is not read"})
