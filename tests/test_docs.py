"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest

from threatkit import __version__
from threatkit.config import Config
from threatkit.derive import architecture, cli_docs, reference
from threatkit.options import ModelOptions, SamplingOptions

ROOT = Path(__file__).resolve().parent.parent


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def fenced(section: str) -> list[str]:
    """Return the fenced commands of a section of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    body = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^```\w*\n(.*?)^```$", body, flags=re.M | re.S)


def test_the_command_line_page_is_current() -> None:
    assert cli_docs.PAGE.read_text(encoding="utf-8") == cli_docs.page(), "run: make docs"


def test_the_list_of_modules_is_current() -> None:
    text = architecture.PAGE.read_text(encoding="utf-8")
    assert text == architecture.page(text), "run: make docs"


def test_the_reference_is_current() -> None:
    assert reference.OUTPUTS.read_text(encoding="utf-8") == reference.outputs_page()
    text = reference.CONFIGURATION.read_text(encoding="utf-8")
    assert text == reference.configuration_page(text), "run: make docs"


def test_every_key_of_the_configuration_is_documented() -> None:
    text = reference.CONFIGURATION.read_text(encoding="utf-8")
    template = (ROOT / "maps" / "workspace" / "threatkit.toml").read_text(encoding="utf-8")
    for kind in (Config, ModelOptions, SamplingOptions):
        for key in vars(kind()):
            assert f"`{key}`" in text or f"[{key}]" in text, key
            assert re.search(rf"\b{key}\b", template), key


@pytest.mark.parametrize("section", ["Run", "Test"])
def test_the_readme_has_one_command_to_run_and_one_to_test(section: str) -> None:
    blocks = fenced(section)
    assert len(blocks) == 1
    assert len(blocks[0].strip().splitlines()) == 1


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    for target in targets:
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


def test_the_version_is_the_same_everywhere() -> None:
    for name, pattern in (
        ("pyproject.toml", rf'^version = "{__version__}"$'),
        ("CITATION.cff", rf"^version: {__version__}$"),
        ("CHANGELOG.md", rf"^## {__version__}"),
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.search(pattern, text, flags=re.M), name
