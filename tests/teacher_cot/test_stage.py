"""The stage from its own command line, and what its roles are shown."""

import re
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from distil import verifier
from distil.endpoint import Reply, Usage
from distil.pipeline.command import run
from distil.pipeline.files import InputError, write_jsonl
from distil.pipeline.records import LEVELS, Answer, Chain
from distil.pipeline.subset import stratified
from stages.teacher_cot import lesson
from stages.teacher_cot.__main__ import main
from tests.teacher_cot.support import Server, Workspace, at, block, completion, problems, settings


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """The default profile's teacher on 40 problems, by its command."""
    workspace = Workspace(tmp_path_factory.mktemp("taught"), problems(40))
    done = workspace.run()
    assert done.returncode == 0, done.stderr
    workspace.said = done.stderr
    return workspace


def test_the_embedded_teacher_answers_everything(taught):
    metrics = taught.metrics()
    assert (metrics["problems"], metrics["answered"], metrics["failed"]) == (40, 40, 0)
    assert 30 <= metrics["verified"] < 40
    assert metrics["chains"] == {"R1": 40} | dict.fromkeys(LEVELS[1:], metrics["verified"])
    assert "about 280 requests to ask, about $0.00" in taught.said


def test_chains_are_sorted_records_that_lead_to_their_requests(taught):
    chains = [Chain.model_validate(row) for row in taught.rows("chains")]
    order = [(chain.problem_id, chain.level) for chain in chains]
    assert order == sorted(order)
    asked = {row["prompt_hash"]: row for row in taught.rows("requests")}
    for chain in chains:
        request = asked[chain.prompt_hash]
        assert (request["role"], request["model"], request["sampling"]) == (chain.role, chain.model, chain.sampling)
        assert chain.text.splitlines()[-1] == f"Answer: {chain.answer}"
    assert {row["role"] for row in asked.values()} == {"solver", "distiller", "compressor"}


def test_a_second_run_asks_nothing_and_writes_the_same(taught):
    before = taught.outputs()
    done = taught.command()
    assert done.returncode == 0 and "to ask" not in done.stderr
    assert taught.outputs() == before


def test_another_machine_writes_the_same(taught, tmp_path, monkeypatch):
    """Another store and another order of answers: the same chains, and from the same teacher the same bytes."""
    with Server({"500": 0.2}, latency=0.003).running() as url:
        other = Workspace(tmp_path / "openai", problems(40), **at(url, concurrency=3))
        other.run_here(monkeypatch)
    assert [row["text"] for row in other.rows("chains")] == [row["text"] for row in taught.rows("chains")]
    again = Workspace(tmp_path / "embedded", problems(40), endpoints={"test": {"concurrency": 2}})
    again.run_here(monkeypatch)
    assert again.outputs() == taught.outputs()


def test_the_solver_answers_the_benchmark_and_nothing_is_taught_of_it(taught, tmp_path):
    """Its questions are asked once, of the solver alone, cost what the status says, and leave the chains alone."""
    workspace = Workspace(tmp_path, problems(40), benchmark=True)
    benchmark = [problem.model_copy(update={"id": f"test/{problem.number}"}) for problem in problems(55)[40:]]
    write_jsonl(tmp_path / "data/transfer/problems.jsonl", benchmark)
    shutil.copytree(taught.folder / "cache", tmp_path / "cache")
    assert f"still to ask: about {len(benchmark)} requests" in workspace.command("--status").stdout
    done = workspace.command()
    assert done.returncode == 0, done.stderr
    answers = [Answer.model_validate(row) for row in workspace.rows("benchmark")]
    assert [answer.problem_id for answer in answers] == sorted(problem.id for problem in benchmark)
    keys = {problem.id: problem.answer for problem in benchmark}
    right = [verifier.verify(keys[answer.problem_id], answer.text).verdict == "CORRECT" for answer in answers]
    assert sum(right) > len(right) / 2
    assert workspace.metrics()["benchmark"] == {"asked": len(benchmark), "failed": 0}
    assert workspace.metrics()["problems"] == 40
    assert workspace.outputs()["data/teacher_cot/chains.jsonl"] == taught.outputs()["data/teacher_cot/chains.jsonl"]
    assert "benchmark" not in taught.metrics()
    asked = stratified(benchmark, 6)
    workspace.params(transfer=6, benchmark=True)
    assert workspace.command().returncode == 0
    assert [row["problem_id"] for row in workspace.rows("benchmark")] == sorted(asked)


