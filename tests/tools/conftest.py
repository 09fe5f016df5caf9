"""Two repositories, each built once; a test that changes one works in a copy."""

from pathlib import Path

import pytest

from tests.tools.small import build_small
from tests.tools.toy import Toy, build
from tests.workspace import built_once


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A repository whose pipeline ran and was committed; not to be changed."""
    built = built_once(tmp_path_factory, "toy", lambda folder: build(folder / "repository"))
    return Toy(built / "repository").copy(tmp_path_factory.mktemp("own") / "repository")


@pytest.fixture
def toy(committed: Toy, tmp_path: Path) -> Toy:
    """A copy of it, to change."""
    return committed.copy(tmp_path / "repository")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The real pipeline at a tenth of its size, run and committed; not to be changed."""
    return build_small(tmp_path_factory.mktemp("small") / "repository")
