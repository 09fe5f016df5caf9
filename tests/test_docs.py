"""The pages lead to each other, and their commands exist: every link, every command, every parameter that one sets."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tools.params import compose

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("make", "dvc", "python", "export", "git", "gh", "du", "mlx_lm.generate", "mlx.launch", "tar")


def anchor(heading: str) -> str:
    """GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def links() -> list[tuple[str, str]]:
    """Every link of every page to a file or an anchor here."""
    found = [(page, target) for page in PAGES for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))]
    return [
        (page.relative_to(ROOT).as_posix(), target)
        for page, target in found
        if "://" not in target and "../actions/" not in target
    ]


@pytest.mark.parametrize(("page", "target"), links())
def test_every_link_leads_somewhere(page: str, target: str) -> None:
    path, _, fragment = target.partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    assert file.exists()
    if fragment:
        headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
        assert fragment in [anchor(heading) for heading in headings]


def test_the_index_leads_to_every_page() -> None:
    text = (ROOT / "docs/README.md").read_text("utf-8")
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"({page.name}" not in text] == ["README.md"]


def commands() -> list[tuple[str, str]]:
    """Every command in a block of a page: a line, with those that continue it, that begins with a program."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8").replace("\\\n", " ")
        fenced = False
        for line in text.splitlines():
            if line.startswith("```"):
                fenced = not fenced
            if not (fenced or line.startswith("    ")):
                continue
            command = re.sub(r"\s+# .*", "", line.strip().removeprefix("$ "))
            if command.split(" ")[0] in PROGRAMS and not re.match(r"\S+\s{3,}\S", command):
                found += [(page.name, part) for part in command.split(" && ")]
    return found


def test_commands_are_found() -> None:
    assert len(commands()) > 60
    assert ("README.md", "make repro") in commands()


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_names_what_exists(page: str, command: str, tmp_path: Path) -> None:
    words = shlex.split(command.replace("...", ""))
    if words[0] == "make":
        recipe = re.search(rf"^{words[1]}:.*\n((?:\t.*\n)*)", (ROOT / "Makefile").read_text("utf-8"), re.M)
        assert recipe, f"the Makefile has no target {words[1]}"
        for setting in (word.partition("=")[0] for word in words[2:]):
            assert f"$({setting})" in recipe[1], f"make {words[1]} reads no {setting}"
    elif words[:2] == ["python", "-m"] and words[2].split(".")[0] in ("stages", "tools", "distil"):
        module = ROOT / words[2].replace(".", "/")
        sources = list(module.glob("*.py")) or [module.with_suffix(".py")]
        code = "".join(source.read_text("utf-8") for source in sources)
        for option in (word.partition("=")[0] for word in words[3:] if word.startswith("--")):
            assert f'"{option}"' in code, f"{words[2]} has no {option}"
    elif words[:3] == ["dvc", "exp", "run"] or words[:3] == ["python", "-m", "tools.params"]:
        overrides = [after for before, after in pairwise(words) if before == "-S"]
        several = any("," in each and "[" not in each and "{" not in each for each in overrides)
        compose(tmp_path / "params.yaml", [each.split(",")[0] if several else each for each in overrides])
        stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
        values = {after for before, after in pairwise(words) if before.startswith("-")}
        for target in (word for word in words[3:] if not word.startswith("-") and word not in values):
            assert target in stages, f"dvc.yaml has no stage {target}"


def test_the_page_on_removing_everything_names_what_the_code_keeps_elsewhere() -> None:
    page = (ROOT / "docs/faq.md").read_text("utf-8").partition("To remove everything")[2]
    sources = [path for folder in ("distil", "stages", "tools") for path in (ROOT / folder).rglob("*.py")]
    kept = {name for path in sources for name in re.findall(r'"\.cache"\) / "([\w-]+)"', path.read_text("utf-8"))}
    assert kept and [name for name in kept if f"~/.cache/{name}" not in page] == []