def test_recorded_chains_answer_no_benchmark(tmp_path):
    done = Workspace(tmp_path, teacher="replay", benchmark=True).command()
    assert done.returncode == 1 and "benchmark needs a teacher that can be asked" in done.stderr


def test_status_export_and_import(taught, tmp_path):
    said = taught.command("--status").stdout.splitlines()
    assert said[0].split()[:4] == ["role", "model", "answered", "refused"]
    solver = next(line.split() for line in said if line.startswith("solver"))
    assert solver[1:6] == ["embedded/solver", "40", "0", "0", "0"]
    assert "still to ask: about 0 requests, about $0.00" in said
    exported = tmp_path / "answers.jsonl"
    assert taught.command("--export", str(exported)).stdout.endswith(f"answers written to {exported}\n")
    other = Workspace(tmp_path / "other", problems(40))
    assert "280 requests" in other.command("--status").stdout
    assert "answers added, 0 were known" in other.command("--import", str(exported)).stdout
    done = other.command()
    assert "to ask" not in done.stderr
    assert other.outputs() == taught.outputs()


def test_two_runs_at_once_share_a_store(tmp_path):
    """Neither asks what the other has asked."""
    chosen, server = problems(25), Server(latency=0.1)
    with server.running() as url:
        workspaces = [
            Workspace(tmp_path / name, chosen, **at(url) | {"store": str(tmp_path / "shared.sqlite")}) for name in "ab"
        ]
        processes = [workspace.start() for workspace in workspaces]
        assert [process.communicate() and process.returncode for process in processes] == [0, 0]
    assert server.asked_again == 0
    assert workspaces[0].outputs() == workspaces[1].outputs()


def test_no_request_shows_the_key(tmp_path, monkeypatch):
    """The keys are written so that they verify and yet stand in no problem and in no answer of the teacher."""
    chosen = [
        problem.model_copy(update={"answer": f"{int(problem.answer) * 7919}/7919"}) for problem in problems(20)
    ]  # fmt: skip
    server = Server()
    with server.running() as url:
        workspace = Workspace(tmp_path, chosen, judge=True, **at(url))
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["verified"] > 10
    shown = {role: 0 for role in ("solver", "distiller", "compressor", "judge")}
    for request in server.requests:
        shown[request["body"]["model"].split("/")[1]] += "7919" in str(request["body"])
    assert shown.pop("judge") > 0  # the one role that is there to see it
    assert shown == {"solver": 0, "distiller": 0, "compressor": 0}


def test_the_judge_is_a_second_opinion(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path, problems(20), judge=True)
    workspace.run_here(monkeypatch)
    judged = {(row["problem_id"], row["level"]): row["verdict"] for row in workspace.rows("judgements")}
    chains = workspace.rows("chains")
    assert set(judged) == {(chain["problem_id"], chain["level"]) for chain in chains}
    keys = {problem.id: problem.answer for problem in problems(20)}
    for chain in chains:
        right = chain["answer"] == keys[chain["problem_id"]]
        assert judged[chain["problem_id"], chain["level"]] == ("CORRECT" if right else "INCORRECT")


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("CORRECT", "CORRECT"),
        ("Incorrect.", "INCORRECT"),
        ("**Verdict:** CORRECT", "CORRECT"),
        ("Both are 5.\n\n**CORRECT**\n", "CORRECT"),
        ("INCORRECT\n\nThe correct answer is 6.", "INCORRECT"),
        ("NOT CORRECT", "UNCLEAR"),
        ("The final answer is not correct.", "UNCLEAR"),
        ("CORRECT\nNo, 5 is not 6.\nINCORRECT", "UNCLEAR"),
        ("", "UNCLEAR"),
    ],
)
def test_the_judges_verdict_is_a_line_of_its_own(said, verdict):
    assert judged(said, "stop") == verdict


def test_a_judge_that_was_cut_off_gave_no_verdict():
    assert judged("I have to say whether it is\nCORRECT", "length") == "UNCLEAR"


