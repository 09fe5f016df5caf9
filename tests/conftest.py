"""Fixtures that several test modules share."""

import gc
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from distil.lm.cpu import blas

blas.route()  # before any test imports MLX or SciPy, as the stages do
# Hypothesis would end an example after 200 ms by the clock. `make test` finds the same tomorrow; `make test-all` draws
# new examples.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("new", deadline=None)
hypothesis.settings.load_profile("same")

# a script's background job ignores Ctrl-C, and so would the programs that tests interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["DVC_NO_ANALYTICS"] = "1"  # else each `dvc` command forks a process that reports it to the makers of DVC

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the tests' modules have loaded. statsmodels has it search at each correction."""
    gc.collect()
    gc.freeze()


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> dict[str, Any]:
    """How Playwright starts the browser that is installed; tests that need one are skipped without it."""
    if path := next(filter(None, map(shutil.which, BROWSERS)), None):
        return {"executable_path": path, "args": FLAGS}
    pytest.skip("needs a Chromium (on Debian: apt-get install chromium), which is not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Look for the browser before a page is made for it."""
    for item in items:
        item.fixturenames.sort(key=lambda name: name != "chromium")  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real exams, chains and labels beside the repository; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared"
    if not (folder / "job").is_dir():
        pytest.skip("needs ../shared (the study's public files), which is not beside this checkout")
    return folder
