"""Print how many requests are answered and how many are left, and what they cost and will cost."""

import sys
from collections import Counter

from distil.pipeline.records import Problem
from distil.teacher import Store, Total
from stages.teacher_cot.embedded import endpoint_names
from stages.teacher_cot.projection import projected
from stages.teacher_cot.results import Lacking, recall_all
from stages.teacher_cot.settings import Settings

HEADER = ("role", "model", "answered", "refused", "pending", "failed", "prompt tokens", "completion tokens", "US$")


def announce(settings: Settings, store: Store, lacking: Lacking) -> None:
    """Print on standard error how many requests a run will send, and their likely cost."""
    count, usd = projected(settings, lacking.lessons, _means(settings, store), lacking.last)
    spent = f"${store.spent():.4f} are spent{_budget(settings)}"
    print(f"teacher: about {count:,} requests to ask, about ${usd:.2f}; {spent}", file=sys.stderr)


def show(settings: Settings, store: Store, problems: list[Problem]) -> None:
    """Print the store's totals by role and model, and the requests that the present problems still need."""
    answered = {(row.role, row.model): row for row in store.totals()}
    lacking = Lacking([], [])
    if settings.teacher != "replay":
        try:
            for _ in recall_all(problems, settings, endpoint_names(settings), store, asked=False):
                pass
        except Lacking as unanswered:
            lacking = unanswered
    pending: Counter[tuple[str, str]] = Counter((request.role, request.model) for request in lacking.requests)
    rows: list[tuple[str, ...]] = [HEADER]
    for role, model in sorted({*answered, *pending}):
        row = answered.get((role, model), Total(role, model))
        counts = (row.answered, row.refused, pending[role, model], row.failed, row.prompt_tokens, row.completion_tokens)
        rows.append((role, model, *(f"{count:,}" for count in counts), f"{row.cost_usd:.4f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for role, model, *numbers in rows:
        cells = [role.ljust(widths[0]), model.ljust(widths[1])]
        cells += [number.rjust(width) for number, width in zip(numbers, widths[2:], strict=True)]
        print("  ".join(cells))
    count, usd = projected(settings, lacking.lessons, _means(settings, store), lacking.last)
    print(f"\nstill to ask: about {count:,} requests, about ${usd:.2f}")
    print(f"spent: ${store.spent():.4f}{_budget(settings)}")


def _means(settings: Settings, store: Store) -> dict[str, float]:
    """The mean cost of an answer by role, for roles whose model has answers in the store."""
    models = {(name, role.model) for name, role in settings.roles.items()}
    return {
        row.role: row.cost_usd / row.answered
        for row in store.totals()
        if row.answered and (row.role, row.model) in models
    }


def _budget(settings: Settings) -> str:
    return "" if settings.budget_usd is None else f" of the budget's ${settings.budget_usd:.2f}"
