"""Run a revision's pipeline from nothing and compare it, stage by stage, with what that revision committed.

make check-reproduction [REV=HEAD] [STAGES="verified train_split"] [TWICE=1] [SHUFFLE=1]
python -m tools.check_reproduction [--rev HEAD] [--stages STAGE ...] [--twice] [--shuffle]

The revision is cloned into a temporary folder with an empty DVC cache and installed from its own lock; every stage runs
with only the files and parameters it declares. Exit status 0: every stage kept its promise (docs/reproduction.md). Exit
status 1: one did not, and the first such is shown with what differs; or the check could not run, and a line says why.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from distil.lm.environment import explain, same_numerics
from distil.pipeline.command import run
from distil.pipeline.files import write_json, write_text
from tools.check_reproduction.attempt import Revision, attempt, committed_fingerprint, committed_run
from tools.check_reproduction.summary import Result, Section
from tools.git import git, repository

ORDER_SEED = 7


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rev", default="HEAD", help="the revision to reproduce (%(default)s)")
    parser.add_argument("--stages", nargs="*", default=[], metavar="STAGE", help="only these and what they depend on")
    parser.add_argument("--twice", action="store_true", help="run it a second time and compare the two runs as well")
    parser.add_argument("--shuffle", action="store_true", help="run independent stages in another order, two at a time")
    parser.add_argument("--no-install", action="store_true", help="use this environment, not a new one from the lock")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write the result as Markdown, for a pull request")
    return parser.parse_args()


def main() -> int:
    """Run the pipeline once or twice, compare, and say what came out."""
    options = arguments()
    started = time.monotonic()
    source = repository(Path.cwd())
    commit = git(source, "rev-parse", "--verify", f"{options.rev}^{{commit}}").strip()
    revision, order = Revision(source, commit, tuple(options.stages)), ORDER_SEED if options.shuffle else None
    with tempfile.TemporaryDirectory(prefix="reproduction-") as name:
        folder = Path(name)
        first = attempt(revision, folder / "first", not options.no_install, None if options.twice else order)
        committed, there, here = (
            committed_run(revision, folder / "committed"),
            committed_fingerprint(first.root),
            first.fingerprint,
        )
        same = there is None or here is None or same_numerics(there, here)
        sections = [Section("This run against what the revision committed", first.against(committed, same))]
        if options.twice:
            second = attempt(revision, folder / "second", not options.no_install, order)
            sections.append(Section("A second run against the first", second.against(first.run, same_numerics=True)))
    result = Result(commit, explain(there, here) if there and here else [], sections)
    print(result.as_text())
    print(f"Took {time.monotonic() - started:.0f} s.", file=sys.stderr)
    if options.json:
        write_json(options.json, result.as_json())
    if options.summary:
        write_text(options.summary, result.as_text())
    return 0 if result.reproduced else 1


if __name__ == "__main__":
    run(main)