def judged(said: str, finish_reason: str) -> str:
    """The verdict in a judge's reply on a chain."""
    one = lesson.Lesson("1", "What is 2 + 3?", settings(judge=True), {"test": "test"})
    one.taught.chains = [
        Chain(problem_id="1", level="R1", role="distiller", model="m", prompt_hash="", sampling={}, text="Answer: 5",
              answer="5", finish_reason="stop")
    ]  # fmt: skip
    steps = one.judge("5")
    next(steps)
    with pytest.raises(StopIteration):
        steps.send([Reply(said, "", finish_reason, Usage())])
    return one.taught.judgements[0].verdict


def test_samples_stop_at_the_first_that_verifies(tmp_path, monkeypatch):
    chosen = problems(60)
    roles = block()["roles"]
    roles["solver"]["temperature"] = [0.0, 0.7]
    server = Server()
    with server.running() as url:
        once = Workspace(tmp_path / "once", chosen, **at(url), roles=roles)
        once.run_here(monkeypatch)
        thrice = Workspace(tmp_path / "thrice", chosen, samples_per_problem=3, **at(url), roles=roles)
        thrice.run_here(monkeypatch)
    assert thrice.metrics()["verified"] > once.metrics()["verified"]
    attempts = thrice.metrics()["verified_at_attempt"]
    assert attempts["1"] == once.metrics()["verified"] and attempts["2"] >= 1
    accepted = {row["problem_id"]: row["attempt"] for row in thrice.rows("chains") if row["level"] == "R6"}
    asked = [row for row in thrice.rows("requests") if row["role"] == "solver"]
    assert {row["sampling"]["temperature"] for row in asked if row["attempt"] > 1} == {0.7}
    for problem_id, attempt in accepted.items():
        assert max(row["attempt"] for row in asked if row["problem_id"] == problem_id) == attempt


def test_several_verified_chains_are_sought_and_only_the_first_is_compressed(tmp_path, monkeypatch):
    """The chains proper are those that one verified chain a problem would give."""
    chosen, roles = problems(40), block()["roles"]
    roles["solver"]["temperature"] = roles["distiller"]["temperature"] = [0.0, 0.7]
    server = Server()
    with server.running() as url:
        one = Workspace(tmp_path / "one", chosen, samples_per_problem=4, **at(url), roles=roles)
        one.run_here(monkeypatch)
        asked = len(server.requests)
        two = Workspace(
            tmp_path / "two", chosen, samples_per_problem=4, chains_per_problem=2, **at(url), roles=roles,
            store=str(one.folder / "cache/teacher.sqlite"),
        )  # fmt: skip
        two.run_here(monkeypatch)
    assert two.rows("chains") == one.rows("chains") and not (one.folder / "data/teacher_cot/attempts.jsonl").exists()
    roles_asked = Counter(row["role"] for row in two.rows("requests"))
    assert roles_asked["compressor"] == Counter(row["role"] for row in one.rows("requests"))["compressor"]
    assert len(server.requests) - asked == len(two.rows("requests")) - len(one.rows("requests")) > 0, (
        "none is paid twice"
    )

    keys = {problem.id: problem.answer for problem in chosen}
    right = defaultdict(list)
    for chain in two.rows("attempts"):
        right[chain["problem_id"]].append(chain["answer"] == keys[chain["problem_id"]])
    assert all(sum(verdicts) == 2 and verdicts[-1] for verdicts in right.values() if len(verdicts) < 4)
    first = {row["problem_id"]: row["attempt"] for row in two.rows("chains") if row["level"] == "R1"}
    texts = {(row["problem_id"], row["attempt"]): row["text"] for row in two.rows("attempts")}
    chains = {row["problem_id"]: row["text"] for row in two.rows("chains") if row["level"] == "R1"}
    assert chains == {name: texts[name, attempt] for name, attempt in first.items()}


def test_a_truncated_solver_without_a_larger_cap_fails(tmp_path, monkeypatch):
    roles = block()["roles"]
    roles["solver"] |= {"max_tokens": 9, "max_tokens_if_truncated": None}
    with pytest.raises(InputError, match=r"cut off at its cap \(finish_reason: length\)"):
        Workspace(tmp_path, problems(3), roles=roles).run_here(monkeypatch)


