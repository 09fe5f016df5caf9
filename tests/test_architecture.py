"""A reader who looks a thing up in docs/architecture.md finds it there in one step."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
QUESTIONS = re.findall(r"^\| (\d+)\. (.+?\?) \| `([^`]+)`(?:: (.+?))? \|$", PAGE, re.M)
TREE = PAGE.split("## The tree")[1].split("```")[1]


def test_there_are_twenty_questions() -> None:
    assert [int(number) for number, *_ in QUESTIONS] == list(range(1, 21))


@pytest.mark.parametrize(("question", "path", "names"), [row[1:] for row in QUESTIONS])
def test_each_leads_to_a_file_that_has_what_it_names(question: str, path: str, names: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    for name in re.findall(r"`(\w+)`", names):
        assert re.search(rf"^(def|class) {name}\b", text, re.M), f"{question} {path} has no {name}"


def test_the_tree_has_every_package_of_stages_library_and_tools_and_no_other() -> None:
    folder, named = "", set()
    for line in TREE.strip("\n").splitlines():
        name = line.split()[0]
        if not name.endswith("/"):
            continue
        folder = folder if line.startswith(" ") else name
        named.add(f"{folder}{name}" if line.startswith(" ") else name)
    command = ["git", "ls-files", "stages/*/__init__.py", "distil/*/__init__.py", "tools/*/__init__.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    packages = {f"{Path(path).parent.as_posix()}/" for path in listed if path.count("/") == 2}
    shown = {name for name in named if name.startswith(("stages/", "distil/", "tools/")) and name.count("/") == 2}
    assert shown == packages


def test_the_diagram_has_every_stage() -> None:
    diagram = PAGE.split("```mermaid")[1].split("```")[0]
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    assert [stage for stage in stages if not re.search(rf"\b{stage}\b", diagram)] == []
    assert set(re.findall(r"(\w+)@", diagram)) <= set(stages), "a group of stages that is gone"


def test_it_names_every_other_page() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert set(re.findall(r"\]\((\S+?\.md)\)", PAGE)) == pages - {"architecture.md", "README.md"}
