"""The pages lead to each other (what their commands name is there: test_commands.py)."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


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


def test_the_page_on_removing_everything_names_what_the_code_keeps_elsewhere() -> None:
    page = (ROOT / "docs/faq.md").read_text("utf-8").partition("To remove everything")[2]
    sources = [path for folder in ("distil", "stages", "tools") for path in (ROOT / folder).rglob("*.py")]
    kept = {name for path in sources for name in re.findall(r'"\.cache"\) / "([\w-]+)"', path.read_text("utf-8"))}
    assert kept and [name for name in kept if f"~/.cache/{name}" not in page] == []