@pytest.mark.parametrize("role", ["solver", "distiller", "compressor", "judge"])
def test_a_truncated_reply_is_asked_again_with_the_larger_cap(tmp_path, monkeypatch, role):
    """All that were cut off, whichever the role, and no other."""

    def reply(request):
        cut = request["model"].endswith(role) and request["max_tokens"] == 9
        verdict = "CORRECT" if request["model"].endswith("judge") else f"1 + 1 = 2\n\nAnswer: {chosen[0].answer}"
        text, reason = ("1 + 1", "length") if cut else (verdict, "stop")
        return 200, {}, completion(request, text, finish_reason=reason)

    chosen, roles = problems(1), block()["roles"]
    roles[role] |= {"max_tokens": 9, "max_tokens_if_truncated": 512}
    with Server(reply=reply).running() as url:
        workspace = Workspace(tmp_path, chosen, judge=True, roles=roles, **at(url))
        workspace.run_here(monkeypatch)
    asked = [row for row in workspace.rows("requests") if row["role"] == role]
    batch = {"solver": 1, "distiller": 1, "compressor": 5, "judge": 6}[role]
    caps = [(row["finish_reason"], row["sampling"]["max_tokens"]) for row in asked]
    assert caps == [("length", 9)] * batch + [("stop", 512)] * batch
    assert {row["finish_reason"] for row in workspace.rows("chains")} == {"stop"}
    assert [row["verdict"] for row in workspace.rows("judgements")] == ["CORRECT"] * 6


def test_a_truncated_chain_does_not_verify(tmp_path, monkeypatch):
    """However right it looks: the next sample has its turn, and what was cut off is not compressed."""
    chosen, roles, told = problems(1), block()["roles"], []

    def reply(request):
        reason = "stop"
        if request["model"].endswith("distiller"):
            told.append(request)
            reason = "length" if len(told) == 1 else "stop"
        return 200, {}, completion(request, f"1 + 1 = 2\n\nAnswer: {chosen[0].answer}", finish_reason=reason)

    with Server(reply=reply).running() as url:
        workspace = Workspace(tmp_path, chosen, samples_per_problem=3, roles=roles, **at(url))
        workspace.run_here(monkeypatch)
    assert len(told) == 2 and workspace.metrics()["verified_at_attempt"] == {"2": 1}
    assert {row["finish_reason"] for row in workspace.rows("chains")} == {"stop"}


def test_the_verifiers_name_changes_with_its_vocabulary(tmp_path, monkeypatch):
    folder = tmp_path / "verifier"
    shutil.copytree(Path(verifier.__file__).parent, folder)
    monkeypatch.setattr(verifier, "__file__", str(folder / "__init__.py"))
    name = lesson._verifier.__wrapped__
    before = name()
    (folder / "__pycache__").mkdir(exist_ok=True)
    (folder / "__pycache__/other.pyc").write_text("")
    assert name() == before
    with (folder / "vocabulary.yaml").open("a") as file:
        file.write("# changed\n")
    assert name() != before


def test_a_solver_without_an_answer_is_not_distilled(tmp_path, monkeypatch):
    chosen = [problems(1)[0].model_copy(update={"id": "2011/x/02", "question": "Prove it."}), *problems(2)]
    workspace = Workspace(tmp_path, chosen)
    workspace.run_here(monkeypatch)
    assert workspace.rows("failed") == [
        {"problem_id": "2011/x/02", "level": None, "reason": "solver: no final answer in its reply"}
    ]


def test_reasoning_in_think_tags_reaches_the_distiller(tmp_path, monkeypatch):
    chosen = problems(1)
    text = f"<think>\nlong thoughts\n</think>\n\nAnswer: {chosen[0].answer}"
    server = Server(reply=lambda request: (200, {}, completion(request, text)))
    with server.running() as url:
        Workspace(tmp_path, chosen, **at(url)).run_here(monkeypatch)
    (distiller,) = [request["body"] for request in server.requests if "distiller" in request["body"]["model"]]
    shown = distiller["messages"][-1]["content"]
    assert "<reasoning>\nlong thoughts\n\nAnswer" in shown and "<think>" not in shown


def solver(**changes):
    """The parameters of a run with another solver."""
    roles = block()["roles"]
    return {"roles": roles | {"solver": roles["solver"] | changes}}


