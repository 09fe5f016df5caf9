"""What requests cost, and a budget that is never exceeded."""

import json
import re

import pytest

from distil.endpoint import Usage
from distil.pipeline.files import InputError
from distil.teacher import Price, Store, money
from stages.teacher_cot import embedded
from stages.teacher_cot.projection import Missing, projected
from stages.teacher_cot.request import request
from stages.teacher_cot.settings import Embedded
from tests.teacher_cot.support import ROLE_NAMES, Server, Workspace, at, completion, problems, settings

PRICE = Price(input=2, output=8, cached_input=0.5)
PRICES = {f"embedded/{name}": {"input": 100, "output": 1000} for name in ROLE_NAMES}
ASKED = request("solver", settings().roles["solver"], "e", 1, {"question": "What is 1 + 2?"})


@pytest.mark.parametrize(
    ("used", "usd"),
    [
        (Usage(1_000_000, 0), 2),
        (Usage(0, 1_000_000), 8),
        (Usage(1_000_000, 500_000, 400_000), 0.6 * 2 + 0.4 * 0.5 + 4),
        (Usage(None, None), 0),
    ],
)
def test_cost(used, usd):
    assert money.cost(PRICE, used) == pytest.approx(usd)
    assert money.cost(None, used) == 0


def test_what_is_not_counted_is_paid_at_the_most_it_can_be():
    assert money.paid(PRICE, ASKED, Usage(5, None)) == money.at_most(PRICE, ASKED) > 0
    assert money.paid(PRICE, ASKED, None) == 0


def test_no_reply_can_cost_more_than_the_most():
    longest = Usage(money.prompt_bytes(ASKED), ASKED.max_tokens)
    assert money.at_most(PRICE, ASKED) == pytest.approx(money.cost(PRICE, longest))


def test_the_projection_follows_a_problem_to_its_end():
    parameters = settings(prices=PRICES)
    solver, distiller = 1.0, 0.5
    means = {"solver": solver, "distiller": distiller, "compressor": 0.1, "judge": 9.0}
    begun = [Missing([ASKED], verified=0)]
    assert projected(parameters, begun, means) == (7, pytest.approx(2.0))
    assert projected(settings(judge=True), begun, means) == (13, pytest.approx(56.0))
    assert projected(settings(judge=True), [], means, last=[ASKED]) == (1, solver)
    count, usd = projected(parameters, begun, {})
    assert count == 7 and usd > 0


def test_the_projection_counts_the_chains_that_verified_and_not_the_attempts():
    """An attempt is a request to the solver and one to the distiller; five shorter chains follow the first verified."""
    parameters = settings(prices=PRICES, chains_per_problem=3, samples_per_problem=8)

    def count(role: str, attempt: int, verified: int, requests: int = 1) -> int:
        texts = dict.fromkeys(("question", "reasoning", "answer", "solution"), "")
        values = texts | {"level": "R2", "solution_words": 1, "words": 1, "percent": 80}
        asked = request(role, parameters.roles[role], "e", attempt, values)
        return projected(parameters, [Missing([asked] * requests, verified)], {})[0]

    assert count("solver", 1, verified=0) == 3 * 2 + 5
    assert count("solver", 3, verified=0) == 3 * 2 + 5, "two attempts that failed leave three chains to be had"
    assert count("distiller", 3, verified=0) == 1 + 2 * 2 + 5
    assert count("solver", 4, verified=1) == 2 * 2, "the first chain was compressed already"
    assert count("compressor", 3, verified=1, requests=5) == 5 + 2 * 2
    assert count("solver", 7, verified=0) == 2 * 2 + 5, "no more than all samples"


def test_what_a_run_of_several_chains_announces_is_what_it_asks(tmp_path):
    """Without a slip of the teacher's every attempt verifies, as the projection takes it."""

    def reply(asked):
        spoken = embedded.answer(asked["model"], asked["messages"], 0, Embedded(seed=7, slip_share=0))
        return 200, {}, completion(asked, spoken.text, spoken.thinking)

    server = Server(reply=reply)
    with server.running() as url:
        done = Workspace(tmp_path, problems(4), chains_per_problem=2, samples_per_problem=3, **at(url)).command()
    announced = re.search(r"about ([\d,]+) requests to ask", done.stderr)
    assert announced and int(announced[1]) == len(server.requests) == 4 * (2 * 2 + 5)


def test_a_budget_is_never_exceeded_and_raising_it_goes_on(tmp_path, monkeypatch):
    whole = Server()
    with whole.running() as url:
        free = Workspace(tmp_path / "free", problems(15), prices=PRICES, **at(url))
        free.run_here(monkeypatch)
    needed = free.metrics()["cost_usd"]
    assert needed > 1
    server = Server({"another model": 0.1})  # paid and worth nothing
    with server.running() as url:
        for budget in (needed * 0.4, needed * 0.7):
            workspace = Workspace(tmp_path / "tight", problems(15), prices=PRICES, budget_usd=budget, **at(url))
            with pytest.raises(InputError, match=r"teacher_cot.budget_usd: \$.* are spent.*raise the budget and run"):
                workspace.run_here(monkeypatch)
            store = Store(tmp_path / "tight/cache/teacher.sqlite")
            assert budget - 1.5 < store.spent() <= budget  # the most that a request may cost here is about a dollar
            assert store.spent() == pytest.approx(charged(server))
            store.close()
        workspace.params(prices=PRICES, budget_usd=99, **at(url))
        workspace.run_here(monkeypatch)
    assert server.asked_again == 0
    assert workspace.outputs() == free.outputs()


def charged(server: Server) -> float:
    """What the server would put on the bill: every completion that it gave, whichever model it named."""
    usage = [given["usage"] for given in server.given]
    return sum(used["prompt_tokens"] * 100 + used["completion_tokens"] * 1000 for used in usage) / 1e6


def test_a_budget_too_small_for_one_request_asks_nothing(tmp_path, monkeypatch):
    server = Server()
    with server.running() as url:
        workspace = Workspace(tmp_path, problems(3), prices=PRICES, budget_usd=0.001, **at(url))
        with pytest.raises(InputError, match=r"\$0.0000 of \$0.0010 are spent"):
            workspace.run_here(monkeypatch)
    assert server.requests == []


def test_the_cost_metric_is_that_of_the_answers_used(tmp_path, monkeypatch):
    with Server().running() as url:
        workspace = Workspace(tmp_path, problems(6), prices=PRICES, **at(url))
        workspace.run_here(monkeypatch)
    metrics = workspace.metrics()
    assert metrics["cost_usd"] == pytest.approx(
        (metrics["prompt_tokens"] * 100 + metrics["completion_tokens"] * 1000) / 1e6
    )
    by_role = metrics["by_role"].values()
    assert sum(role["cost_usd"] for role in by_role) == pytest.approx(metrics["cost_usd"])
    assert sum(role["requests"] for role in by_role) == metrics["requests"]


def test_a_server_that_does_not_count_is_reckoned_at_the_most(tmp_path, monkeypatch):
    def reply(request):
        answer = json.loads(completion(request, "Answer: 1"))
        del answer["usage"]
        return 200, {}, json.dumps(answer).encode()

    with Server(reply=reply).running() as url:
        workspace = Workspace(tmp_path, problems(1), prices=PRICES, budget_usd=50, **at(url))
        workspace.run_here(monkeypatch)
    store = Store(tmp_path / "cache/teacher.sqlite")
    assert store.spent() > 1
    assert workspace.metrics()["cost_usd"] == pytest.approx(store.spent(), abs=1e-6)
    store.close()
