"""The pages that lead in: each in two languages, each command of them one that there is, the first of them run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import reference
import yaml
from typer.testing import CliRunner

from nextitem import __all__ as public
from nextitem.cli.main import app

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
NAV = {
    title: [page for entry in pages for page in entry.values()]
    for group in yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    for title, pages in group.items()
}
IN_TWO = [*NAV["Start"], *NAV["Guides"], "ideas.md"]


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def fenced(page: str) -> list[str]:
    return re.findall(r"^```\w*\n.*?^```$", text(page), flags=re.DOTALL | re.MULTILINE)


def unfenced(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", text(page), flags=re.DOTALL | re.MULTILINE)


def indented(page: str) -> list[str]:
    return re.findall(r"^    \S.*$", unfenced(page), re.MULTILINE)


def links(page: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", unfenced(page))


def anchors(page: str) -> set[str]:
    """Of the headings, as the site and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", unfenced(page), re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower())) for heading in headings}


def commands(page: str) -> list[list[str]]:
    lines = [line.split("  #")[0] for line in indented(page) if line.startswith("    nextitem ")]
    return [shlex.split(line)[1:] for line in lines]


def test_every_page_has_its_place() -> None:
    placed = [page for pages in NAV.values() for page in pages if not page.startswith("reference/")]
    assert sorted(placed) == sorted(path.name for path in DOCS.glob("*.md") if not path.name.endswith(".zh.md"))
    assert {f"reference/{name}.md" for name in reference.PAGES} <= set(NAV["Reference"])


@pytest.mark.parametrize("page", [*IN_TWO, "../README.md"])
def test_page_has_its_twin(page: str) -> None:
    twin = page.replace(".md", ".zh.md")
    levels = [re.findall(r"^#+ ", unfenced(one), re.MULTILINE) for one in (page, twin)]
    assert levels[0] == levels[1]
    assert fenced(page) == fenced(twin)
    assert indented(page) == indented(twin)
    assert len(re.findall(r"[一-鿿]", text(twin))) > 100


@pytest.mark.parametrize("page", IN_TWO)
def test_links_of_twins_lead_to_the_same_places(page: str) -> None:
    """The site gives a twin's headings the anchors of the page's."""
    assert set(links(page)) == set(links(page.replace(".md", ".zh.md")))


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md") if not path.name.endswith(".zh.md")))
def test_links_lead_somewhere(page: str) -> None:
    for link in links(page):
        place, _, anchor = link.partition("#")
        if re.match(r"https?://|reference/", place):
            continue
        assert (DOCS / (place or page)).is_file(), link
        assert not anchor or not (place or page).endswith(".md") or anchor in anchors(place or page), link


def test_twins_are_those_that_are_listed() -> None:
    assert sorted(path.name for path in DOCS.glob("*.zh.md")) == sorted(
        page.replace(".md", ".zh.md") for page in IN_TWO
    )


def test_the_first_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seconds: it trains two models, as whoever reads the page does."""
    monkeypatch.chdir(tmp_path)
    log, same = (block.removeprefix("```python\n").removesuffix("```") for block in fenced("start.md"))
    exec(log, {})
    for command in commands("start.md"):
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        assert result.exit_code == 0, (command, result.output)
    assert len(Path("next.csv").read_text().splitlines()) == 1 + 400 * 10
    exec(same, {})
    assert "sku-" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["which-model.md", "coming-from.md"])
def test_runs_of_a_page_have_a_recipe(page: str) -> None:
    runs = [command[1:] for command in commands(page) if command[0] == "run"]
    assert runs
    for arguments in runs:
        result = CliRunner().invoke(app, ["recipe", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, (arguments, result.output)


def test_keys_that_are_set_beside_others_are_ours() -> None:
    """Every `section.key: value` of the right column is one that a recipe takes."""
    set_here = re.findall(r"`((?:data|split|training|evaluation)\.\w+): ([^`]+)`", text("coming-from.md"))
    assert len(set_here) > 20
    sections = reference.SECTIONS
    for path, value in set_here:
        section, _, key = path.partition(".")
        sections[section].__pydantic_validator__.validate_assignment(
            sections[section].model_construct(), key, yaml.safe_load(value)
        )


def test_pictures_ask_nothing_of_another_place() -> None:
    pictures = list((DOCS / "pictures").glob("*.svg"))
    assert pictures
    for picture in pictures:
        svg = picture.read_text(encoding="utf-8")
        assert "<image" not in svg
        assert "url(" not in svg.replace("url(#", "")
        assert len(svg) < 30_000


def test_reference_tells_every_command_key_and_name() -> None:
    told = {name: page() for name, page in reference.PAGES.items()}
    names = typer_names()
    assert re.findall(r"^## (\S+)$", told["commands"], re.MULTILINE) == names
    keys = re.findall(r"^\| `(\w+\.\w+)` \| [^|]* \| (.*) \|$", told["recipe"], re.MULTILINE)
    assert len(keys) == sum(len(section.model_fields) for section in reference.SECTIONS.values())
    assert [key for key, meaning in keys if not meaning] == []
    named = set(re.findall(r"^::: \S+\.(\w+)$", told["python"], re.MULTILINE))
    assert named | {"batches", "hub", "losses", "models", "spark", "split"} == set(public)


def typer_names() -> list[str]:
    import typer

    return list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