def budgeted(**solver):
    """The parameters of a run under a budget, with another solver."""
    roles = block()["roles"]
    prices = {role["model"]: {"input": 1, "output": 2} for role in roles.values()}
    return {"budget_usd": 1, "prices": prices, "roles": roles | {"solver": roles["solver"] | solver}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"teacher": "oracle"}, "teacher_cot.teacher"),
        ({"samples_per_problem": 0}, "teacher_cot.samples_per_problem"),
        ({"chains_per_problem": 2}, "chains_per_problem is 2, but samples_per_problem allows only 1 attempts"),
        (
            {"teacher": "replay", "samples_per_problem": 2, "chains_per_problem": 2},
            "chains_per_problem above 1 needs a teacher that can be asked",
        ),
        ({"levels": {"R7": 0.1}}, "teacher_cot.levels.R7"),
        (
            {"levels": {"R1": 0.9, "R2": 0.5}},
            "teacher_cot: levels has R1, the full chain that the others",
        ),
        ({"levels": {"R2": 0}}, "teacher_cot.levels.R2"),
        ({"levels": {"R2": 75}}, "teacher_cot.levels.R2"),
        ({"teacher": "replay", "samples_per_problem": 2}, "samples_per_problem above 1 needs a teacher that can be"),
        ({"teacher": "replay", "judge": True}, "judge needs a teacher that can be asked, not recorded chains"),
        (solver(max_tokens=99, max_tokens_if_truncated=99), "max_tokens_if_truncated is 99, and has to be above max_"),
        (
            solver(max_tokens_if_truncated=999, omit=["max_tokens"]),
            "teacher_cot.roles.solver: max_tokens_if_truncated is never sent, since omit has max_tokens",
        ),
        (solver(max_tokens_if_truncated=999, extra_body={"max_tokens": 9}), "since extra_body has max_tokens"),
        ({"teacher": "openai"}, "endpoints.test needs a base_url"),
        ({"budget_usd": 1}, "budget_usd needs a price for embedded/solver"),
        (
            budgeted(omit=["max_tokens"]),
            "budget_usd needs every reply to end at roles.solver.max_tokens, but roles.solver.omit has max_tokens",
        ),
        (budgeted(extra_body={"max_completion_tokens": 9}), "roles.solver.extra_body has max_completion_tokens"),
        (budgeted(extra_body={"n": 4}), "roles.solver.extra_body has n; take it out, or set budget_usd to null"),
        ({"endpoints": {}}, "roles.solver.endpoint is 'test', which endpoints does not name"),
        ({"teacher": "replay", "recorded": "nowhere"}, r"nowhere holds no \*.csv or \*.jsonl"),
    ],
)
def test_wrong_parameters_are_one_message(tmp_path, changes, says, monkeypatch, capsys):
    monkeypatch.chdir(Workspace(tmp_path, problems(1), **changes).folder)
    monkeypatch.setattr("sys.argv", ["teacher_cot"])
    with pytest.raises(SystemExit) as ended:
        run(main)
    assert re.search(says, str(ended.value.code))
    assert str(ended.value.code).startswith("error: ")


def test_exams_without_a_problem_are_said(tmp_path):
    done = Workspace(tmp_path, [], samples_per_problem=2, chains_per_problem=2).command()
    assert done.returncode == 1
    assert "data/parsed/problems.jsonl has no problem; data/parsed/left_out.jsonl has" in done.stderr


def test_two_problems_with_one_id(tmp_path):
    done = Workspace(tmp_path, [*problems(2), *problems(1)]).command()
    assert done.returncode == 1
    assert done.stderr.strip().endswith("two problems have the id 2011/freshman_sophomore_test/00000.")


def test_an_id_that_contest_and_benchmark_share_is_said_before_anything_is_asked(tmp_path):
    workspace = Workspace(tmp_path, problems(2), benchmark=True)
    write_jsonl(tmp_path / "data/transfer/problems.jsonl", problems(1))
    done = workspace.command()
    assert (done.returncode, list(tmp_path.rglob("teacher.sqlite"))) == (1, [])
    assert "transfer/problems.jsonl both have the id 2011/freshman_sophomore_test/00000." in done.stderr
