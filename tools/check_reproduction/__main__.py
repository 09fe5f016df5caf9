"""Run a revision's pipeline from nothing and compare it, stage by stage, with what that revision committed.

make check-reproduction [REV=HEAD] [STAGES="verified train_split"] [TWICE=1] [SHUFFLE=1]
python -m tools.check_reproduction [--rev HEAD] [--stages STAGE ...] [--twice] [--shuffle]

The revision is cloned into a temporary folder with an empty DVC cache and installed from its own lock. Every stage runs
with only the files and parameters that it declares. Exit status 0: every stage kept its promise (docs/reproduction.md).
Exit status 1: one did not, and its differences are shown; or the check could not run, and a line says why.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from distil.lm.environment import explain, same_numerics
from distil.pipeline.command import run
from distil.pipeline.files import write_json, write_text
from tools.check_reproduction.compare import Result, RunComparison
from tools.check_reproduction.revision import install, machine_of, read_revision
from tools.check_reproduction.run import PipelineRun, run_pipeline
from tools.git import repository


def main() -> int:
    """Run the pipeline once or twice, compare, and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rev", default="HEAD", help="the revision to reproduce (%(default)s)")
    parser.add_argument("--stages", nargs="*", default=[], metavar="STAGE", help="only these and what they depend on")
    parser.add_argument("--twice", action="store_true", help="run it a second time and compare the two runs as well")
    parser.add_argument("--shuffle", action="store_const", const=7, help="run stages in a random order, two at a time")
    parser.add_argument("--no-install", action="store_true", help="use this environment, not a new one from the lock")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write the result as Markdown, for a pull request")
    options = parser.parse_args()
    source = repository(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="reproduction-") as name:
        folder = Path(name)
        revision = read_revision(source, options.rev, options.stages, folder)
        python = Path(sys.executable) if options.no_install else install(revision.root)
        there, here = revision.environment(), machine_of(revision.root, python)
        committed = PipelineRun(revision.lock, revision.output)
        first = run_pipeline(revision, python, folder / "first", None if options.twice else options.shuffle)
        rules = revision.rules if there and not same_numerics(there, here) else None
        outcomes = RunComparison(revision, committed, first, rules).outcomes()
        sections = {"This run against what the revision committed": outcomes}
        if options.twice:
            second = run_pipeline(revision, python, folder / "second", options.shuffle)
            outcomes = RunComparison(revision, first, second, rules=None).outcomes()
            sections["A second run against the first"] = outcomes
    result = Result(revision.commit, explain(there, here) if there else [], sections)
    print(result.as_text())
    if options.json:
        write_json(options.json, result.as_json())
    if options.summary:
        write_text(options.summary, result.as_text())
    return 0 if result.reproduced else 1


if __name__ == "__main__":
    run(main)
