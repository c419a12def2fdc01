"""Every command that the guides show is run; every link leads somewhere; the site has every page."""

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
GUIDES = [DOCS / "first-steps.md", *sorted((DOCS / "guides").glob("*.md"))]


def load_commands():
    spec = importlib.util.spec_from_file_location("docs_commands", DOCS / "commands.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


commands = load_commands()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_commands_of_a_guide_run_as_they_stand(page: Path) -> None:
    text = page.read_text()
    ran = commands.run(text)
    assert ran, "a guide without commands"
    # what is printed is in the page too, in as many lines: `python docs/commands.py PAGE` writes it anew
    shown = commands.with_outputs(text, ran)
    assert len(shown.splitlines()) == len(text.splitlines())


def test_a_command_that_fails_is_named() -> None:
    page = "```console\n$ true\n$ lookalike nonsense\n$ true\n```\n"
    with pytest.raises(commands.CommandFailed) as caught:
        commands.run(page)
    assert caught.value.command == "lookalike nonsense"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    for page in PAGES:
        assert f": {page.relative_to(DOCS)}" in navigation, page


def test_python_examples_of_the_guides_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that need no service: the others are run with the real client in tests/service."""
    guide = (DOCS / "guides" / "embeddings.md").read_text()
    example = next(
        block for block in re.findall(r"```python\n(.*?)```", guide, re.S) if "Encoder" in block
    )
    sample = ROOT / "src" / "lookalike" / "sample" / "pictures" / "t-shirt-02.webp"
    shutil.copy(sample, tmp_path / "shirt.webp")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "embeddings.md", "exec"), {})
