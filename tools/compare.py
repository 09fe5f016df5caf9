"""The paired test between two revisions on the questions they share.

    python -m tools.compare A B            (or `make compare A=main~1 B=main`)

A and B are names that git or `dvc exp` knows (a commit, tag, branch, experiment), or `workspace`. Reads only
plots/eval/verdicts.csv of each. That file is in git, so nothing has to be pulled. A question whose text or key changed
is not shared. Each model's row has the difference between B and A on the shared questions.
"""

import argparse
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.scm import SCMError

from distil.pipeline.command import run
from distil.pipeline.files import InputError
from distil.pipeline.numbers import rounded
from distil.statistics.difference import difference
from distil.statistics.paired import mcnemar, median_seed, sign_flips
from tools.git import repository

VERDICTS = "plots/eval/verdicts.csv"
RESAMPLES = 10_000
WORKSPACE = "workspace"


def main() -> None:
    """Read both revisions' verdicts, compare base with base and student with student, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", help="the first revision")
    parser.add_argument("b", help="the second revision")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()
    repository(Path.cwd())
    rows = compare(read_verdicts(args.a), read_verdicts(args.b))
    if args.json:
        print(json.dumps({"a": args.a, "b": args.b, "rows": rounded(rows)}, indent=2))
    else:
        print(f"A = {args.a}, B = {args.b}; accuracies in %, differences B - A in points with their 95 % interval\n")
        print(table(rows))


def read_verdicts(revision: str) -> pd.DataFrame:
    """The verdicts of a revision. Raises InputError when there is no such revision, or it has no verdicts."""
    try:
        files = DVCFileSystem(rev=None if revision == WORKSPACE else revision)
        return pd.read_csv(io.StringIO(files.read_text(VERDICTS, encoding="utf-8")), dtype={"id": str})
    except (SCMError, DvcException) as error:
        raise InputError(f"revision '{revision}' could not be read: {error}") from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{revision} has no readable {VERDICTS}: run `dvc repro eval` there and commit it ({error})."
        ) from error


def compare(a: pd.DataFrame, b: pd.DataFrame) -> list[dict[str, Any]]:
    """One row for base and one for student on every part, over the questions of both revisions.

    The student is the mean over the seeds of both. McNemar's test compares the seeds of median accuracy by their
    `gained` and `lost` questions. `sign_flip_p` uses all seeds. The clusters of near-duplicates are those of B.
    """
    rows = []
    for part in dict.fromkeys([*a["part"], *b["part"]]):
        first, second = (frame[frame["part"] == part] for frame in (a, b))
        before, after = (
            frame.pivot(index=["id", "fingerprint"], columns="model", values="right") for frame in (first, second)
        )
        shared = before.index.intersection(after.index)
        clusters = second.drop_duplicates("id").set_index("id")["cluster"]
        known = [model for model in before.columns if model in after.columns]
        for name, models in (("base", ["base"]), ("student", [model for model in known if model != "base"])):
            row: dict[str, Any] = {
                "part": part, "model": name, "shared": len(shared),
                "only_a": len(before) - len(shared), "only_b": len(after) - len(shared),
            }  # fmt: skip
            if len(shared) and set(models) <= set(known) and models:
                labels = clusters.loc[shared.get_level_values("id")].to_numpy()
                row |= paired(
                    before.loc[shared, models].to_numpy(float), after.loc[shared, models].to_numpy(float), labels
                )
            rows.append(row)
    return rows


def paired(before: np.ndarray, after: np.ndarray, clusters: np.ndarray) -> dict[str, Any]:
    """The difference of two models' verdicts (questions, seeds) with its interval and tests."""
    found = difference(before, after, clusters, RESAMPLES, np.random.default_rng(0))
    assert found.value is not None and found.both is not None
    test = mcnemar(before[:, median_seed(before)], after[:, median_seed(after)])
    return {
        "a": float(before.mean()), "b": float(after.mean()), "difference": 100 * found.value,
        "low": 100 * found.both.low, "high": 100 * found.both.high, "gained": test.gained, "lost": test.lost,
        "mcnemar_p": test.p, "sign_flip_p": sign_flips(before, after, clusters), "seeds": before.shape[1],
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as aligned text."""
    lines = [
        ["part", "model", "shared", "A", "B", "B - A", "95 % interval", "gained", "lost", "McNemar p", "all seeds p"]
    ]
    for row in rows:
        cells = [row["part"], row["model"], f"{row['shared']}"]
        if "a" in row:
            cells += [
                f"{100 * row['a']:.1f}", f"{100 * row['b']:.1f}", f"{row['difference']:+.1f}",
                f"{row['low']:+.1f} to {row['high']:+.1f}", f"{row['gained']}", f"{row['lost']}",
                f"{row['mcnemar_p']:.3g}", "none" if row["sign_flip_p"] is None else f"{row['sign_flip_p']:.3g}",
            ]  # fmt: skip
        lines.append([*cells, *["none"] * (len(lines[0]) - len(cells))])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


if __name__ == "__main__":
    run(main)
