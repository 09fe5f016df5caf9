"""A run from synthetic records, scored by the real stages, its report, and a browser."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from stages.report.__main__ import write_report
from stages.report.inputs import CONTEST, load_run
from stages.report.questions import collect
from tests.report import synthetic
from tests.workspace import built_once, inside

ROOT = Path(__file__).resolve().parents[2]


def stage(name: str, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m stages.<name>` in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", f"stages.{name}", *args],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run: 270 contest and 60 transfer questions, five seeds, six levels, its report written."""

    def write(folder: Path) -> None:
        synthetic.write_run(folder, synthetic.hostile(synthetic.problems(6)), synthetic.transfer(60))
        for name in ("verified", "eval", "length_sweep"):
            assert inside(folder, f"stages.{name}").returncode == 0
        done = stage("report", folder)  # a process that has drawn nothing yet has no other fonts
        assert done.returncode == 0, done.stderr

    folder = tmp_path_factory.mktemp("own") / "run"  # tests of bad input change it for a moment
    return shutil.copytree(built_once(tmp_path_factory, "run", write), folder)


@pytest.fixture(scope="module")
def browser(chromium: dict[str, Any]) -> Iterator[Browser]:
    """Debian's Chromium, or whichever is installed; gone after the module, with Playwright's event loop."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(**chromium)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, run_folder: Path) -> Iterator[Page]:
    """The report of `run_folder`, opened from disk; any error, and any request but the page's own, fails the test."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        opened = context.new_page()
        faults: list[str] = []
        opened.on("console", lambda message: faults.append(message.text) if message.type != "log" else None)
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on(
            "request", lambda request: faults.append(request.url) if request.resource_type != "document" else None
        )
        opened.goto((run_folder / "reports/index.html").as_uri())
        yield opened
        assert faults == []


@pytest.fixture(scope="session")
def large_page(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of `run_folder` with a list of 20,250 questions: base and two seeds, with chains and levels."""
    contest = synthetic.problems(450)
    unseen = {problem.id for problem in contest if problem.year in synthetic.HELD_OUT}
    questions = collect(
        {CONTEST: contest},
        synthetic.scored(contest, [], (0, 1), unseen),
        synthetic.level_scored(contest, ("R1",), unseen),
        synthetic.chains(contest, ("R1",)),
        ["held_out"],
        ["seed_0", "seed_1"],
    )
    folder = tmp_path_factory.mktemp("large")
    with contextlib.chdir(run_folder):
        run = load_run()
    with contextlib.chdir(folder):
        write_report(folder / "index.html", run, questions, folder)
    return folder / "index.html"
